// What deploy/ says, without running it: the manifests fit Kubernetes' schemas, one file fits the other.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { composeFile, kubernetes, run, text } from './support/files.js';

const objects = kubernetes();
const all = (kind) => objects.filter((object) => object.kind === kind);
const one = (kind, name) => objects.find((object) => object.kind === kind && object.metadata.name === name);
const workloads = [...all('Deployment'), ...all('StatefulSet')];
const containers = workloads.flatMap((workload) => workload.spec.template.spec.containers);
const matches = (selector, labels) => Object.entries(selector).every(([key, value]) => labels[key] === value);

/** What nats-server says of a configuration that lies where the containers have it. */
function checkNats(config, passwords) {
  const root = mkdtempSync(join(tmpdir(), 'natter-'));
  try {
    mkdirSync(join(root, 'etc/nats'), { recursive: true });
    mkdirSync(join(root, 'run/secrets/natter'), { recursive: true });
    writeFileSync(join(root, 'etc/nats/nats.conf'), config);
    writeFileSync(join(root, 'run/secrets/natter/passwords.conf'), passwords);
    return run('nats-server', ['-t', '-c', join(root, 'etc/nats/nats.conf')]);
  } finally {
    rmSync(root, { recursive: true });
  }
}

describe('deploy/kubernetes', () => {
  for (const version of ['1.30', '1.34', '1.37']) {
    it(`fits the schemas of Kubernetes ${version}`, () => {
      const stream = objects.map((object) => JSON.stringify(object)).join('\n---\n');
      const { status, stdout, stderr } = run('kubernetes-validate', ['--strict', '--kubernetes-version', version, '-'], stream);
      assert.equal(status, 0, stdout + stderr);
    });
  }

  it('has the configuration of NATS that the compose file has, with its passwords from the Secret', () => {
    const config = one('ConfigMap', 'natter-nats').data['nats.conf'];
    assert.equal(config, text('deploy/nats.conf'));
    const { status, stderr } = checkNats(config, one('Secret', 'natter-passwords').stringData['passwords.conf']);
    assert.equal(status, 0, stderr);
  });

  it('makes other passwords each time', () => {
    const secrets = [run('deploy/kubernetes/secret').stdout, run('deploy/kubernetes/secret').stdout].map((out) => out.match(/[0-9a-f]{64}/g));
    assert.equal(secrets[0].length, 6);
    assert.equal(new Set(secrets.flat()).size, 6);
  });

  it('keeps every container to what it needs', () => {
    for (const { metadata, spec: { template: { spec } } } of workloads) {
      assert.equal(spec.securityContext.runAsNonRoot, true, metadata.name);
      assert.ok(spec.securityContext.runAsUser >= 10_000, metadata.name);
      assert.equal(spec.securityContext.seccompProfile.type, 'RuntimeDefault', metadata.name);
      assert.equal(spec.automountServiceAccountToken, false, metadata.name);
    }
    for (const { name, securityContext, resources, env = [] } of containers) {
      assert.equal(securityContext.readOnlyRootFilesystem, true, name);
      assert.equal(securityContext.allowPrivilegeEscalation, false, name);
      assert.deepEqual(securityContext.capabilities, { drop: ['ALL'] }, name);
      assert.ok(resources.limits.memory && resources.requests.memory, name);
      assert.ok(!env.some(({ name: variable }) => /password$/i.test(variable)), `${name}: passwords are files`);
    }
  });

  it('points to nothing that is not there', () => {
    for (const { metadata, spec } of workloads) {
      assert.ok(matches(spec.selector.matchLabels, spec.template.metadata.labels), metadata.name);
      const volumes = new Set([...(spec.template.spec.volumes ?? []), ...(spec.volumeClaimTemplates ?? []).map(({ metadata: { name } }) => ({ name }))]
        .map(({ name }) => name));
      for (const { volumeMounts } of spec.template.spec.containers) {
        for (const { name } of volumeMounts) assert.ok(volumes.has(name), `${metadata.name}: volume ${name}`);
      }
      for (const { configMap, secret } of spec.template.spec.volumes) {
        if (configMap) assert.ok(one('ConfigMap', configMap.name), configMap.name);
        if (!secret) continue;
        assert.equal(secret.defaultMode, 0o440);
        for (const { key } of secret.items) assert.ok(one('Secret', secret.secretName).stringData[key], key);
      }
    }
    for (const { metadata, spec } of all('Service')) {
      const pods = workloads.filter((workload) => matches(spec.selector, workload.spec.template.metadata.labels));
      assert.equal(pods.length, 1, `${metadata.name}: one kind of pod`);
      const ports = pods[0].spec.template.spec.containers.flatMap(({ ports: open }) => open.map(({ name }) => name));
      for (const { targetPort } of spec.ports) assert.ok(ports.includes(targetPort), `${metadata.name}: ${targetPort}`);
    }
    for (const { spec: { selector, podSelector } } of [...all('PodDisruptionBudget'), ...all('NetworkPolicy')]) {
      const { matchLabels } = selector ?? podSelector;
      assert.ok(workloads.some((workload) => matches(matchLabels, workload.spec.template.metadata.labels)), JSON.stringify(matchLabels));
    }
    for (const { spec: { rules } } of all('Ingress')) {
      for (const { backend: { service } } of rules.flatMap(({ http }) => http.paths)) {
        assert.ok(one('Service', service.name).spec.ports.some(({ name }) => name === service.port.name), service.name);
      }
    }
  });

  it('lets nodes leave gracefully, one at a time, and clients go to any of them', () => {
    const { spec } = one('Deployment', 'natter');
    const [{ lifecycle, livenessProbe, readinessProbe }] = spec.template.spec.containers;
    assert.equal(livenessProbe.httpGet.path, '/health', 'losing NATS is no reason to be killed');
    assert.equal(readinessProbe.httpGet.path, '/ready');
    const [, pause] = lifecycle.preStop.exec.command;
    assert.ok(spec.template.spec.terminationGracePeriodSeconds >= Number(pause) + 8, 'the pause, and what a node takes');
    assert.equal(spec.strategy.rollingUpdate.maxUnavailable, 0);
    assert.equal(one('PodDisruptionBudget', 'natter').spec.maxUnavailable, 1);
    assert.equal(one('Service', 'natter').spec.sessionAffinity, 'None');
    const annotations = Object.keys(one('Ingress', 'natter').metadata.annotations);
    assert.ok(!annotations.some((name) => /affinity|cookie|hash/.test(name)), 'nothing sticks');
  });
});

