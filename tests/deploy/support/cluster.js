// The cluster of docker-compose.yml: the very file, under a project name of its own and on a port that is free.

import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';
import { eventually } from './wait.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const COMPOSE = (process.env.COMPOSE ?? 'docker compose').split(' ');
const run = promisify(execFile);

/** Runs a program in the repository's root; resolves with its output, and fails with what it said. */
async function call(program, args, { timeout = 120_000, env } = {}) {
  try {
    const { stdout } = await run(program, args, { cwd: ROOT, timeout, env: { ...process.env, ...env }, maxBuffer: 1 << 24 });
    return stdout.trim();
  } catch (error) {
    throw new Error(`${program} ${args.join(' ')}: ${error.message}\n${error.stdout ?? ''}${error.stderr ?? ''}`);
  }
}

export const docker = (...args) => call('docker', args);
export const compose = (...args) => call(COMPOSE[0], [...COMPOSE.slice(1), ...args]);

export class Cluster {
  constructor() {
    this.url = `http://127.0.0.1:${process.env.NATTER_PUBLISH_PORT}`;
  }

  /** Everything that the file names, healthy. The images have been built. */
  async up() {
    await compose('up', '--detach', '--no-build', '--wait', '--wait-timeout', '90');
  }

  /** Everything away, the volumes too. What the containers said is in the file that `LOG` names. */
  async down() {
    try {
      if (process.env.LOG) await writeFile(process.env.LOG, await compose('logs', '--no-color', '--timestamps'));
    } finally {
      await compose('down', '--volumes', '--timeout', '10');
    }
  }

  async scale(count) {
    await compose('up', '--detach', '--no-build', '--no-recreate', '--wait', '--scale', `node=${count}`);
  }

  /** The script that a person would use. */
  async rollingRestart() {
    await call('deploy/rolling-restart', [], { env: { COMPOSE: COMPOSE.join(' ') } });
  }

  /** What Docker knows of the containers of a service, or of all of the project. */
  async containers(service) {
    const ids = (await compose('ps', '--all', '--quiet', ...(service ? [service] : []))).split('\n').filter(Boolean);
    return ids.length ? JSON.parse(await docker('inspect', ...ids)) : [];
  }

  /** The names of the nodes that run, as they name themselves: short ids of containers. */
  async nodes() {
    const running = (await this.containers('node')).filter(({ State }) => State.Running);
    return running.map(({ Config }) => Config.Hostname);
  }

  /** Which node answers a new request. */
  async askedNode() {
    const answer = await fetch(`${this.url}/health`, { signal: AbortSignal.timeout(10_000) });
    return (await answer.json()).node;
  }

  /** Resolves when the balancer hands requests to exactly the nodes that run. */
  async balancesOver(count) {
    await eventually(`${count} nodes behind the balancer`, async () => {
      const asked = new Set();
      for (let request = 0; request < 2 * count; request += 1) asked.add(await this.askedNode());
      return [...asked].sort();
    }, (asked) => asked.length === count);
  }

  /** What /ready answers to a new request, by way of the balancer: 503 too when there is no node to ask. */
  async readiness() {
    return (await fetch(`${this.url}/ready`, { signal: AbortSignal.timeout(10_000) })).status;
  }

  /** Runs a script of bash beside NATS, in a container of Natter's image that has one user's password. */
  async script(user, text) {
    const [node] = await this.containers('node');
    const project = node.Config.Labels['com.docker.compose.project'];
    return docker(
      'run', '--rm', '--network', `${project}_bus`, '--volume', `${project}_${user}-secret:/run/secrets/natter:ro`,
      '--entrypoint', 'bash', node.Config.Image, '-c', text,
    );
  }

  /** One event from a program that is no node, as a person would send it. */
  async emit(...args) {
    await compose('run', '--rm', '--no-deps', '-T', 'emit', ...args);
  }
}
