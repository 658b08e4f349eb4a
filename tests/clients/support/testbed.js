// A testbed process: the server under test, driven over nothing but the network and signals.

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { DEADLINE, nextEvent, within } from './wait.js';

const PROGRAM = process.env.TESTBED ?? fileURLToPath(new URL('../../../target/debug/testbed', import.meta.url));

/** How it carries WebSockets: `owned` or `mounted`. */
const TRANSPORT = process.env.TRANSPORT ?? 'owned';

export class Testbed {
  #process;

  /** Starts a testbed on a free port, or on `port`, with more arguments, and resolves when it accepts connections. */
  static async start(profile, { port = 0, args = [] } = {}) {
    const testbed = new Testbed();
    testbed.profile = profile;
    testbed.args = args;
    await testbed.#launch(port);
    return testbed;
  }

  async #launch(port) {
    const flags = ['--profile', this.profile, '--port', String(port), '--transport', TRANSPORT, ...this.args];
    const child = spawn(PROGRAM, flags, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#process = child;

    // Kept for the message of a failed start, and read to the end so that a talkative server never blocks on a full pipe.
    let complaints = '';
    child.stderr.on('data', (text) => { complaints = (complaints + text).slice(-4_000); });

    this.url = await within(
      new Promise((resolve, reject) => {
        child.once('error', reject);
        child.once('exit', (code, signal) => reject(new Error(`the testbed ended at once (${code ?? signal}): ${complaints}`)));
        createInterface({ input: child.stdout }).on('line', (line) => {
          const ready = line.match(/^ready (http:\/\/\S+)$/);
          if (ready) resolve(ready[1]);
        });
      }),
      `"ready" from ${PROGRAM} --profile ${this.profile}`,
      { state: () => complaints },
    );
  }

  get port() {
    return Number(new URL(this.url).port);
  }

  /** What it counts of itself. */
  async stats() {
    const answer = await fetch(`${this.url}/stats`, { signal: AbortSignal.timeout(DEADLINE) });
    return answer.json();
  }

  /** Sends a signal without waiting for its effect. */
  signal(name) {
    this.#process.kill(name);
  }

  /** Ends the process and resolves with its exit status, or with the name of the signal that ended it. */
  async stop(signal = 'SIGTERM') {
    const child = this.#process;
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode ?? child.signalCode;
    const exited = nextEvent(child, 'exit');
    child.kill(signal);
    const [code, signalName] = await exited;
    return code ?? signalName;
  }

  /** Starts a new process where the last one was, so that its clients find a server again. */
  async restart() {
    await this.#launch(this.port);
  }
}
