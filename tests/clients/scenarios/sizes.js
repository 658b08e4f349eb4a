import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { stage } from '../support/stage.js';

const LIMIT = 1_000_000; // bytes of one message, and of one request body when polling

export function sizes(way) {
  describe('sizes', () => {
    const scene = stage(way, 'load');

    /** Text for an event to oneself whose packet is exactly `size` bytes on the wire. */
    function textFor(client, size) {
      const rest = `42${JSON.stringify(['direct', client.id, ''])}`;
      return 'x'.repeat(size - rest.length);
    }

    it('up to the limit arrive whole', async () => {
      const ann = await scene.connect();
      await scene.settled(ann);
      const text = textFor(ann, LIMIT);
      ann.emit('direct', ann.id, text);
      const [back] = await ann.hears('d');
      assert.equal(back.length, text.length);
      assert.ok(back === text);
    });

    it('of bytes may be as large', async () => {
      const ann = await scene.connect();
      await scene.settled(ann);
      // As base64, which polling needs, this is just under the limit.
      const bytes = Buffer.alloc(700_000, 'natter');
      ann.emit('direct', ann.id, { bytes });
      const [back] = await ann.hears('d');
      assert.ok(bytes.equals(back.bytes));
    });

    it('over the limit end this client\'s connection, which comes back, and no other', async () => {
      const [ann, bob] = await scene.group(2);
      await Promise.all([ann, bob].map((client) => scene.settled(client)));
      const [annsId, bobsId] = [ann.id, bob.id];

      ann.emit('direct', bob.id, textFor(ann, LIMIT + 1));
      const reason = await ann.isDisconnected();
      // A refused request is an error, a closed WebSocket is a close; the latter may also meet the client in the middle of its write.
      assert.ok(['transport error', 'transport close'].includes(reason), reason);

      await ann.isConnected();
      assert.notEqual(ann.id, annsId);
      assert.deepEqual(await ann.ask('echo', 'smaller'), ['smaller']);
      assert.deepEqual(await bob.ask('echo', 'undisturbed'), ['undisturbed']);
      assert.equal(bob.id, bobsId);
      assert.deepEqual(bob.unread('d'), []);
    });

    it('of many small events together may be larger than the limit', async () => {
      const ann = await scene.connect();
      const part = 'y'.repeat(100_000);
      const echoes = await Promise.all(Array.from({ length: 30 }, (_, n) => ann.ask('echo', part + n)));
      echoes.forEach(([echo], n) => assert.ok(echo === part + n, `echo ${n}`));
    });
  });
}
