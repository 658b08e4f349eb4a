import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { aRoom, stage } from '../support/stage.js';

export function departures(way) {
  describe('departures', () => {
    const scene = stage(way, 'clients');

    /** Somebody in the room to which the server reports who left, and why. */
    async function anObserver() {
      const observer = await scene.connect();
      await observer.ask('join', 'observers');
      return {
        async reasonOf(id) {
          const [, reason] = await observer.hears('peer-left', (who) => who === id);
          return reason;
        },
      };
    }

    it('by a kick end the namespace and nothing else', async () => {
      const observer = await anObserver();
      const ann = await scene.connect();
      const custom = await scene.alongside(ann, '/custom').isConnected();
      const id = ann.id;

      ann.emit('kick');
      assert.equal(await ann.isDisconnected(), 'io server disconnect');
      assert.equal(await observer.reasonOf(id), 'server namespace disconnect');
      assert.deepEqual(await custom.ask('message-with-ack', 'still here'), ['still here']);
    });

    it('by a kick are final until the client connects again itself', async () => {
      const ann = await scene.connect();
      ann.emit('kick');
      await ann.isDisconnected();
      assert.equal(ann.socket.active, false, 'the client waits to be told');

      ann.socket.connect();
      await ann.isConnected();
      assert.deepEqual(await ann.ask('message-with-ack', 'back'), ['back']);
    });

    it('by a hard kick end every namespace of the connection', async () => {
      const observer = await anObserver();
      const ann = await scene.connect();
      const custom = await scene.alongside(ann, '/custom').isConnected();
      const [id, engine] = [ann.id, ann.engine];

      ann.emit('kick-hard');
      assert.equal(await ann.isDisconnected(), 'io server disconnect');
      assert.equal(await custom.isDisconnected(), 'io server disconnect');
      assert.equal(await observer.reasonOf(id), 'server namespace disconnect');
      assert.notEqual(engine.readyState, 'open');
    });

    it('of the connection alone bring the client back by itself, as a new socket', async () => {
      const observer = await anObserver();
      const room = aRoom();
      const ann = await scene.connect();
      await ann.ask('join', room);
      const id = ann.id;

      ann.emit('drop');
      assert.equal(await ann.isDisconnected(), 'transport close');
      assert.equal(await observer.reasonOf(id), 'forced close');

      await ann.isConnected();
      assert.notEqual(ann.id, id);
      assert.deepEqual(await ann.ask('rooms'), [[]], 'rooms belong to the socket that left');
      assert.deepEqual(await ann.ask('message-with-ack', Buffer.from('back')), [Buffer.from('back')]);
    });

    it('of the connection bring back all of its namespaces', async () => {
      const ann = await scene.connect();
      const guarded = await scene.alongside(ann, '/guarded', { auth: { token: 'secret' } }).isConnected();
      ann.emit('drop');
      for (const client of [ann, guarded]) {
        assert.equal(await client.isDisconnected(), 'transport close');
        await client.isConnected();
        assert.deepEqual(await client.ask('my-id'), [client.id]);
      }
    });

    it('again and again do not wear the server out', async () => {
      const ann = await scene.connect();
      for (let round = 0; round < 10; round += 1) {
        ann.emit('drop');
        await ann.isDisconnected();
        await ann.isConnected();
      }
      assert.deepEqual(await ann.ask('message-with-ack', 'round eleven'), ['round eleven']);
    });

    it('by the client are told to the others with their reasons', async () => {
      const observer = await anObserver();
      const [polite, abrupt] = await scene.group(2);
      const [politeId, abruptId] = [polite.id, abrupt.id];

      polite.socket.disconnect();
      assert.equal(await polite.isDisconnected(), 'io client disconnect');
      assert.equal(await observer.reasonOf(politeId), 'client namespace disconnect');

      // With the upgrade under way the client puts off the close of its connection; that is not what is tested here.
      await scene.settled(abrupt);
      abrupt.engine.close();
      assert.equal(await observer.reasonOf(abruptId), 'transport close');
    });

    it('do not lose what was emitted just before', async () => {
      const [ann, bob] = await scene.group(2);
      const room = aRoom();
      await bob.ask('join', room);
      ann.emit('to-room', room, 'goodbye');
      ann.emit('kick');
      await ann.isDisconnected();
      assert.deepEqual(await bob.hears('room-message'), [room, 'goodbye']);
    });
  });
}
