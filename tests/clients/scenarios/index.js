// The table of contents: what an unchanged client must be able to do, whichever way it reaches the server.

import { describe } from 'node:test';
import { Testbed } from '../support/testbed.js';
import { WAYS } from '../support/client.js';
import { acks } from './acks.js';
import { clusters } from './clusters.js';
import { departures } from './departures.js';
import { messages } from './messages.js';
import { namespaces } from './namespaces.js';
import { operators } from './operators.js';
import { order } from './order.js';
import { outages } from './outages.js';
import { rooms } from './rooms.js';
import { sizes } from './sizes.js';

const SCENARIOS = [messages, acks, namespaces, rooms, operators, departures, order, sizes];

export function everyScenarioOver(way) {
  describe(`socket.io-client over ${way}`, () => {
    for (const scenario of SCENARIOS) scenario(way);
    // One server ends in other ways than one of several.
    if (WAYS[way].server === Testbed) outages(way);
    else clusters(way);
  });
}
