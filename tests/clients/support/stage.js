// The stage of a scenario: one server, one way to reach it, and clients that leave when the test is over.

import { after, afterEach, before } from 'node:test';
import { dial, WAYS, Client } from './client.js';
import { within } from './wait.js';

let names = 0;

/** A name that no other test uses, so that a straggler of an earlier test is never in the room. */
export function aRoom() {
  names += 1;
  return `room ${names}`;
}

/** Call it inside a `describe`: its tests share a server of this profile. */
export function stage(way, profile) {
  const scene = new Scene(way, profile);
  before(() => scene.open());
  afterEach(() => scene.clear());
  after(() => scene.close());
  return scene;
}

class Scene {
  #clients = [];

  constructor(way, profile) {
    this.way = way;
    this.profile = profile;
    this.settlesOn = WAYS[way].settlesOn;
    this.upgrades = WAYS[way].upgrades ?? false;
  }

  async open() {
    this.server = await WAYS[this.way].server.start(this.profile);
  }

  /** A client that is on its way; for those who are going to be refused. */
  dial(namespace = '/', options = {}) {
    const client = dial(this.server.url, namespace, this.way, options);
    this.#clients.push(client);
    return client;
  }

  /** A client that has joined its namespace. In the way `upgrade` it may still be polling then, as an application's would. */
  connect(namespace = '/', options = {}) {
    return this.dial(namespace, options).isConnected();
  }

  /** Several clients on the same namespace, each with a connection of its own. */
  group(size, namespace = '/') {
    return Promise.all(Array.from({ length: size }, () => this.connect(namespace)));
  }

  /** One more namespace over the connection that `client` has. */
  alongside(client, namespace, options = {}) {
    const neighbour = new Client(client.socket.io.socket(namespace, options));
    this.#clients.push(neighbour);
    return neighbour;
  }

  /** Resolves when the client's connection uses the transport that this way ends on. */
  async settled(client) {
    if (client.engine.transport.name === this.settlesOn) return;
    await within(new Promise((resolve) => client.engine.once('upgrade', resolve)), 'the upgrade');
  }

  clear() {
    for (const client of this.#clients.splice(0)) client.close();
  }

  close() {
    return this.server?.stop('SIGKILL');
  }
}
