// A NATS server of a test's own: what `NATS_SERVER` names, else what tests/install has installed, else the one in PATH.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { nextEvent, within } from './wait.js';

const INSTALLED = fileURLToPath(new URL('../../../.tools/venv/bin/nats-server', import.meta.url));
const PROGRAM = process.env.NATS_SERVER ?? (existsSync(INSTALLED) ? INSTALLED : 'nats-server');

export class NatsServer {
  #process;
  #port = -1; // one that the server chooses

  /** Starts a server on a free port and resolves when it takes connections. */
  static async start() {
    const server = new NatsServer();
    await server.#launch();
    return server;
  }

  async #launch() {
    const child = spawn(PROGRAM, ['--addr', '127.0.0.1', '--port', String(this.#port)], { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#process = child;
    const log = [];
    await within(
      new Promise((resolve, reject) => {
        child.once('error', (error) => reject(new Error(`${PROGRAM}: ${error.message}; run tests/install first`)));
        child.once('exit', (code, signal) => reject(new Error(`${PROGRAM} ended at once (${code ?? signal}): ${log.join('\n')}`)));
        createInterface({ input: child.stderr }).on('line', (line) => {
          if (log.length < 100) log.push(line);
          const listens = line.match(/Listening for client connections on \S+:(\d+)$/);
          if (listens) this.#port = Number(listens[1]);
          if (line.endsWith('Server is ready')) resolve();
        });
      }),
      `${PROGRAM} to be ready`,
      { state: () => log.join('\n') },
    );
    this.url = `nats://127.0.0.1:${this.#port}`;
  }

  /** Kills it. */
  async stop() {
    const child = this.#process;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = nextEvent(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }

  /** Kills it and starts another one where it was. */
  async restart() {
    await this.stop();
    await this.#launch();
  }
}
