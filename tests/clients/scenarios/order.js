import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { heldUpgrade } from '../support/held-upgrade.js';
import { aRoom, stage } from '../support/stage.js';
import { within } from '../support/wait.js';

const EVENTS = 1_000;
const BEFORE_UPGRADE = 200;
const IN_FLIGHT = 50; // enough that the upgrade always finds packets on their way, in both directions

export function order(way) {
  describe('order', () => {
    const scene = stage(way, 'load');

    /** Every third event carries bytes, so that attachments are on their way as well. */
    const numbered = (n) => (n % 3 === 0 ? { n, bytes: Buffer.from(String(n)) } : { n });

    /** A client whose upgrade, if this way has one, is held back until `letGo`. */
    async function aClientBeforeItsUpgrade() {
      if (!scene.upgrades) return { ann: await scene.connect(), letGo() {} };
      const { letGo, options } = heldUpgrade();
      return { ann: await scene.connect('/', options), letGo };
    }

    /**
     * Emits numbered events with `send` and resolves when all have come in as `event` at `ann`, which must be in order. The upgrade
     * begins after some of them, and they go on at least until it is done.
     */
    async function flow({ ann, letGo }, event, send) {
      const isSettled = () => ann.engine.transport.name === scene.settlesOn;
      const arrived = [];
      let sent = 0;
      let settledAt;
      const done = new Promise((resolve) => {
        const sendMore = () => {
          while (sent - arrived.length < IN_FLIGHT && (sent < EVENTS || !isSettled())) send(numbered(sent++));
        };
        ann.socket.on(event, (data) => {
          arrived.push(data);
          if (arrived.length === BEFORE_UPGRADE) letGo();
          if (isSettled()) settledAt ??= arrived.length;
          sendMore();
          if (arrived.length === sent) resolve();
        });
        sendMore();
      });
      await within(done, `${EVENTS} events in order`, { deadline: 60_000, state: () => `(${arrived.length} of ${sent} arrived)` });

      assert.deepEqual(arrived, Array.from({ length: sent }, (_, n) => numbered(n)));
      if (scene.upgrades) assert.ok(settledAt > BEFORE_UPGRADE, `the upgrade came under the flow, at event ${settledAt} of ${sent}`);
    }

    it('holds for a thousand events there and back', async () => {
      const client = await aClientBeforeItsUpgrade();
      const { ann } = client;
      await flow(client, 'd', (data) => ann.emit('direct', ann.id, data));
    });

    it('holds for a thousand events from somebody else', async () => {
      const room = aRoom();
      const sender = await scene.connect();
      await scene.settled(sender);
      const client = await aClientBeforeItsUpgrade();
      await client.ann.ask('join', room);
      await flow(client, 'r', (data) => sender.emit('room', room, data));
    });

    it('holds between events to a socket, to a room and to everyone', async () => {
      const room = aRoom();
      const [sender, ann] = await scene.group(2);
      await ann.ask('join', room);
      const arrived = [];
      const done = new Promise((resolve) => {
        for (const event of ['d', 'r', 'b']) {
          ann.socket.on(event, (n) => {
            arrived.push(n);
            if (arrived.length === 300) resolve();
          });
        }
      });
      for (let n = 0; n < 300; n += 3) {
        sender.emit('direct', ann.id, n);
        sender.emit('room', room, n + 1);
        sender.emit('broadcast', n + 2);
      }
      await within(done, 'three hundred events', { state: () => `(${arrived.length} arrived)` });
      assert.deepEqual(arrived, Array.from({ length: 300 }, (_, n) => n));
    });
  });
}
