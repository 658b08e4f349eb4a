import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { startBrowser, Visitor } from './support/browser.js';
import { contrastOf } from './support/colors.js';
import { Nats } from './support/nats.js';
import { Node } from './support/node.js';

const PHONE = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 };

describe('the chat page on two nodes', () => {
  let browser;
  let nats;
  let nodes;
  let visitors;

  before(async () => { browser = await startBrowser(); });
  after(() => browser?.close());
  beforeEach(async () => {
    [nodes, visitors] = [[], []];
    nats = await Nats.start();
    for (const name of ['parlour', 'veranda']) nodes.push(await Node.start({ name, flags: ['--nats', nats.url] }));
    for (const node of nodes) await node.isReady();
  });
  afterEach(async () => {
    for (const visitor of visitors) await visitor.leave();
    for (const node of nodes) await node.stop('SIGKILL');
    await nats?.stop();
  });

  /** Ann on the first node and Bob on the second one, in one room. */
  async function annAndBob(options) {
    for (const [nth, name] of ['Ann', 'Bob'].entries()) {
      const visitor = await Visitor.arrive(browser, nodes[nth].url, options);
      visitors.push(visitor);
      await visitor.join('garden', name);
    }
    const [ann, bob] = visitors;
    await ann.sees('Bob');
    await bob.sees('Ann');
    return visitors;
  }

  /** The name of the node behind somebody's name in the list of people. */
  const nodeOf = (visitor, name) => visitor.at('people').locator('li', { hasText: name }).locator('.node');

  for (const [look, options] of Object.entries({ light: { colorScheme: 'light' }, dark: { colorScheme: 'dark' }, phone: PHONE })) {
    it(`shows one room and which node everybody is on (${look})`, async () => {
      const [ann, bob] = await annAndBob(options);
      assert.equal(await ann.at('node').innerText(), 'parlour');
      assert.equal(await bob.at('node').innerText(), 'veranda');
      assert.equal(await nodeOf(ann, 'Bob').innerText(), 'veranda');
      assert.equal(await nodeOf(bob, 'Ann').innerText(), 'parlour');
      assert.equal(await nodeOf(ann, 'Ann').count(), 0);

      await ann.say('Good morning from the parlour');
      await bob.reads('Good morning from the parlour');
      await bob.say('And from the veranda');
      await ann.reads('And from the veranda');
      const from = ann.at('messages').locator('.by .node');
      assert.equal(await from.innerText(), 'veranda');
      for (const place of [from, nodeOf(ann, 'Bob')]) {
        const { ratio } = await contrastOf(place);
        assert.ok(ratio >= 4.5, `contrast ${ratio.toFixed(1)}`);
      }
      await ann.picture(`two-nodes-${look}-ann`);
      await bob.picture(`two-nodes-${look}-bob`);
      assert.deepEqual([...ann.failures, ...bob.failures], []);
    });
  }

  it('shows that people are gone with their node, which themselves see that they are reconnecting', async () => {
    const [ann, bob] = await annAndBob();
    await nodes[1].stop('SIGKILL');
    await bob.isShown('reconnecting');
    await ann.sees('Bob', { gone: true });
    await ann.at('messages').getByText('node veranda is gone, and with it Bob', { exact: true }).waitFor();
    await ann.picture('two-nodes-one-gone');
    await bob.picture('two-nodes-reconnecting');

    await nodes[1].restart();
    await bob.isShown('connected');
    await bob.sees('Ann');
    await ann.sees('Bob');
    await bob.say('back again');
    await ann.reads('back again');
  });

  it('shows people once when their node was stopped for a while', async () => {
    const [ann, bob] = await annAndBob();
    nodes[1].signal('SIGSTOP');
    await ann.sees('Bob', { gone: true });
    nodes[1].signal('SIGCONT');
    await bob.isShown('connected');
    await ann.sees('Bob');
    await bob.sees('Ann');
    assert.equal(await ann.at('people').getByText('Bob', { exact: true }).count(), 1, 'and not the one of before');
  });
});
