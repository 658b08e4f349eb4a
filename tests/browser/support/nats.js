// A NATS server of a test's own, on a port that it has chosen itself.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const INSTALLED = fileURLToPath(new URL('../../../.tools/venv/bin/nats-server', import.meta.url));
const PROGRAM = process.env.NATS_SERVER ?? (existsSync(INSTALLED) ? INSTALLED : 'nats-server');
const DEADLINE = 20_000;

export class Nats {
  #process;
  #folder;

  static async start() {
    const nats = new Nats();
    nats.#folder = await mkdtemp(join(tmpdir(), 'natter-nats-'));
    const child = spawn(PROGRAM, ['--addr', '127.0.0.1', '--port', '-1', '--ports_file_dir', nats.#folder], { stdio: 'ignore' });
    nats.#process = child;
    let failure;
    child.once('error', (error) => { failure = error; });
    const file = join(nats.#folder, `nats-server_${child.pid}.ports`);
    const deadline = Date.now() + DEADLINE;
    while (!nats.url) {
      if (failure || child.exitCode !== null) throw new Error(`${PROGRAM} did not start: ${failure ?? child.exitCode}`);
      if (Date.now() > deadline) throw new Error(`${PROGRAM} does not listen within ${DEADLINE} ms`);
      // It may not be there yet, or not whole.
      const ports = await readFile(file, 'utf8').then(JSON.parse).catch(() => null);
      nats.url = ports?.nats?.[0];
      if (!nats.url) await new Promise((resolve) => { setTimeout(resolve, 20); });
    }
    return nats;
  }

  async stop() {
    const child = this.#process;
    if (child.exitCode === null && child.signalCode === null) {
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    }
    await rm(this.#folder, { recursive: true, force: true });
  }
}
