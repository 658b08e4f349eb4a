// docker-compose.yml run for real: one cluster for the whole file, and one test after the other, in order.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startBrowser, Visitor } from '../browser/support/browser.js';
import { Cluster, docker, compose } from './support/cluster.js';
import { Crowd, figures, losses } from './support/crowd.js';
import { publish, subscribe, talkToNats } from './support/nats.js';
import { eventually } from './support/wait.js';

const NODES = 3;
const DENIED = /^-ERR 'Permissions Violation/;

describe('the cluster of docker-compose.yml', { concurrency: 1 }, () => {
  const cluster = new Cluster();
  let crowd;
  let browser;
  let broken = false;
  const say = (text) => console.log(`# ${text}`);

  /** One step. After one that failed the cluster is in no known state, and the rest is passed over. */
  function step(name, body, options = {}) {
    it(name, options, async (test) => {
      if (broken) return test.skip('an earlier step failed');
      broken = true;
      await body();
      broken = false;
    });
  }

  /** The account of everyone talking while `fault` happens; what holds whatever happens is checked here. */
  async function suffers(what, fault) {
    const account = await crowd.during(fault);
    say(figures(what, account));
    assert.equal(account.repeated, 0, 'nothing arrives twice');
    assert.equal(account.outOfOrder, 0, 'nothing overtakes');
    assert.ok(account.sent > 100, `the crowd talked: ${account.sent}`);
    await crowd.chat(3);
    return account;
  }

  before(async () => {
    const begun = performance.now();
    await cluster.up();
    say(`up and healthy after ${((performance.now() - begun) / 1000).toFixed(1)} s`);
    crowd = new Crowd(cluster.url, 'garden');
  });
  after(async () => {
    crowd?.leave();
    await browser?.close();
    await cluster.down();
    assert.equal(await compose('ps', '--all', '--quiet'), '', 'nothing is left');
  });

  step('keeps every container to what it needs', async () => {
    const containers = await cluster.containers();
    const services = containers.map(({ Config }) => Config.Labels['com.docker.compose.service']).sort();
    assert.deepEqual(services, ['balancer', 'nats', 'node', 'node', 'node', 'setup']);
    for (const { Name, Config, HostConfig, State } of containers) {
      const once = Name.includes('setup');
      assert.equal(HostConfig.ReadonlyRootfs, true, `${Name}: read-only`);
      assert.deepEqual(HostConfig.CapDrop, ['ALL'], `${Name}: capabilities`);
      assert.deepEqual((HostConfig.CapAdd ?? []).map((name) => name.replace('CAP_', '')), once ? ['CHOWN'] : [], `${Name}: capabilities`);
      assert.ok(HostConfig.SecurityOpt.some((option) => option.startsWith('no-new-privileges')), `${Name}: no-new-privileges`);
      assert.ok(HostConfig.Memory > 0 && HostConfig.PidsLimit > 0, `${Name}: limits of memory and processes`);
      assert.ok(!Config.Env.some((variable) => /pass(word)?=/i.test(variable)), `${Name}: no password in the environment`);
      assert.ok(HostConfig.Binds?.every((bind) => !bind.includes('docker.sock')) ?? true, `${Name}: no Docker socket`);
      const published = Object.values(HostConfig.PortBindings ?? {}).flat();
      assert.deepEqual(published.map(({ HostIp }) => HostIp), Name.includes('balancer') ? ['127.0.0.1'] : [], `${Name}: ports`);
      if (once) {
        assert.equal(State.ExitCode, 0);
        continue;
      }
      assert.match(Config.User, /^[1-9]\d+:[1-9]\d+$/, `${Name}: not root`);
      assert.equal(HostConfig.RestartPolicy.Name, 'unless-stopped', `${Name}: restart`);
      assert.equal(State.Health.Status, 'healthy', `${Name}: health`);
      await assert.rejects(docker('exec', Name, 'sh', '-c', ': > /somewhere'), /[Rr]ead-only/, `${Name}: cannot write`);
    }
  });

  step('runs an image that is small', async () => {
    const [{ Config }] = await cluster.containers('node');
    const [{ Size }] = JSON.parse(await docker('image', 'inspect', Config.Image));
    say(`the node's image has ${(Size / 1e6).toFixed(0)} MB`);
    assert.ok(Size < 250e6, 'a base system, a program and the client\'s files');
  });

  step('has NATS let in nobody without a password, and each user do only what it is for', async () => {
    assert.match((await talkToNats(cluster, null)).at(0), /^-ERR 'Authorization Violation'/);

    const node = await talkToNats(cluster, 'node', [
      publish('natter.natter.nodes'), subscribe('natter.natter.>'), publish('natter.other.nodes'), subscribe('>'), publish('$JS.API.INFO'),
    ]);
    assert.deepEqual(node.slice(0, 3), ['+OK', '+OK', '+OK']);
    for (const answer of node.slice(3)) assert.match(answer, DENIED);

    const backend = await talkToNats(cluster, 'backend', [
      publish('natter.natter.room.x'), publish('natter.natter.all.x'), publish('natter.natter.node.x'), subscribe('natter.natter.program.x'),
      publish('natter.natter.nodes'), publish('natter.natter.node.x.inbox'), subscribe('natter.natter.room.x'), subscribe('natter.natter.>'), subscribe('_INBOX.x'),
    ]);
    assert.deepEqual(backend.slice(0, 5), ['+OK', '+OK', '+OK', '+OK', '+OK']);
    for (const answer of backend.slice(5)) assert.match(answer, DENIED);

    const monitor = await talkToNats(cluster, 'sys', [publish('natter.natter.nodes'), subscribe('$SYS.>')]);
    // An account of its own: what it publishes reaches no node.
    assert.deepEqual(monitor, ['+OK', '+OK', '+OK']);
  });

  step('hands requests to all nodes in turn', async () => {
    await cluster.balancesOver(NODES);
    const asked = [];
    for (let request = 0; request < 2 * NODES; request += 1) asked.push(await cluster.askedNode());
    assert.deepEqual(asked.slice(NODES), asked.slice(0, NODES), 'round robin');
    assert.deepEqual([...new Set(asked)].sort(), (await cluster.nodes()).sort());
  });

  step('is one room for the official client on every transport, with nothing that sticks', async () => {
    await crowd.grow(3);
    const populated = () => new Set(crowd.chatters.map(({ node }) => node));
    // Polls take turns at the balancer, too, so who comes to which node is chance.
    for (let tries = 0; tries < 8 && populated().size < NODES; tries += 1) await crowd.grow(1);
    const nodes = populated();
    assert.equal(nodes.size, NODES, 'the crowd is on all nodes');
    const begun = performance.now();
    await crowd.chat(20);
    const { length } = crowd.chatters;
    say(`${length} clients on ${nodes.size} nodes: ${20 * length} sent, 0 of ${20 * length * (length - 1)} deliveries lost, `
      + `in ${((performance.now() - begun) / 1000).toFixed(1)} s`);
    for (const { way, transport, disconnects } of crowd.chatters) {
      assert.deepEqual(disconnects, [], way);
      if (way !== 'upgrade') assert.equal(transport, way);
    }
    const upgraded = crowd.chatters.filter(({ way }) => way === 'upgrade');
    await eventually('the upgrades', () => upgraded.every(({ transport }) => transport === 'websocket'));
    await crowd.chat(3);
  });

  step('takes events from programs that know nothing but NATS', async () => {
    await cluster.emit('--room', 'garden', '--event', 'line', '"a program"', '1');
    await eventually('everyone has heard the program', () => crowd.chatters.filter(({ heard }) => !heard.has('a program')).length,
      (deaf) => deaf === 0);
  });

  step('is one room for two tabs of the chat page on two nodes', async () => {
    browser = await startBrowser();
    const ann = await Visitor.arrive(browser, cluster.url);
    await ann.join('kitchen', 'Ann');
    const home = await ann.at('node').innerText();
    let bob;
    for (let attempt = 0; attempt < 4 * NODES; attempt += 1) {
      bob = await Visitor.arrive(browser, cluster.url);
      await bob.join('kitchen', 'Bob');
      if (await bob.at('node').innerText() !== home) break;
      await bob.leave();
    }
    assert.notEqual(await bob.at('node').innerText(), home, 'the page shows that they are on two nodes');
    await ann.sees('Bob');
    await bob.sees('Ann');
    await ann.say('Good morning, Bob');
    await bob.reads('Good morning, Bob');
    await bob.say('Доброе утро ☀️');
    await ann.reads('Доброе утро ☀️');
    assert.deepEqual([...ann.failures, ...bob.failures], []);
    say(`Ann on ${home}, Bob on ${await bob.at('node').innerText()}: one room`);
    await ann.picture('cluster');
    await ann.leave();
    await bob.leave();
  });

  step('goes on when a node is killed', async () => {
    // One that not all WebSockets are on, however the balancer has dealt them out.
    const elsewhere = ({ Config }) => crowd.chatters.some(({ way, node }) => way === 'websocket' && node !== Config.Hostname);
    const victim = (await cluster.containers('node')).find(elsewhere);
    const name = victim.Config.Hostname;
    const account = await suffers('a node killed', () => docker('kill', victim.Id));
    // Polls, and a WebSocket after an upgrade, may pass through any node on their way to their own.
    const untouched = (chatter) => chatter.way === 'websocket' && account.before.get(chatter) !== name;
    assert.ok(crowd.chatters.some(untouched), 'somebody was elsewhere');
    const cut = account.disconnected.filter(untouched).map((chatter) => chatter.name);
    assert.deepEqual(cut, [], 'whoever has a WebSocket to another node keeps it');
    assert.equal(losses(account, untouched).lost, 0, 'between clients of other nodes nothing is lost');
    assert.ok(crowd.chatters.every(({ node }) => node !== name), 'nobody is on the dead node');

    await cluster.scale(NODES);
    await cluster.balancesOver(NODES);
  });

  step('has a node that crashes come back by itself', async () => {
    const [{ Id, State, RestartCount }] = (await cluster.containers('node')).filter((node) => node.State.Running);
    process.kill(State.Pid, 'SIGKILL');
    const begun = performance.now();
    await eventually('a restart', async () => {
      const [now] = JSON.parse(await docker('inspect', Id));
      return now.RestartCount > RestartCount && now.State.Health.Status === 'healthy';
    });
    say(`a crashed node is healthy again after ${((performance.now() - begun) / 1000).toFixed(1)} s`);
    await cluster.balancesOver(NODES);
    await crowd.isComplete();
    await crowd.chat(3);
  }, { skip: process.platform !== 'linux' && 'the processes are elsewhere' });

  step('lives through a restart of NATS', async () => {
    let unready;
    const account = await suffers('NATS restarted', async () => {
      await compose('stop', 'nats');
      const begun = performance.now();
      await eventually('/ready says no', () => cluster.readiness(), (status) => status === 503);
      unready = performance.now() - begun;
      await compose('start', 'nats');
      await eventually('/ready says yes', () => cluster.readiness(), (status) => status === 200);
      await cluster.balancesOver(NODES);
    });
    say(`not ready ${(unready / 1000).toFixed(1)} s after NATS had stopped, ready again ${((account.faultTook) / 1000).toFixed(1)} s after the word to stop it`);
    const cut = account.disconnected.filter(({ way }) => way === 'websocket').map(({ name }) => name);
    assert.deepEqual(cut, [], 'a WebSocket to its own node needs no NATS');
  });

  step('grows to five nodes while it runs', async () => {
    const account = await suffers('scaled to 5', async () => {
      await cluster.scale(5);
      await cluster.balancesOver(5);
    });
    assert.equal(losses(account).lost + account.unanswered, 0, 'nobody notices');
    assert.deepEqual(account.disconnected, []);
    const known = new Set(crowd.chatters.map(({ node }) => node));
    const isNew = ({ node }) => !known.has(node);
    // Polls take turns at the balancer, too, so who comes to which node is chance.
    let late = [];
    for (let tries = 0; tries < 8 && !late.some(isNew); tries += 1) late = await crowd.grow(5, ['websocket']);
    assert.ok(late.some(isNew), 'newcomers are on new nodes');
    await crowd.chat(3);
  });

  step('is restarted node by node without an outage', async () => {
    const old = await cluster.nodes();
    let refused = 0;
    const account = await suffers('rolling restart of 5 nodes', async () => {
      let going = true;
      const asking = (async () => {
        while (going) if (!await cluster.askedNode().catch(() => null)) refused += 1;
      })();
      try {
        await cluster.rollingRestart();
      } finally {
        going = false;
        await asking;
      }
    });
    say(`${refused} requests refused meanwhile`);
    const now = await cluster.nodes();
    assert.equal(now.length, 5);
    assert.deepEqual(now.filter((node) => old.includes(node)), [], 'all nodes are new ones');
    assert.equal(refused, 0, 'there was always a node that takes requests');
    assert.ok(account.longestGap < 20_000, 'nobody was left out for long');
  });
});
