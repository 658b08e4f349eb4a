import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { stage } from '../support/stage.js';

export function messages(way) {
  describe('messages', () => {
    const scene = stage(way, 'clients');

    async function comesBack(client, ...args) {
      client.emit('message', ...args);
      assert.deepEqual(await client.hears('message-back'), args);
    }

    it('carry text and every other value of JSON', async () => {
      const ann = await scene.connect();
      await comesBack(ann, 'hello', 1, -2.5, true, false, null, [], {}, [[1, [2]], { three: { four: 4 } }]);
      await comesBack(ann, '');
    });

    it('may have no arguments at all', async () => {
      const ann = await scene.connect();
      await comesBack(ann);
    });

    it('carry the text of any language, in values and in keys', async () => {
      const ann = await scene.connect();
      await comesBack(ann, 'Grüße', 'Привет', 'שלום', 'नमस्ते', 'こんにちは', '👩‍👩‍👧‍👦 🇪🇺');
      await comesBack(ann, { 'ключ': { '鍵': ['🗝️'] } });
    });

    it('carry the characters that the protocols use for themselves', async () => {
      const ann = await scene.connect();
      // The separator of polling payloads, line separators, NUL, quotes, and text that looks like a packet.
      await comesBack(ann, '\u001e', 'a\u001e4b', '\u2028\u2029', '\u0000', '"\\"', '42["message"]', '451-["message",{"_placeholder":true}]');
    });

    it('carry half of a surrogate pair unharmed', async () => {
      const ann = await scene.connect();
      await comesBack(ann, 'before \ud83d after', '\udc00\ud800');
    });

    it('carry bytes as an argument', async () => {
      const ann = await scene.connect();
      await comesBack(ann, Buffer.from([0, 1, 2, 254, 255]));
      await comesBack(ann, Buffer.alloc(0));
      await comesBack(ann, 'between', Buffer.from('two'), 'texts');
    });

    it('carry bytes wherever they are nested', async () => {
      const ann = await scene.connect();
      await comesBack(ann, {
        first: Buffer.from('first'),
        list: [Buffer.from('second'), { third: Buffer.from('third'), note: 'not bytes' }],
        deep: { deeper: { deepest: [[Buffer.from('fourth')]] } },
      }, 'after', Buffer.from('fifth'));
    });

    it('carry ten attachments', async () => {
      const ann = await scene.connect();
      await comesBack(ann, Array.from({ length: 10 }, (_, n) => Buffer.alloc(n * 100, n)));
    });

    it('keep their order when text and bytes alternate', async () => {
      const ann = await scene.connect();
      for (let n = 0; n < 50; n += 1) ann.emit('message', n, n % 3 === 0 ? Buffer.from([n]) : 'text');
      for (let n = 0; n < 50; n += 1) {
        assert.deepEqual(await ann.hears('message-back'), [n, n % 3 === 0 ? Buffer.from([n]) : 'text']);
      }
    });

    it('sent before the connection is up arrive when it is', async () => {
      const ann = scene.dial();
      ann.emit('message', 'early');
      assert.deepEqual(await ann.hears('message-back'), ['early']);
    });

    it('end up on the transport of this way', async () => {
      const ann = await scene.connect();
      await scene.settled(ann);
      await comesBack(ann, 'settled', Buffer.from('bytes'));
      const [me] = await ann.ask('whoami');
      assert.equal(me.transport, scene.settlesOn);
    });
  });
}
