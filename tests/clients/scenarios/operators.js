import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { aRoom, stage } from '../support/stage.js';
import { eventually } from '../support/wait.js';

// What a server does to many sockets at once: broadcasts of the server itself, broadcasts with acks, fetch, move, evict.
export function operators(way) {
  describe('operators', () => {
    const scene = stage(way, 'load');

    async function members(room, size) {
      const clients = await scene.group(size);
      for (const client of clients) assert.deepEqual(await client.ask('join', room), []);
      return clients;
    }

    const ids = (clients) => clients.map((client) => client.id).sort();

    it('reach everyone, a room, the others in a room, or one socket', async () => {
      const room = aRoom();
      const [ann, bob] = await members(room, 2);
      const outsider = await scene.connect();

      ann.emit('room', room, { to: 'the room' });
      ann.emit('others', room, { to: 'the others' });
      ann.emit('direct', outsider.id, { to: 'the outsider' });
      ann.emit('broadcast', 'to all');
      for (const client of [ann, bob, outsider]) assert.deepEqual(await client.hears('b'), ['to all']);

      assert.deepEqual(ann.unread('r'), [[{ to: 'the room' }]]);
      assert.deepEqual(bob.unread('r'), [[{ to: 'the room' }], [{ to: 'the others' }]]);
      assert.deepEqual(outsider.unread('r'), []);
      assert.deepEqual([...ann.unread('d'), ...bob.unread('d')], []);
      assert.deepEqual(outsider.unread('d'), [[{ to: 'the outsider' }]]);
    });

    it('collect the answers of a whole room', async () => {
      const room = aRoom();
      const clients = await members(room, 3);
      clients.forEach((client, n) => client.socket.on('q', (question, ack) => ack(`${question} ${n}`)));
      const [error, answers] = await clients[0].ask('ask', room, 15_000, 'number?');
      assert.equal(error, null);
      assert.deepEqual(answers.sort(), ['number? 0', 'number? 1', 'number? 2']);
    });

    it('collect answers with bytes', async () => {
      const room = aRoom();
      const [ann] = await members(room, 1);
      ann.socket.on('q', (question, ack) => ack({ seen: [question] }));
      assert.deepEqual(await ann.ask('ask', room, 15_000, Buffer.from('q')), [null, [{ seen: [Buffer.from('q')] }]]);
    });

    it('say when answers are missing and hand over the others', async () => {
      const room = aRoom();
      const [ann, bob, silent] = await members(room, 3);
      ann.socket.on('q', (question, ack) => ack('Ann'));
      bob.socket.on('q', (question, ack) => ack('Bob'));
      silent.socket.on('q', () => { /* no answer */ });
      const [error, answers] = await ann.ask('ask', room, 1_000, 'who is there?');
      assert.equal(error, 'operation has timed out');
      assert.deepEqual(answers.sort(), ['Ann', 'Bob']);
    });

    it('have all answers at once from an empty room', async () => {
      const ann = await scene.connect();
      assert.deepEqual(await ann.ask('ask', aRoom(), 15_000, 'anybody?'), [null, []]);
    });

    it('list the sockets of a room, and all', async () => {
      const room = aRoom();
      const clients = await members(room, 3);
      const outsider = await scene.connect();

      const [inRoom, missing] = await outsider.ask('fetch', room);
      assert.deepEqual(missing, []);
      assert.deepEqual(inRoom.map(({ id }) => id).sort(), ids(clients));
      for (const socket of inRoom) assert.deepEqual(socket.rooms.toSorted(), [socket.id, room].sort());

      const [all] = await outsider.ask('fetch', null);
      for (const id of ids([...clients, outsider])) assert.ok(all.some((socket) => socket.id === id), id);
      assert.deepEqual(await outsider.ask('fetch', aRoom()), [[], []]);
    });

    it('tell a client who it is', async () => {
      const room = aRoom();
      const [ann] = await members(room, 1);
      await scene.settled(ann);
      const [me] = await ann.ask('whoami');
      assert.equal(me.id, ann.id);
      assert.equal(me.transport, scene.settlesOn);
      assert.deepEqual(me.rooms.toSorted(), [ann.id, room].sort());
      const [[fetched]] = await ann.ask('fetch', ann.id);
      assert.equal(fetched.node, me.node);
    });

    it('move the sockets of one room into another', async () => {
      const [from, to] = [aRoom(), aRoom()];
      const [ann, bob] = await members(from, 2);
      const outsider = await scene.connect();
      assert.deepEqual(await outsider.ask('move', from, to), []);

      await eventually(
        async () => (await outsider.ask('fetch', to))[0].map(({ id }) => id).sort(),
        (found) => found.length === 2,
        'both are in the new room',
      );
      outsider.emit('room', to, 'welcome');
      for (const client of [ann, bob]) assert.deepEqual(await client.hears('r'), ['welcome']);
      assert.equal((await outsider.ask('fetch', from))[0].length, 2, 'and still in the old one');
    });

    it('evict the sockets of a room', async () => {
      const room = aRoom();
      const [ann, bob] = await members(room, 2);
      const outsider = await scene.connect();
      outsider.emit('evict', room);
      for (const client of [ann, bob]) assert.equal(await client.isDisconnected(), 'io server disconnect');
      await eventually(
        async () => (await outsider.ask('fetch', room))[0],
        (found) => found.length === 0,
        'the room is empty',
      );
    });

    it('deliver what was sent before the eviction', async () => {
      const room = aRoom();
      const [ann] = await members(room, 1);
      const outsider = await scene.connect();
      outsider.emit('room', room, 'last words');
      outsider.emit('evict', room);
      await ann.isDisconnected();
      assert.deepEqual(ann.unread('r'), [['last words']]);
    });
  });
}
