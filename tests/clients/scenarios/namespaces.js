import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { aRoom, stage } from '../support/stage.js';

const PASS = { auth: { token: 'secret' } };

export function namespaces(way) {
  describe('namespaces', () => {
    const scene = stage(way, 'clients');

    it('that are static greet with the auth payload of the handshake', async () => {
      for (const namespace of ['/', '/custom']) {
        const ann = await scene.connect(namespace, { auth: { name: 'Ann', groups: ['a', 'ß'] } });
        assert.deepEqual(await ann.hears('auth'), [{ name: 'Ann', groups: ['a', 'ß'] }]);
        const bob = await scene.connect(namespace);
        assert.deepEqual(await bob.hears('auth'), [{}]);
      }
    });

    it('that are dynamic exist by their name, each for itself', async () => {
      const [seven, eight, alsoSeven] = await Promise.all(
        ['/dynamic-7', '/dynamic-8', '/dynamic-7'].map((namespace) => scene.connect(namespace, { auth: { to: namespace } })),
      );
      assert.deepEqual(await eight.hears('auth'), [{ to: '/dynamic-8' }]);

      seven.emit('to-all', 'only for seven');
      eight.emit('to-all', 'only for eight');
      assert.deepEqual(await seven.hears('all-message'), ['only for seven']);
      assert.deepEqual(await alsoSeven.hears('all-message'), ['only for seven']);
      assert.deepEqual(await eight.hears('all-message'), ['only for eight']);
    });

    it('that do not exist are refused', async () => {
      for (const name of ['/random', '/dynamic-x', '/dynamic-1/more', '/custom/inner', '/Custom']) {
        const refusal = await scene.dial(name).isRefused();
        assert.equal(refusal.message, 'Invalid namespace', name);
        assert.equal(refusal.data, undefined);
      }
    });

    it('refuse with the message and the data of their middleware', async () => {
      for (const auth of [{}, { token: 'wrong' }]) {
        const refusal = await scene.dial('/guarded', { auth }).isRefused();
        assert.equal(refusal.message, 'not authorized');
        assert.deepEqual(refusal.data, { code: 401, reason: 'bad token' });
      }
    });

    it('let in who shows what the middleware asks for', async () => {
      const ann = await scene.connect('/guarded', PASS);
      assert.deepEqual(await ann.hears('auth'), [PASS.auth]);
      const bob = await scene.connect('/guarded', { auth: (send) => send({ token: 'secret', late: true }) });
      assert.deepEqual(await bob.hears('auth'), [{ token: 'secret', late: true }]);
    });

    it('let in on a second try over the same connection', async () => {
      const ann = scene.dial('/guarded', { auth: { token: 'wrong' } });
      await ann.isRefused();
      ann.socket.auth.token = 'secret';
      ann.socket.connect();
      await ann.isConnected();
      assert.deepEqual(await ann.ask('message-with-ack', 'inside'), ['inside']);
    });

    it('share one connection', async () => {
      const main = await scene.connect();
      const others = await Promise.all([
        scene.alongside(main, '/custom', { auth: { from: 'custom' } }).isConnected(),
        scene.alongside(main, '/guarded', PASS).isConnected(),
        scene.alongside(main, '/dynamic-2').isConnected(),
      ]);
      const all = [main, ...others];

      assert.equal(new Set(all.map((client) => client.engine)).size, 1, 'connections');
      assert.equal(new Set(all.map((client) => client.id)).size, all.length, 'socket ids');
      assert.deepEqual(await others[0].hears('auth'), [{ from: 'custom' }]);
      for (const client of all) {
        assert.deepEqual(await client.ask('my-id'), [client.id]);
        client.emit('message', client.socket.nsp, Buffer.from(client.socket.nsp));
      }
      for (const client of all) {
        assert.deepEqual(await client.hears('message-back'), [client.socket.nsp, Buffer.from(client.socket.nsp)]);
        assert.deepEqual(client.unread('message-back'), []);
      }
    });

    it('that refuse leave the others of the connection alone', async () => {
      const main = await scene.connect();
      assert.equal((await scene.alongside(main, '/random').isRefused()).message, 'Invalid namespace');
      assert.equal((await scene.alongside(main, '/guarded').isRefused()).message, 'not authorized');
      assert.deepEqual(await main.ask('message-with-ack', 'undisturbed'), ['undisturbed']);
    });

    it('are left one by one and entered again', async () => {
      const main = await scene.connect();
      const custom = await scene.alongside(main, '/custom').isConnected();
      const firstId = custom.id;

      custom.socket.disconnect();
      assert.equal(await custom.isDisconnected(), 'io client disconnect');
      assert.deepEqual(await main.ask('message-with-ack', 'still here'), ['still here']);

      custom.socket.connect();
      await custom.isConnected();
      assert.notEqual(custom.id, firstId);
      assert.deepEqual(await custom.ask('my-id'), [custom.id]);
    });

    it('keep their rooms apart', async () => {
      const room = aRoom();
      const main = await scene.connect();
      const custom = await scene.alongside(main, '/custom').isConnected();
      await main.ask('join', room);
      await custom.ask('join', room);

      custom.emit('in-room', room, 'for custom');
      assert.deepEqual(await custom.hears('room-message'), [room, 'for custom']);
      main.emit('in-room', room, 'for main');
      assert.deepEqual(await main.hears('room-message'), [room, 'for main']);
      assert.deepEqual(custom.unread('room-message'), []);
    });
  });
}
