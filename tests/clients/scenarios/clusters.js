import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { dial, WAYS } from '../support/client.js';
import { Cluster } from '../support/cluster.js';
import { eventually, within } from '../support/wait.js';

const NODES = 3;
const CLIENTS = 6; // at least; and more until each node has one, since polls take turns at the balancer, too
const SOON = 3_000; // milliseconds for a round in which everybody speaks

/** What only several nodes can show: that no client knows how many there are. */
export function clusters(way) {
  describe('clusters', () => {
    let cluster;
    let clients;
    let rounds = 0;
    beforeEach(async () => {
      cluster = await Cluster.start('clients');
      clients = [];
      const isEnough = () => clients.length >= CLIENTS && new Set(clients.map(nodeOf)).size === NODES;
      while (!isEnough() && clients.length < 5 * CLIENTS) clients.push(await dial(cluster.url, '/', way).isConnected());
    });
    afterEach(async () => {
      for (const client of clients) client.close();
      await cluster?.stop();
    });

    const nodeOf = (client) => client.id.slice(0, 6);

    /**
     * Resolves when everybody has heard everybody. What is said while a client does not know yet that its connection is gone
     * is lost, as it may be; so it is said again.
     */
    async function everybodyHearsEverybody() {
      await eventually(
        async () => {
          rounds += 1;
          const said = clients.map((_, n) => `round ${rounds}, from ${n}`);
          const heard = clients.flatMap((client) => said.map((text) => client.hearsSoon('all-message', text, SOON)));
          clients.forEach((client, n) => client.emit('to-all', said[n]));
          return (await Promise.all(heard)).filter((one) => !one).length;
        },
        (missing) => missing === 0,
        'everybody hears everybody',
      );
    }

    async function settled() {
      const { settlesOn } = WAYS[way];
      for (const client of clients) {
        if (client.engine.transport.name !== settlesOn) {
          await within(new Promise((resolve) => client.engine.once('upgrade', resolve)), 'the upgrade');
        }
      }
    }

    it('have clients on all nodes, whose requests come to all nodes', async () => {
      await settled();
      await everybodyHearsEverybody();
      assert.equal(new Set(clients.map(nodeOf)).size, NODES, 'nodes with clients');
      if (WAYS[way].transports.includes('polling')) assert.ok(await cluster.sum('relayed_requests') > 0);
      assert.equal(await cluster.sum('failed_relays'), 0);
      assert.equal(await cluster.sum('broken_pipes'), 0);
    });

    it('survive a node that is killed', async () => {
      await settled();
      await cluster.nodes[0].stop('SIGKILL');
      await everybodyHearsEverybody();
      assert.ok(new Set(clients.map(nodeOf)).size < NODES, 'nodes with clients');
    });

    it('survive an outage of NATS', async () => {
      await settled();
      await cluster.nats.restart();
      await cluster.isWhole();
      await everybodyHearsEverybody();
    });

    it('let nobody notice that another node than theirs leaves', async () => {
      await settled();
      await everybodyHearsEverybody();
      const leaving = cluster.nodes[0];
      // Which node a client is on is in its id; who reconnects is on another one then.
      const before = clients.map((client) => client.id);
      cluster.balancer.without(leaving.port);
      assert.equal(await leaving.stop('SIGTERM'), 0, 'exit status');
      await everybodyHearsEverybody();
      // The first six characters of an id are its node's. How many clients were on it is the balancer's to say.
      const nodes = (moved) => clients.flatMap((client, n) => ((client.id !== before[n]) === moved ? [before[n].slice(0, 6)] : []));
      const left = new Set(nodes(true));
      // WebSockets that went through it have to be opened again.
      if (way.startsWith('polling')) {
        assert.ok(left.size <= 1, 'clients of one node moved');
        assert.ok(nodes(false).every((node) => !left.has(node)), 'and all of them');
      }
    });
  });
}
