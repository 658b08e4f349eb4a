// socket.io on Node with the events that the load generator uses. Defaults throughout, as a user gets them:
// pingInterval 25 s, pingTimeout 20 s, no per-message deflate (off by default since version 4). With --redis URL it is
// one node of several, linked by the Redis adapter as its documentation shows.
"use strict";

const { createServer } = require("node:http");
const { Server } = require("socket.io");

const flag = (name, fallback) => {
  const at = process.argv.indexOf(`--${name}`);
  return at > 0 ? process.argv[at + 1] : fallback;
};

async function adapter(url) {
  const { createAdapter } = require("@socket.io/redis-adapter");
  const { createClient } = require("redis");
  const publisher = createClient({ url });
  const subscriber = publisher.duplicate();
  for (const client of [publisher, subscriber]) {
    client.on("error", (error) => console.error(`redis: ${error.message}`));
  }
  await Promise.all([publisher.connect(), subscriber.connect()]);
  return createAdapter(publisher, subscriber);
}

async function main() {
  const host = flag("host", "127.0.0.1");
  const redis = flag("redis");
  const server = createServer();
  const io = new Server(server, redis ? { adapter: await adapter(redis) } : {});

  io.on("connection", (socket) => {
    socket.on("echo", (data, ack) => ack(data));
    socket.on("broadcast", (data) => io.emit("b", data));
    socket.on("join", async (room, ack) => {
      await socket.join(room);
      ack();
    });
    socket.on("leave", async (room, ack) => {
      await socket.leave(room);
      ack();
    });
    socket.on("room", (room, data) => io.to(room).emit("r", data));
    socket.on("others", (room, data) => socket.to(room).emit("r", data));
    socket.on("direct", (id, data) => io.to(id).emit("d", data));
  });

  server.listen({ port: Number(flag("port", "0")), host, backlog: 4096 }, () => {
    console.log(`ready http://${host}:${server.address().port}`);
  });
}

process.on("SIGTERM", () => process.exit(0));
main().catch((error) => {
  console.error(error);
  process.exit(1);
});
