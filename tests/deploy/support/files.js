// The files of deploy/, read; and small programs run on them.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse, parseAllDocuments } from 'yaml';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const MANIFESTS = 'deploy/kubernetes/';

export const text = (path) => readFileSync(ROOT + path, 'utf8');

/** Everything that `kubectl apply -k` would create, and the Secret, as plain objects. */
export function kubernetes() {
  const { resources } = parse(text(`${MANIFESTS}kustomization.yaml`));
  const sources = [...resources.map((name) => text(MANIFESTS + name)), run(`${MANIFESTS}secret`).stdout];
  // Kubernetes reads YAML as it was before 1.2: 0440 is octal.
  return sources.flatMap((source) => parseAllDocuments(source, { version: '1.1' })).map((document) => {
    if (document.errors.length) throw document.errors[0];
    return document.toJS();
  });
}

/** The compose file as docker compose understands it: every default filled in. */
export function composeFile() {
  const [program, ...args] = (process.env.COMPOSE ?? 'docker compose').split(' ');
  const { status, stdout, stderr } = run(program, [...args, 'config', '--format', 'json']);
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

/** Runs a program in the repository's root to its end. */
export function run(program, args = [], input = undefined) {
  return spawnSync(program, args, { cwd: ROOT, input, encoding: 'utf8', timeout: 60_000 });
}
