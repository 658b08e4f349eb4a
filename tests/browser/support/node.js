// A Natter node as a user starts it: the binary, a port, and the client's bundle for the page to load.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const PROGRAM = process.env.GATEWAY ?? fileURLToPath(new URL('../../../target/debug/natter', import.meta.url));
const BUNDLE = fileURLToPath(new URL('../node_modules/socket.io-client/dist', import.meta.url));
const DEADLINE = 20_000;

export class Node {
  #process;
  #name;
  #flags;

  static async start({ name = 'parlour', flags = [] } = {}) {
    const node = new Node();
    node.#name = name;
    node.#flags = flags;
    await node.#launch(0);
    return node;
  }

  /** Resolves when the node says that it is ready. */
  async isReady() {
    const deadline = Date.now() + DEADLINE;
    for (;;) {
      const answer = await fetch(`${this.url}/ready`);
      if (answer.ok) return;
      if (Date.now() > deadline) throw new Error(`not ready within ${DEADLINE} ms: ${await answer.text()}`);
      await new Promise((resolve) => { setTimeout(resolve, 50); });
    }
  }

  async #launch(port) {
    const child = spawn(PROGRAM, ['--host', '127.0.0.1', '--port', String(port), '--node', this.#name, ...this.#flags], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NATTER_CLIENT_BUNDLE: BUNDLE },
    });
    this.#process = child;
    let complaints = '';
    child.stderr.on('data', (text) => { complaints = (complaints + text).slice(-4_000); });

    let timer;
    this.url = await new Promise((resolve, reject) => {
      const fail = (why) => reject(new Error(`${PROGRAM} ${why}: ${complaints}`));
      timer = setTimeout(() => fail(`did not print "ready" within ${DEADLINE} ms`), DEADLINE);
      child.once('error', reject);
      child.once('exit', (code, signal) => fail(`ended at once (${code ?? signal})`));
      createInterface({ input: child.stdout }).on('line', (line) => {
        const ready = line.match(/^ready (http:\/\/\S+)/);
        if (ready) resolve(ready[1]);
      });
    }).finally(() => clearTimeout(timer));
  }

  /** Ends the process; SIGKILL is the crash, SIGTERM the orderly end. Resolves with the exit status, if it has one. */
  async stop(signal) {
    const child = this.#process;
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    const exited = once(child, 'exit');
    child.kill(signal);
    const [code] = await exited;
    return code;
  }

  /** SIGSTOP and SIGCONT: it does nothing for a while, and goes on. */
  signal(signal) {
    this.#process.kill(signal);
  }

  /** Starts a new process on the port of the last one. */
  async restart() {
    await this.#launch(Number(new URL(this.url).port));
  }
}
