// Somebody who chats through the balancer with the official client: numbered lines to one room, and a record of what came.

import { io } from 'socket.io-client';
import { within } from './wait.js';

/** The ways to the cluster; none of them sticks to a node. */
export const WAYS = {
  websocket: ['websocket'],
  polling: ['polling'],
  upgrade: ['polling', 'websocket'],
};

export class Chatter {
  /** The numbers that came from each sender, in the order in which they came. */
  heard = new Map();
  /** The numbers that a node has taken from this one. */
  said = [];
  /** Attempts to say something that no node has answered for. */
  unanswered = 0;
  disconnects = [];
  joined = false;
  node = null;
  longestGap = 0;
  #next = 1;
  #lastHeard = null;

  constructor(url, name, way, room) {
    Object.assign(this, { name, way, room });
    this.socket = io(url, {
      forceNew: true, transports: WAYS[way], auth: { name }, reconnectionDelay: 100, reconnectionDelayMax: 500, timeout: 5_000,
    });
    this.socket.on('connect', () => this.#arrive());
    this.socket.on('disconnect', (reason) => {
      this.joined = false;
      this.disconnects.push(reason);
    });
    this.socket.on('line', (from, number) => this.#hear(from, number));
  }

  get transport() {
    return this.socket.io.engine?.transport?.name;
  }

  /** Says the next number. Never fails: what became of it is in the record. */
  async say() {
    const number = this.#next;
    this.#next += 1;
    try {
      const answer = await this.socket.timeout(5_000).emitWithAck('publish', this.room, 'line', this.name, number);
      if (answer.ok) {
        this.said.push(number);
        return;
      }
    } catch {
      // No answer within its time: the node may have taken it, or not.
    }
    this.unanswered += 1;
  }

  /** From now on the gaps are counted, from here. */
  watchGaps() {
    this.longestGap = 0;
    this.#lastHeard = performance.now();
  }

  leave() {
    this.socket.disconnect();
  }

  /** Joins the room again on each connection, and finds out which node this is. Trouble shows as `joined` staying false. */
  async #arrive() {
    const id = this.socket.id;
    try {
      await within(this.socket.emitWithAck('join', this.room), 'the join', 10_000);
      const { node } = await within(this.socket.emitWithAck('whoami'), 'whoami', 10_000);
      if (this.socket.id !== id) return;
      this.node = node;
      this.joined = true;
    } catch {
      // Disconnected meanwhile, and then there is a next connection; or the server does not answer at all.
      if (this.socket.connected && this.socket.id === id) this.socket.io.engine.close();
    }
  }

  #hear(from, number) {
    if (!this.heard.has(from)) this.heard.set(from, []);
    this.heard.get(from).push(number);
    const now = performance.now();
    if (this.#lastHeard !== null) this.longestGap = Math.max(this.longestGap, now - this.#lastHeard);
    this.#lastHeard = now;
  }
}