describe('docker-compose.yml', () => {
  const { services, networks } = composeFile();

  it('runs the same programs as Kubernetes', () => {
    const images = Object.fromEntries(containers.map(({ name, image }) => [name, image]));
    assert.deepEqual(images, { nats: services.nats.image, natter: services.node.image });
  });

  it('pins a release of NATS without known advisories', () => {
    const [, major, minor, patch] = services.nats.image.match(/^nats:(\d+)\.(\d+)\.(\d+)-alpine$/).map(Number);
    assert.ok(major === 2 && (minor > 14 || (minor === 14 && patch >= 1) || (minor === 12 && patch >= 9)), services.nats.image);
  });

  it('has NATS on a network of its own, and only the balancer reachable from outside', () => {
    assert.equal(networks.bus.internal, true);
    assert.deepEqual(Object.keys(services.nats.networks), ['bus']);
    assert.deepEqual(Object.keys(services.balancer.networks), ['edge']);
    const published = Object.entries(services).filter(([, { ports }]) => ports).map(([name]) => name);
    assert.deepEqual(published, ['balancer']);
  });

  it('takes what NATS is told from a file that a server accepts', () => {
    const passwords = 'NODE_PASSWORD: "a"\nBACKEND_PASSWORD: "b"\nSYS_PASSWORD: "c"\n';
    const { status, stderr } = checkNats(text('deploy/nats.conf'), passwords);
    assert.equal(status, 0, stderr);
    assert.notEqual(checkNats(text('deploy/nats.conf'), '').status, 0, 'without passwords it does not start');
  });
});
