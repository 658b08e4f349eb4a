import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { startBrowser, Visitor } from './support/browser.js';
import { contrastOf } from './support/colors.js';
import { Node } from './support/node.js';

const PHONE = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 };

/** How many pixels there are beside the text of a button. */
function labelGaps(button) {
  return button.evaluate((element) => {
    const range = document.createRange();
    range.selectNodeContents(element);
    const [text, box] = [range.getBoundingClientRect(), element.getBoundingClientRect()];
    return { left: text.left - box.left, right: box.right - text.right };
  });
}

describe('the chat page', () => {
  let browser;
  let node;
  let visitors;

  before(async () => { browser = await startBrowser(); });
  after(() => browser?.close());
  beforeEach(async () => {
    visitors = [];
    node = await Node.start();
  });
  afterEach(async () => {
    for (const visitor of visitors) await visitor.leave();
    await node?.stop('SIGKILL');
  });

  async function arrive(options) {
    const visitor = await Visitor.arrive(browser, node.url, options);
    visitors.push(visitor);
    return visitor;
  }

  /** Somebody who has opened the page, given a name and joined a room. */
  async function someone(name, room, options) {
    const visitor = await arrive(options);
    await visitor.join(room, name);
    return visitor;
  }

  it('lets two people chat', async () => {
    const ann = await someone('Ann', 'garden');
    const bob = await someone('Bob', 'garden');
    for (const visitor of [ann, bob]) {
      await visitor.sees('Ann');
      await visitor.sees('Bob');
    }

    await ann.say('Good morning, Bob');
    await bob.reads('Good morning, Bob');
    await bob.say('Доброе утро ☀️');
    for (const visitor of [ann, bob]) {
      await visitor.reads('Доброе утро ☀️');
      const text = await visitor.messages();
      assert.ok(text.indexOf('Good morning, Bob') < text.indexOf('Доброе утро ☀️'), text);
      assert.equal(text.split('Good morning, Bob').length, 2, 'each message is shown once');
    }
    assert.deepEqual([...ann.failures, ...bob.failures], []);
  });

  it('keeps rooms apart', async () => {
    const ann = await someone('Ann', 'garden');
    const bob = await someone('Bob', 'kitchen');
    await ann.say('only for the garden');
    await ann.reads('only for the garden');
    await ann.join('kitchen');
    await ann.sees('Bob');
    await ann.say('now for the kitchen');
    await bob.reads('now for the kitchen');
    assert.ok(!(await bob.messages()).includes('only for the garden'));
  });

  it('shows who has left', async () => {
    const ann = await someone('Ann', 'garden');
    const bob = await someone('Bob', 'garden');
    await ann.sees('Bob');
    await bob.leave();
    await ann.sees('Bob', { gone: true });
    await ann.sees('Ann');
  });

  it('shows what people write as text, whatever it is', async () => {
    const markup = '<img src="nowhere" onerror="document.title = \'caught\'"> <b>bold</b>';
    const ann = await someone('Ann <i>', 'garden');
    const bob = await someone('Bob', 'garden');
    await ann.say(markup);
    await bob.reads(markup);
    await bob.sees('Ann <i>');
    assert.equal(await bob.page.locator('[data-testid=messages] img').count(), 0);
    assert.notEqual(await bob.page.title(), 'caught');
  });

  it('takes everything from the node itself, the official client included', async () => {
    const ann = await someone('Ann', 'garden');
    await ann.page.locator('[data-testid=transport]', { hasText: 'websocket' }).waitFor();
    assert.equal(await ann.at('node').innerText(), 'parlour');

    const addresses = ann.requests.map((request) => new URL(request.url())).filter(({ protocol }) => protocol !== 'data:');
    assert.deepEqual(addresses.filter(({ origin }) => origin !== node.url), [], 'requests to somebody else');
    const bundle = ann.requests.find((request) => request.url().endsWith('/socket.io/socket.io.esm.min.js'));
    assert.equal((await bundle?.response())?.status(), 200);
    assert.deepEqual(ann.failures, []);
  });

  it('says that it is reconnecting when the node is killed, and goes on when it is back', async () => {
    const ann = await someone('Ann', 'garden');
    const bob = await someone('Bob', 'garden');
    await node.stop('SIGKILL');
    for (const visitor of [ann, bob]) await visitor.isShown('reconnecting');
    await ann.picture('reconnecting');

    await node.restart();
    for (const visitor of [ann, bob]) {
      await visitor.isShown('connected');
      await visitor.sees('Ann');
      await visitor.sees('Bob');
    }
    await ann.say('we are back');
    await bob.reads('we are back');
  });

  it('survives an orderly restart of the node', async () => {
    const ann = await someone('Ann', 'garden');
    const bob = await someone('Bob', 'garden');
    assert.equal(await node.stop('SIGTERM'), 0, 'exit status');
    for (const visitor of [ann, bob]) await visitor.isShown('reconnecting');
    await node.restart();
    for (const visitor of [ann, bob]) await visitor.isShown('connected');
    await ann.sees('Bob');
    await ann.say('after the restart');
    await bob.reads('after the restart');
  });

  it('fits on a phone', async () => {
    const ann = await someone('Ann', 'garden', PHONE);
    await ann.say('a long word: ' + 'antidisestablishmentarianism'.repeat(5));
    for (let line = 1; line <= 20; line += 1) await ann.say(`line ${line}`);
    await ann.reads('line 20');
    await ann.picture('phone');

    const { content, screen } = await ann.page.evaluate(() => ({
      content: document.documentElement.scrollWidth,
      screen: document.documentElement.clientWidth,
    }));
    assert.ok(content <= screen, `nothing to scroll sideways: ${content} of ${screen} pixels`);
    for (const name of ['message', 'send', 'state']) {
      const box = await ann.at(name).boundingBox();
      const inside = box && box.x >= 0 && box.x + box.width <= PHONE.viewport.width
        && box.y >= 0 && box.y + box.height <= PHONE.viewport.height;
      assert.ok(inside, `${name} is on the screen: ${JSON.stringify(box)}`);
    }
    for (const name of ['send', 'join']) {
      const { left, right } = await labelGaps(ann.at(name));
      assert.ok(left >= 4 && Math.abs(left - right) <= 2, `the label of ${name} is in its middle: ${left} and ${right} pixels`);
    }
    for (const name of ['message', 'send', 'join']) {
      const { height } = await ann.at(name).boundingBox();
      assert.ok(height >= 32, `${name} is large enough for a finger: ${height} pixels`);
    }
  });

  for (const colorScheme of ['light', 'dark']) {
    it(`is readable in the ${colorScheme} color scheme`, async () => {
      const ann = await someone('Ann', 'garden', { colorScheme });
      const bob = await someone('Bob', 'garden', { colorScheme });
      await bob.say('Is it late already?');
      await ann.reads('Is it late already?');
      await ann.say('It depends on your color scheme');
      await ann.reads('It depends on your color scheme');
      await ann.picture(colorScheme);

      const places = {
        page: ann.page.locator('body'),
        state: ann.at('state'),
        message: ann.at('messages').getByText('Is it late already?', { exact: true }),
        'own message': ann.at('messages').getByText('It depends on your color scheme', { exact: true }),
        person: ann.at('people').getByText('Bob', { exact: true }),
        input: ann.at('message'),
        button: ann.at('send'),
      };
      for (const [place, locator] of Object.entries(places)) {
        const { ratio } = await contrastOf(locator);
        assert.ok(ratio >= 4.5, `${place}: contrast ${ratio.toFixed(1)}`);
      }
      const { text, background } = await contrastOf(places.page);
      assert.equal(text > background, colorScheme === 'dark', 'light text on dark ground only where it is dark');
    });
  }
});
