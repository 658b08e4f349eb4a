//! A WebSocket that wants to take a polling session over, on the thread that has accepted it.
//!
//! The session may live on another thread, so this reads for it and waits for what it says. When the WebSocket has won,
//! it moves to the session's thread, to be read and written there like one that a session began with.

use std::{io, sync::Arc, time::Duration};

use bytes::Bytes;
use natter_protocol::CloseCode;
use tokio::{sync::oneshot, time::timeout};

use super::{
    Inbound, Incoming, Peer,
    flow::Flow,
    pump::Pump,
    ticket::{Arrival, Desk, Running},
};
use crate::{
    connection::{HandOver, Received, TransportClosed, TransportId},
    line::Line,
    outbox::WriterId,
    shard::LocalShard,
    upgrade::Slot,
};

/// Time for the peer of a candidate that has won to take what is queued for it as a candidate.
const LAST_PACKETS: Duration = Duration::from_secs(2);

/// Time for the peer of a candidate that has lost to take its close frame and to hang up.
const HANG_UP: Duration = Duration::from_millis(900);

/// A stream on its way to the session.
pub(crate) struct Handed {
    flow: Flow,
    writer: WriterId,
    lease: oneshot::Sender<()>,
}

impl Handed {
    /// The stream as one of this thread.
    pub fn settle(self, line: &Arc<Line>) -> io::Result<Incoming> {
        let Self { flow, writer, lease } = self;
        let pump = Pump::of_session(flow.arrive()?, line.clone(), writer, Bytes::new());
        Ok(Incoming::Owned(pump.with_lease(lease)))
    }
}

pub(super) fn run(line: Peer, transport: TransportId, slot: Arc<Slot>, arrival: Arrival) -> Running {
    let Arrival { flow, head, early, desk } = arrival;
    slot.own().0.lead_with(&head);
    let pump = Pump::of_candidate(flow, line.clone(), slot.clone(), early);
    let present = Present { line, transport, gone: true };
    Box::pin(try_to_win(pump, slot, present, desk))
}

/// Opens and closes it.
pub(super) fn turn_away(line: Peer, arrival: Arrival) -> Running {
    let Arrival { flow, head, early, .. } = arrival;
    let slot = Arc::new(Slot::new());
    slot.own().0.lead_with(&head);
    slot.abandon(Some(CloseCode::Policy));
    Box::pin(hang_up(Pump::of_candidate(flow, line, slot, early)))
}

/// Tells the session when its candidate is gone.
struct Present {
    line: Peer,
    transport: TransportId,
    gone: bool,
}

impl Drop for Present {
    fn drop(&mut self) {
        if self.gone {
            self.line.connection.do_send(TransportClosed { transport: self.transport });
        }
    }
}

async fn try_to_win(mut pump: Pump, slot: Arc<Slot>, mut present: Present, desk: Desk) {
    loop {
        match pump.next().await {
            Some(Inbound::Bytes(bytes)) => {
                let bytes = Bytes::copy_from_slice(&bytes);
                let received = Received { transport: present.transport, bytes };
                match present.line.connection.send(received).await {
                    Ok(false) => {}
                    Ok(true) => break,
                    Err(_) => return,
                }
            }
            Some(Inbound::Finished) => {
                drop(present);
                return hang_up(pump).await;
            }
            None => return,
        }
    }
    // Its own last packets first.
    let Some(writer) = slot.session() else { return };
    if timeout(LAST_PACKETS, pump.written()).await.is_err() {
        return;
    }
    let (lease, over) = oneshot::channel();
    let mut flow = pump.into_flow();
    if !LocalShard::is_here(&present.line.shard) {
        flow = match flow.leave_thread() {
            Ok(flow) => flow,
            Err(error) => {
                tracing::debug!(%error, "a WebSocket could not leave its thread");
                return;
            }
        };
    }
    present.gone = false;
    let socket = Handed { flow, writer, lease };
    present.line.connection.do_send(HandOver { transport: present.transport, socket });
    // Here it only waits for the end, so that the connection is counted as open.
    desk.leave(Box::pin(async { drop(over.await) }));
}

/// Reads until the peer hangs up, too.
async fn hang_up(mut pump: Pump) {
    let peer = async { while pump.next().await.is_some() {} };
    // Who does not hang up is hung up on.
    drop(timeout(HANG_UP, peer).await);
}
