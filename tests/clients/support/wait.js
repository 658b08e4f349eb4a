// Waiting without sleeping: a test waits for what it needs, and a deadline only says when to give up.

/** How long a condition may take, in milliseconds. Generous, because the machine may be busy building something else. */
export const DEADLINE = 20_000;

/**
 * Settles as `promise` does, or fails after the deadline with what was waited for.
 * `state`, when given, is called at that moment and shows what there was instead.
 */
export function within(promise, what, { deadline = DEADLINE, state = () => '' } = {}) {
  let timer;
  const tooLate = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`still waiting for ${what} after ${deadline} ms ${state()}`)), deadline);
  });
  return Promise.race([promise, tooLate]).finally(() => clearTimeout(timer));
}

/** Resolves with the arguments of the next `event` of an emitter. */
export function nextEvent(emitter, event, options) {
  const happened = new Promise((resolve) => emitter.once(event, (...args) => resolve(args)));
  return within(happened, `the event "${event}"`, options);
}

/**
 * Asks again and again until the answer satisfies `check`, and resolves with that answer.
 * For what the server only tells when asked; each question is a round trip, which paces the loop.
 */
export async function eventually(question, check, what) {
  const giveUp = Date.now() + DEADLINE;
  for (;;) {
    const answer = await question();
    if (check(answer)) return answer;
    if (Date.now() > giveUp) throw new Error(`${what} did not become true; the last answer was ${JSON.stringify(answer)}`);
  }
}
