// Words with NATS in its own protocol, from a container beside it.

/**
 * Connects as `user` (nobody when null), sends each of `lines`, and resolves with what NATS answered to each: +OK, or its
 * complaint.
 */
export async function talkToNats(cluster, user, lines = []) {
  const script = `
    exec 3<>/dev/tcp/nats/4222
    read -r -t 5 info <&3
    ${user ? `login='"user":"${user}","pass":"'"$(</run/secrets/natter/password)"'",'` : "login=''"}
    # Messages of others come between the answers.
    say() {
      printf '%s\\r\\n' "$@" >&3
      while IFS= read -r -t 5 answer <&3; do
        case "$answer" in +OK*|-ERR*) echo "\${answer%$'\\r'}"; return ;; esac
      done
      echo 'no answer'
    }
    say "CONNECT {$login\\"verbose\\":true,\\"pedantic\\":false}"
    ${lines.map((line) => `say ${line.map((part) => `'${part}'`).join(' ')}`).join('\n')}
  `;
  return (await cluster.script(user ?? 'backend', script)).split('\n');
}

export const publish = (subject) => [`PUB ${subject} 2`, 'hi'];
export const subscribe = (subject) => [`SUB ${subject} 1`];
