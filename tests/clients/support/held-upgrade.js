// An upgrade that begins when the test says so. By itself it is over before an application sends its first event.

import { NodeWebSocket, NodeXHR } from 'socket.io-client';

/** Options for a client that polls until `letGo` is called, and then upgrades. */
export function heldUpgrade() {
  let letGo;
  const released = new Promise((resolve) => { letGo = resolve; });

  class HeldWebSocket extends NodeWebSocket {
    doOpen() {
      released.then(() => super.doOpen());
    }
  }

  return { letGo, options: { transports: [NodeXHR, HeldWebSocket] } };
}
