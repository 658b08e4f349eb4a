// Three testbeds that NATS links, behind a balancer that is never sticky; to its clients it is one server.

import { Balancer } from './balancer.js';
import { NatsServer } from './nats.js';
import { Testbed } from './testbed.js';
import { eventually } from './wait.js';

const NAMES = ['a', 'b', 'c'];

export class Cluster {
  /** Starts a cluster of this profile, and resolves when every node knows the others. */
  static async start(profile) {
    const cluster = new Cluster();
    try {
      cluster.nats = await NatsServer.start();
      const link = ['--nats', cluster.nats.url, '--cluster', 'clients'];
      const started = NAMES.map((name) => Testbed.start(profile, { args: [...link, '--node', name] }));
      // All of them, so that none is left over when another could not start.
      const nodes = await Promise.allSettled(started);
      cluster.nodes = nodes.flatMap(({ value }) => value ?? []);
      for (const { reason } of nodes) if (reason) throw reason;
      await cluster.isWhole();
      cluster.balancer = await Balancer.start(cluster.nodes.map(({ port }) => port));
      cluster.url = cluster.balancer.url;
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  /** Resolves when each node is ready and has all others as members. */
  async isWhole() {
    for (const node of this.nodes) {
      await eventually(
        async () => (await node.stats()).cluster,
        (seen) => seen?.nodes.length === NAMES.length - 1,
        `node ${node.url} knows the others`,
      );
    }
  }

  /** A figure of all nodes together. */
  async sum(figure) {
    const stats = await Promise.all(this.nodes.map((node) => node.stats()));
    return stats.reduce((sum, one) => sum + one[figure], 0);
  }

  async stop() {
    await this.balancer?.stop();
    await Promise.all((this.nodes ?? []).map((node) => node.stop('SIGKILL')));
    await this.nats?.stop();
  }
}
