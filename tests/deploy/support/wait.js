// Waiting for what only shows when asked for: again and again, with a pause, until a deadline.

import { setTimeout as pause } from 'node:timers/promises';

/** For what a container does: generous, because the machine may be building something else. */
export const DEADLINE = 60_000;

/**
 * Resolves with the first answer of `question` that is true for `check`; by default, any that is truthy.
 * A question that throws has no answer yet.
 */
export async function eventually(what, question, check = Boolean, { deadline = DEADLINE, every = 50 } = {}) {
  const giveUp = performance.now() + deadline;
  for (;;) {
    let answer;
    try {
      answer = await question();
      if (check(answer)) return answer;
    } catch (error) {
      answer = String(error);
    }
    if (performance.now() > giveUp) throw new Error(`${what}: not within ${deadline} ms; at last ${JSON.stringify(answer)}`);
    await pause(every);
  }
}

/** Settles as `promise` does, or fails after the deadline. */
export function within(promise, what, deadline = DEADLINE) {
  let timer;
  const tooLate = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${deadline} ms`)), deadline);
  });
  return Promise.race([promise, tooLate]).finally(() => clearTimeout(timer));
}
