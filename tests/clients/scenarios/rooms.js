import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { aRoom, stage } from '../support/stage.js';

export function rooms(way) {
  for (const namespace of ['/', '/custom', '/dynamic-3']) {
    describe(`rooms of ${namespace}`, () => {
      const scene = stage(way, 'clients');

      /**
       * Each of `clients` hears something that its namespace is told now. Events from one sender keep their order, so what was
       * going to reach a client before this has reached it, and a test may say what did not.
       */
      async function everyoneIsUpToDate(sender, clients) {
        const mark = aRoom();
        sender.emit('to-all', mark);
        for (const client of clients) await client.hears('all-message', (text) => text === mark);
      }

      it('are joined, listed and left', async () => {
        const [room, other] = [aRoom(), aRoom()];
        const ann = await scene.connect(namespace);
        assert.deepEqual(await ann.ask('rooms'), [[]]);
        assert.deepEqual(await ann.ask('join', room), ['joined', room]);
        assert.deepEqual(await ann.ask('join', other), ['joined', other]);
        assert.deepEqual(await ann.ask('join', room), ['joined', room]);
        assert.deepEqual(await ann.ask('rooms'), [[room, other].sort()]);
        assert.deepEqual(await ann.ask('leave', room), ['left', room]);
        assert.deepEqual(await ann.ask('rooms'), [[other]]);
      });

      it('are reached without the sender, or with it', async () => {
        const room = aRoom();
        const [ann, bob, cat, outsider] = await scene.group(4, namespace);
        const members = [ann, bob, cat];
        for (const member of members) await member.ask('join', room);

        ann.emit('to-room', room, 'to the others', { n: 1 });
        ann.emit('in-room', room, 'to everyone', Buffer.from('bytes'));
        await everyoneIsUpToDate(ann, [...members, outsider]);

        const others = [room, 'to the others', { n: 1 }];
        const everyone = [room, 'to everyone', Buffer.from('bytes')];
        assert.deepEqual(ann.unread('room-message'), [everyone]);
        assert.deepEqual(bob.unread('room-message'), [others, everyone]);
        assert.deepEqual(cat.unread('room-message'), [others, everyone]);
        assert.deepEqual(outsider.unread('room-message'), []);
      });

      it('may be spoken to from outside', async () => {
        const room = aRoom();
        const [ann, outsider] = await scene.group(2, namespace);
        await ann.ask('join', room);
        outsider.emit('to-room', room, 'hello in there');
        assert.deepEqual(await ann.hears('room-message'), [room, 'hello in there']);
      });

      it('are silent for who has left', async () => {
        const room = aRoom();
        const [ann, bob] = await scene.group(2, namespace);
        for (const member of [ann, bob]) await member.ask('join', room);
        await bob.ask('leave', room);

        ann.emit('in-room', room, 'without Bob');
        await everyoneIsUpToDate(ann, [ann, bob]);
        assert.deepEqual(ann.unread('room-message'), [[room, 'without Bob']]);
        assert.deepEqual(bob.unread('room-message'), []);
      });

      it('may have any name', async () => {
        const [ann, bob] = await scene.group(2, namespace);
        for (const room of ['*', 'a.b.>', 'комната 🚪', 'with "quotes" and \\', '/', ' ']) {
          await bob.ask('join', room);
          ann.emit('to-room', room, 'found it');
          assert.deepEqual(await bob.hears('room-message'), [room, 'found it']);
        }
      });

      it('include one for each socket, named by its id', async () => {
        const [ann, bob, cat] = await scene.group(3, namespace);
        ann.emit('to-room', bob.id, 'psst');
        await everyoneIsUpToDate(ann, [ann, bob, cat]);
        assert.deepEqual(bob.unread('room-message'), [[bob.id, 'psst']]);
        assert.deepEqual([...ann.unread('room-message'), ...cat.unread('room-message')], []);

        // "All others in my own room" is nobody; "all in my own room" is myself.
        ann.emit('to-room', ann.id, 'nobody');
        ann.emit('in-room', ann.id, 'myself');
        await everyoneIsUpToDate(ann, [ann]);
        assert.deepEqual(ann.unread('room-message'), [[ann.id, 'myself']]);
      });

      it('are passed over by what goes to the whole namespace', async () => {
        const clients = await scene.group(3, namespace);
        const [ann, bob, cat] = clients;
        await bob.ask('join', aRoom());

        ann.emit('to-all-but-me', 'you', [Buffer.from('bytes')]);
        ann.emit('to-all', 'us');
        for (const client of clients) await client.hears('all-message', (text) => text === 'us');
        assert.deepEqual(ann.unread('all-message'), []);
        assert.deepEqual(bob.unread('all-message'), [['you', [Buffer.from('bytes')]]]);
        assert.deepEqual(cat.unread('all-message'), [['you', [Buffer.from('bytes')]]]);
      });

      it('are empty again when their members are gone', async () => {
        const room = aRoom();
        const [ann, bob] = await scene.group(2, namespace);
        await ann.ask('join', 'observers');
        await bob.ask('join', room);
        const bobsId = bob.id;
        bob.close();
        await ann.hears('peer-left', (id) => id === bobsId);

        await ann.ask('join', room);
        ann.emit('to-room', room, 'anyone?');
        ann.emit('to-room', bobsId, 'Bob?');
        await everyoneIsUpToDate(ann, [ann]);
        assert.deepEqual(ann.unread('room-message'), []);
      });
    });
  }
}
