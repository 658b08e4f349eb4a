import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { stage } from '../support/stage.js';

export function acks(way) {
  describe('acks', () => {
    const scene = stage(way, 'clients');

    it('come from the server with any number of values', async () => {
      const ann = await scene.connect();
      assert.deepEqual(await ann.ask('message-with-ack', 1, 'two', { three: [3] }), [1, 'two', { three: [3] }]);
      assert.deepEqual(await ann.ask('message-with-ack'), []);
    });

    it('come from the server with nested bytes', async () => {
      const ann = await scene.connect();
      const args = [Buffer.from('one'), { two: [Buffer.from('two')], note: 'text' }];
      assert.deepEqual(await ann.ask('message-with-ack', ...args), args);
    });

    it('go to the server with any number of values', async () => {
      const ann = await scene.connect();
      ann.socket.on('question', (a, b, ack) => ack(a + b, 'and', [a, b]));
      ann.emit('ask-me', 2, 3);
      assert.deepEqual(await ann.hears('answer'), [5, 'and', [2, 3]]);
    });

    it('go to the server with nested bytes', async () => {
      const ann = await scene.connect();
      ann.socket.on('question', (bytes, ack) => ack({ reversed: [Buffer.from(bytes).reverse()], length: bytes.length }));
      ann.emit('ask-me', Buffer.from([1, 2, 3]));
      assert.deepEqual(await ann.hears('answer'), [{ reversed: [Buffer.from([3, 2, 1])], length: 3 }]);
    });

    it('find their own question when a hundred are open in both directions', async () => {
      const ann = await scene.connect();
      const numbers = Array.from({ length: 100 }, (_, n) => n);

      const answers = await Promise.all(numbers.map((n) => ann.ask('message-with-ack', n)));
      assert.deepEqual(answers, numbers.map((n) => [n]));

      // The server's questions are all collected first and then answered backwards.
      const open = [];
      const allAsked = new Promise((resolve) => {
        ann.socket.on('question', (n, ack) => {
          open.push(() => ack(n * n));
          if (open.length === numbers.length) resolve();
        });
      });
      for (const n of numbers) ann.emit('ask-me', n);
      await allAsked;
      for (const answer of open.reverse()) answer();
      for (const n of numbers.toReversed()) assert.deepEqual(await ann.hears('answer'), [n * n]);
    });

    it('that never come end in the timeout of the client', async () => {
      const ann = await scene.connect();
      await assert.rejects(
        ann.socket.timeout(50).emitWithAck('an event that nobody handles'),
        { message: 'operation has timed out' },
      );
      assert.deepEqual(await ann.ask('message-with-ack', 'later'), ['later']);
    });

    it('that never go end in the timeout of the server, and one that does is in time', async () => {
      const ann = await scene.connect();
      ann.socket.once('question-in', () => { /* no answer */ });
      ann.emit('ask-me-in', 50);
      assert.deepEqual(await ann.hears('answer-in'), [true]);

      ann.socket.once('question-in', (ack) => ack());
      ann.emit('ask-me-in', 15_000);
      assert.deepEqual(await ann.hears('answer-in'), [false]);
    });

    it('that come after the timeout of the server are ignored', async () => {
      const ann = await scene.connect();
      const question = new Promise((resolve) => ann.socket.once('question-in', resolve));
      ann.emit('ask-me-in', 50);
      const lateAck = await question;
      assert.deepEqual(await ann.hears('answer-in'), [true]);
      lateAck();
      assert.deepEqual(await ann.ask('message-with-ack', 'still there'), ['still there']);
      assert.deepEqual(ann.unread('answer-in'), []);
    });

    it('work on other namespaces as well', async () => {
      const ann = await scene.connect('/dynamic-1');
      assert.deepEqual(await ann.ask('message-with-ack', Buffer.from('bytes')), [Buffer.from('bytes')]);
      ann.socket.on('question', (text, ack) => ack(text.toUpperCase()));
      ann.emit('ask-me', 'louder');
      assert.deepEqual(await ann.hears('answer'), ['LOUDER']);
    });
  });
}
