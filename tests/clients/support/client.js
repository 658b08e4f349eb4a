// One client of the server under test: an unchanged socket.io-client that remembers what it hears.

import { io } from 'socket.io-client';
import { Cluster } from './cluster.js';
import { Testbed } from './testbed.js';
import { DEADLINE, within } from './wait.js';

export class Client {
  #unread = []; // events in the order of their arrival that no test has asked for yet
  #waiting = []; // tests that wait for an event which is not there yet

  constructor(socket) {
    this.socket = socket;
    socket.onAny((event, ...args) => {
      // A trailing function is an ack: the tests answer those with a listener of their own.
      if (typeof args.at(-1) !== 'function') this.#arrived(event, args);
    });
    socket.on('connect', () => this.#arrived('connect', []));
    socket.on('connect_error', (error) => this.#arrived('connect_error', [error]));
    socket.on('disconnect', (reason, details) => this.#arrived('disconnect', [reason, details]));
  }

  get id() {
    return this.socket.id;
  }

  /** The Engine.IO connection beneath, which other namespaces of the same manager share. */
  get engine() {
    return this.socket.io.engine;
  }

  emit(event, ...args) {
    this.socket.emit(event, ...args);
  }

  /** Emits with an ack and resolves with everything that the server acknowledged. */
  ask(event, ...args) {
    const answered = new Promise((resolve) => this.socket.emit(event, ...args, (...answer) => resolve(answer)));
    return within(answered, `the ack of "${event}"`, { state: () => this.#state() });
  }

  /** Resolves with the arguments of the earliest `event` not asked for before, that `where` accepts; waits if there is none. */
  hears(event, where = () => true) {
    const wanted = (entry) => entry.event === event && where(...entry.args);
    const at = this.#unread.findIndex(wanted);
    if (at >= 0) return Promise.resolve(this.#unread.splice(at, 1)[0].args);
    const heard = new Promise((resolve) => this.#waiting.push({ wanted, resolve }));
    return within(heard, `the event "${event}"`, { state: () => this.#state() });
  }

  /** Whether an `event` whose first argument is `text` comes in within that many milliseconds. Later ones stay unread. */
  async hearsSoon(event, text, millis) {
    const heard = new Promise((resolve) => {
      const listener = (first) => { if (first === text) resolve(true); };
      this.socket.on(event, listener);
      setTimeout(() => {
        this.socket.off(event, listener);
        resolve(false);
      }, millis);
    });
    return heard;
  }

  /** Everything of that name that came in and was not asked for. */
  unread(event) {
    return this.#unread.filter((entry) => entry.event === event).map((entry) => entry.args);
  }

  /** Resolves with the reason of this client's next disconnection. */
  async isDisconnected() {
    const [reason] = await this.hears('disconnect');
    return reason;
  }

  /** Resolves with the error that refuses this client's connection. */
  async isRefused() {
    const [error] = await this.hears('connect_error');
    return error;
  }

  async isConnected() {
    await this.hears('connect');
    return this;
  }

  close() {
    this.socket.disconnect();
  }

  #arrived(event, args) {
    const entry = { event, args };
    const at = this.#waiting.findIndex(({ wanted }) => wanted(entry));
    if (at < 0) this.#unread.push(entry);
    else this.#waiting.splice(at, 1)[0].resolve(args);
  }

  #state() {
    const names = this.#unread.map(({ event, args }) => `${event}(${args.map(String).join(', ').slice(0, 80)})`);
    return `(connected: ${this.socket.connected}, transport: ${this.engine?.transport?.name}, unread: ${names.slice(-20).join(' ') || 'nothing'})`;
  }
}

/** Transports of a client. */
const TRANSPORTS = {
  polling: { transports: ['polling'], settlesOn: 'polling' },
  websocket: { transports: ['websocket'], settlesOn: 'websocket' },
  upgrade: { transports: ['polling', 'websocket'], settlesOn: 'websocket', upgrades: true },
};

/** The ways of the client to reach the server, which may be one or several; each runs every scenario. */
export const WAYS = Object.fromEntries(
  Object.entries(TRANSPORTS).flatMap(([name, transports]) => [
    [name, { ...transports, server: Testbed }],
    [`${name} in a cluster`, { ...transports, server: Cluster }],
  ]),
);

/** A client on its way to `url` + namespace; nothing is awaited. */
export function dial(url, namespace, way, options = {}) {
  const socket = io(url + namespace, {
    forceNew: true,
    transports: WAYS[way].transports,
    timeout: DEADLINE,
    // A client that lost its server is back quickly; the defaults would only make the tests slow.
    reconnectionDelay: 20,
    reconnectionDelayMax: 200,
    ...options,
  });
  return new Client(socket);
}
