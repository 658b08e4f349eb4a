// A load balancer that does everything to break sessions that want to stick: each single request goes to the next node.

import http from 'node:http';
import net from 'node:net';
import { nextEvent } from './wait.js';

export class Balancer {
  #server;
  #nodes = [];
  #turn = 0;
  #sockets = new Set();

  /** Balances over the ports of `nodes`, each on 127.0.0.1. */
  static async start(ports) {
    const balancer = new Balancer();
    balancer.#nodes = [...ports];
    const server = http.createServer((request, answer) => balancer.#relay(request, answer));
    server.on('upgrade', (request, client, head) => balancer.#connect(request, client, head));
    server.on('connection', (socket) => balancer.#keep(socket));
    // A client that is killed is nobody's failure.
    server.on('clientError', (error, socket) => socket.destroy());
    balancer.#server = server;
    server.listen(0, '127.0.0.1');
    await nextEvent(server, 'listening');
    balancer.url = `http://127.0.0.1:${server.address().port}`;
    return balancer;
  }

  /** Sends nothing to that port any more, as a balancer does whose node says that it is leaving. */
  without(port) {
    this.#nodes = this.#nodes.filter((node) => node !== port);
  }

  with(port) {
    this.#nodes.push(port);
  }

  async stop() {
    const closed = nextEvent(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #next() {
    this.#turn += 1;
    return this.#nodes[this.#turn % this.#nodes.length];
  }

  #keep(socket) {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => socket.destroy());
  }

  /** One request. Nodes that are not there are passed over. */
  #relay(request, answer, tries = this.#nodes.length) {
    const { method, url: path, headers } = request;
    const relayed = http.request({ host: '127.0.0.1', port: this.#next(), method, path, headers, agent: false });
    relayed.on('response', (response) => {
      answer.writeHead(response.statusCode, response.headers);
      response.pipe(answer);
      response.on('error', () => answer.destroy());
    });
    relayed.on('error', (error) => {
      if (error.code === 'ECONNREFUSED' && tries > 1 && !answer.destroyed) this.#relay(request, answer, tries - 1);
      else answer.destroy();
    });
    // The body goes only to a node that is there.
    relayed.on('socket', (socket) => socket.once('connect', () => request.pipe(relayed)));
    answer.on('close', () => { if (!answer.writableFinished) relayed.destroy(); });
  }

  /** One WebSocket: the head goes on as it came, and then bytes. */
  #connect(request, client, head, tries = this.#nodes.length) {
    const node = net.connect(this.#next(), '127.0.0.1');
    this.#keep(node);
    node.once('connect', () => {
      const lines = [`${request.method} ${request.url} HTTP/1.1`];
      for (let at = 0; at < request.rawHeaders.length; at += 2) {
        lines.push(`${request.rawHeaders[at]}: ${request.rawHeaders[at + 1]}`);
      }
      node.write(`${lines.join('\r\n')}\r\n\r\n`);
      node.write(head);
      node.pipe(client);
      client.pipe(node);
    });
    node.on('error', (error) => {
      if (error.code === 'ECONNREFUSED' && tries > 1 && !client.destroyed) this.#connect(request, client, head, tries - 1);
      else client.destroy();
    });
    node.on('close', () => { if (node.bytesRead > 0) client.destroy(); });
    client.on('close', () => node.destroy());
  }
}
