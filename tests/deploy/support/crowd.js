// A room full of chatters, a fault in their midst, and the account of it: lost, repeated, out of order, how long it took.

import { setTimeout as pause } from 'node:timers/promises';
import { Chatter, WAYS } from './chatter.js';
import { eventually, DEADLINE } from './wait.js';

/** Between two lines of one chatter, in milliseconds. */
const PACE = 50;

export class Crowd {
  #talking = false;

  constructor(url, room) {
    Object.assign(this, { url, room, chatters: [] });
  }

  /** `each` more chatters on each way, and resolves when all are in the room. */
  async grow(each, ways = Object.keys(WAYS)) {
    const before = this.chatters.length;
    for (let count = 0; count < each; count += 1) {
      for (const way of ways) {
        this.chatters.push(new Chatter(this.url, `${way}-${this.chatters.length}`, way, this.room));
      }
    }
    await this.isComplete();
    return this.chatters.slice(before);
  }

  async isComplete() {
    await eventually('everyone is in the room', () => this.chatters.filter(({ joined }) => !joined).map(({ name }) => name),
      (missing) => missing.length === 0);
  }

  /** Everyone says `count` lines, and everyone has heard everything. */
  async chat(count) {
    const before = new Map(this.chatters.map((chatter) => [chatter, chatter.said.length]));
    for (let line = 0; line < count; line += 1) await Promise.all(this.chatters.map((chatter) => chatter.say()));
    const missing = () => this.#pairs().flatMap(({ from, to }) => {
      const heard = new Set(to.heard.get(from.name));
      return from.said.slice(before.get(from)).filter((number) => !heard.has(number)).map((n) => `${from.name}>${to.name}:${n}`);
    });
    const silent = [...before].filter(([chatter, had]) => chatter.said.length !== had + count).map(([{ name }]) => name);
    if (silent.length) throw new Error(`not all lines of ${silent.join(', ')} were taken`);
    await eventually('everyone has heard everything', missing, (lines) => lines.length === 0, { deadline: 20_000 });
  }

  /**
   * Everyone talks all the time while `fault` happens, until everyone is in the room again and `afterwards` more.
   * Resolves with the account of it.
   */
  async during(fault, { afterwards = 1_500 } = {}) {
    const marks = new Map(this.chatters.map((chatter) => [chatter, { said: chatter.said.length, away: chatter.disconnects.length,
      unanswered: chatter.unanswered, node: chatter.node }]));
    for (const chatter of this.chatters) chatter.watchGaps();
    this.#talking = true;
    const voices = this.chatters.map((chatter) => this.#talk(chatter));
    await pause(1_000);
    const begun = performance.now();
    const result = await fault();
    const faultTook = performance.now() - begun;
    await this.isComplete();
    const recovered = performance.now() - begun;
    await pause(afterwards);
    this.#talking = false;
    await Promise.all(voices);
    await this.#settle();
    return this.#account(marks, { faultTook, recovered, result });
  }

  leave() {
    this.#talking = false;
    for (const chatter of this.chatters) chatter.leave();
  }

  async #talk(chatter) {
    while (this.#talking) {
      if (chatter.joined) await chatter.say();
      await pause(PACE);
    }
  }

  /** What is on its way arrives: nobody hears anything new for a second. */
  async #settle() {
    const count = () => this.chatters.reduce((sum, { heard }) => sum + [...heard.values()].reduce((n, all) => n + all.length, 0), 0);
    const giveUp = performance.now() + DEADLINE;
    for (let last = -1, now = count(); last !== now && performance.now() < giveUp; now = count()) {
      last = now;
      await pause(1_000);
    }
  }

  #pairs() {
    return this.chatters.flatMap((from) => this.chatters.filter((to) => to !== from).map((to) => ({ from, to })));
  }

  #account(marks, times) {
    const account = { sent: 0, unanswered: 0, repeated: 0, outOfOrder: 0, disconnected: [], pairs: [] };
    for (const [chatter, mark] of marks) {
      account.sent += chatter.said.length - mark.said;
      account.unanswered += chatter.unanswered - mark.unanswered;
      if (chatter.disconnects.length > mark.away) account.disconnected.push(chatter);
    }
    for (const { from, to } of this.#pairs()) {
      const all = to.heard.get(from.name) ?? [];
      const heard = new Set(all);
      const taken = from.said.slice(marks.get(from).said);
      const lost = taken.filter((number) => !heard.has(number)).length;
      account.pairs.push({ from, to, deliveries: taken.length, lost });
      account.repeated += all.length - heard.size;
      account.outOfOrder += all.filter((number, index) => index > 0 && number < all[index - 1]).length;
    }
    account.longestGap = Math.max(...this.chatters.map(({ longestGap }) => longestGap));
    account.before = new Map([...marks].map(([chatter, { node }]) => [chatter, node]));
    return Object.assign(account, times);
  }
}

/** What was to be delivered between those of an account that are `chosen`, and what of it was lost. */
export function losses({ pairs }, chosen = () => true) {
  return pairs.filter(({ from, to }) => chosen(from) && chosen(to)).reduce(
    (sum, { deliveries, lost }) => ({ deliveries: sum.deliveries + deliveries, lost: sum.lost + lost }),
    { deliveries: 0, lost: 0 },
  );
}

/** One line of figures, for people. */
export function figures(what, account) {
  const { sent, unanswered, repeated, outOfOrder, disconnected, longestGap, recovered } = account;
  const seconds = (ms) => (ms / 1000).toFixed(1);
  const all = losses(account);
  const stayed = losses(account, (chatter) => !disconnected.includes(chatter));
  return `${what}: ${sent} sent (${unanswered} more without an answer), ${all.lost} of ${all.deliveries} deliveries lost, `
    + `${stayed.lost} of ${stayed.deliveries} among those who stayed connected; ${repeated} repeated, ${outOfOrder} out of order; `
    + `disconnected: ${disconnected.map(({ name, disconnects }) => `${name} (${disconnects.at(-1)})`).join(', ') || 'nobody'}; all well after ${seconds(recovered)} s, longest silence ${seconds(longestGap)} s`;
}
