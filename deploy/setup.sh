#!/bin/sh
# Before everything else in docker compose: a random password for each user of NATS, and an owner for NATS's store.
#
# What is there already stays as it is; `docker compose run --rm setup renew` makes new passwords (then recreate nats and
# the nodes). Each user's password is a file in a volume of its own, so that a container sees only the one it is given.
# Files belong to root and are readable by one group, whose number is that of the container's user.
set -eu
umask 077

readonly NODE=10001 NATS=10002

if [ "${1:-}" = renew ]; then rm -f /secrets/*/password /secrets/nats/passwords.conf; fi

# keep GROUP FILE: puts standard input there in one step, never a half-written file.
keep() {
  cat >"$2.new"
  chown "0:$1" "$2.new"
  chmod 440 "$2.new"
  mv "$2.new" "$2"
}

for user in node backend sys; do
  file=/secrets/$user/password
  if [ ! -s "$file" ]; then head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n' | keep "$NODE" "$file"; fi
done

{
  echo "NODE_PASSWORD: \"$(cat /secrets/node/password)\""
  echo "BACKEND_PASSWORD: \"$(cat /secrets/backend/password)\""
  echo "SYS_PASSWORD: \"$(cat /secrets/sys/password)\""
} | keep "$NATS" /secrets/nats/passwords.conf

chown "$NATS:$NATS" /store
