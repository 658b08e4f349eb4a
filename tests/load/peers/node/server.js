// socket.io on Node with the events that the load generator uses. Defaults throughout, as a user gets them:
// pingInterval 25 s, pingTimeout 20 s, no adapter, no per-message deflate (off by default since version 4).
"use strict";

const { createServer } = require("node:http");
const { Server } = require("socket.io");

const flag = (name, fallback) => {
  const at = process.argv.indexOf(`--${name}`);
  return at > 0 ? process.argv[at + 1] : fallback;
};

const host = flag("host", "127.0.0.1");
const port = Number(flag("port", "0"));

const server = createServer();
const io = new Server(server);

io.on("connection", (socket) => {
  socket.on("echo", (data, ack) => ack(data));
  socket.on("broadcast", (data) => io.emit("b", data));
  socket.on("join", async (room, ack) => {
    await socket.join(room);
    ack();
  });
  socket.on("room", (room, data) => io.to(room).emit("r", data));
});

server.listen({ port, host, backlog: 4096 }, () => {
  console.log(`ready http://${host}:${server.address().port}`);
});

process.on("SIGTERM", () => process.exit(0));
