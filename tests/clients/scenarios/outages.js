import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { dial } from '../support/client.js';
import { Testbed } from '../support/testbed.js';

const LOST = ['transport close', 'transport error'];

export function outages(way) {
  describe('outages', () => {
    let server;
    let ann;
    beforeEach(async () => {
      server = await Testbed.start('clients');
      ann = await dial(server.url, '/', way, { auth: { name: 'Ann' } }).isConnected();
    });
    afterEach(async () => {
      ann?.close();
      await server?.stop('SIGKILL');
    });

    async function annIsBack() {
      await ann.isConnected();
      assert.deepEqual(await ann.ask('message-with-ack', 'back'), ['back']);
    }

    it('of a server that is killed end when another is in its place', async () => {
      const id = ann.id;
      await server.stop('SIGKILL');
      assert.ok(LOST.includes(await ann.isDisconnected()));
      // Emitted while there is no server; the client keeps it for the next one.
      ann.emit('message', 'kept');
      await server.restart();
      await annIsBack();
      assert.notEqual(ann.id, id);
      assert.deepEqual(await ann.hears('message-back'), ['kept']);
    });

    it('of a server that was asked to stop are a clean exit, and the client comes back', async () => {
      assert.equal(await server.stop('SIGTERM'), 0, 'exit status');
      assert.ok(LOST.includes(await ann.isDisconnected()), 'a reason after which the client reconnects by itself');
      await server.restart();
      await annIsBack();
    });

    it('of a server that hangs are noticed by the heartbeat', async () => {
      server.signal('SIGSTOP');
      assert.equal(await ann.isDisconnected(), 'ping timeout');
      server.signal('SIGCONT');
      await annIsBack();
    });
  });
}
