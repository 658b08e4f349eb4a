//! What has been published and not been written yet.

use std::{
    collections::VecDeque,
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use tokio::sync::Notify;

use crate::bus::{PublishError, check_subject};

/// What a message is taken to cost besides its payload.
const MESSAGE: usize = 128;

/// Bytes that are written in one go: so little that of a stalled connection nearly all is still in the queue.
const CHUNK: usize = 256 << 10;

/// Bytes that may be written and not be known to have reached the server. More of them wait in buffers of the kernel when a
/// server is slow, unseen and uncounted, and the server's answers to pings wait behind them, so that it is taken for dead.
const WINDOW: usize = 1 << 20;

/// A message on its way out.
pub(super) struct Outgoing {
    pub(super) subject: String,
    pub(super) payload: Bytes,
}

/// A queue bounded in bytes between whoever publishes, who never waits, and the connection, which may.
pub(super) struct Queue {
    state: Mutex<State>,
    most: usize,
    filled: Notify,
    // Two for one occasion: whoever waits for it may wait for both, and a notice wakes one only.
    written: Notify,
    emptied: Notify,
}

#[derive(Default)]
struct State {
    /// The largest payload that the server takes; nothing while the bus is down.
    largest: Option<usize>,
    waiting: VecDeque<Outgoing>,
    /// Messages that are being written.
    in_hand: u64,
    /// Of those that wait and those that are being written.
    bytes: usize,
    /// Bytes that have been written since the bus came up.
    written: usize,
    /// How many of these have reached the server.
    confirmed: usize,
}

impl Queue {
    /// One that holds this many bytes; a single larger message passes alone.
    pub(super) fn new(most: usize) -> Self {
        Self {
            state: Mutex::default(),
            most,
            filled: Notify::new(),
            written: Notify::new(),
            emptied: Notify::new(),
        }
    }

    pub(super) fn largest(&self) -> Option<usize> {
        self.state().largest
    }

    pub(super) fn publish(&self, subject: &str, payload: Bytes) -> Result<(), PublishError> {
        check_subject(subject)?;
        let size = payload.len();
        let mut state = self.state();
        let most = state.largest.ok_or(PublishError::Away)?;
        if size > most {
            return Err(PublishError::TooLarge { size, most });
        }
        if state.bytes > 0 && state.bytes + size + MESSAGE > self.most {
            return Err(PublishError::Full);
        }
        state.bytes += size + MESSAGE;
        state.waiting.push_back(Outgoing { subject: subject.to_owned(), payload });
        self.filled.notify_one();
        Ok(())
    }

    /// Takes messages with payloads up to this size from now on.
    pub(super) fn open(&self, largest: usize) {
        self.state().largest = Some(largest);
    }

    /// Refuses messages from now on and forgets those that have not been written: so many.
    pub(super) fn shut(&self) -> u64 {
        let state = mem::take(&mut *self.state());
        state.waiting.len() as u64 + state.in_hand
    }

    /// Waits for messages that may be written and takes the oldest ones out.
    pub(super) async fn next(&self) -> Vec<Outgoing> {
        loop {
            let chunk = self.state().take_chunk();
            if !chunk.is_empty() {
                return chunk;
            }
            self.filled.notified().await;
        }
    }

    /// Bytes that have been written so far: what a barrier that is sent now confirms.
    pub(super) fn written(&self) -> usize {
        self.state().written
    }

    /// So many of the bytes that have been written are with the server.
    pub(super) fn confirm(&self, written: usize) {
        self.state().confirmed = written;
        self.filled.notify_one();
    }

    /// Waits until so much is unconfirmed that a barrier has to be sent.
    pub(super) async fn is_unconfirmed(&self) {
        while self.state().unconfirmed() < WINDOW / 2 {
            self.written.notified().await;
        }
    }

    /// What [`Queue::next`] gave is written.
    pub(super) fn is_written(&self, bytes: usize) {
        let mut state = self.state();
        state.in_hand = 0;
        state.bytes = state.bytes.saturating_sub(bytes);
        state.written += bytes;
        self.written.notify_one();
        self.emptied.notify_one();
    }

    /// Waits until everything is written.
    pub(super) async fn is_empty(&self) {
        while self.state().bytes > 0 {
            self.emptied.notified().await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn unconfirmed(&self) -> usize {
        self.written - self.confirmed
    }

    /// Nothing while too much is unconfirmed.
    fn take_chunk(&mut self) -> Vec<Outgoing> {
        if self.unconfirmed() >= WINDOW {
            return Vec::new();
        }
        let mut bytes = 0;
        let count = self.waiting.iter().take_while(|it| {
            let fits = bytes < CHUNK;
            bytes += it.cost();
            fits
        });
        let count = count.count();
        let chunk: Vec<_> = self.waiting.drain(..count).collect();
        self.in_hand = chunk.len() as u64;
        chunk
    }
}

impl Outgoing {
    /// Bytes that it takes in the queue.
    pub(super) fn cost(&self) -> usize {
        self.payload.len() + MESSAGE
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn payload(size: usize) -> Bytes {
        vec![0; size].into()
    }

    #[test]
    fn it_is_shut_until_the_bus_is_up() {
        let queue = Queue::new(1_000);
        assert_eq!(queue.publish("s", payload(1)), Err(PublishError::Away));
        queue.open(10);
        assert_eq!(queue.publish("s", payload(11)), Err(PublishError::TooLarge { size: 11, most: 10 }));
        assert_eq!(queue.publish("s", payload(10)), Ok(()));
        assert_eq!(queue.shut(), 1);
        assert_eq!(queue.publish("s", payload(1)), Err(PublishError::Away));
        assert_eq!(queue.shut(), 0, "told once");
    }

    #[test]
    fn what_is_being_written_counts_as_queued_until_it_is_written() {
        let queue = Queue::new(2 * (MESSAGE + 100));
        queue.open(100);
        assert_eq!(
            [(); 3].map(|()| queue.publish("s", payload(100))),
            [Ok(()), Ok(()), Err(PublishError::Full)]
        );
        let chunk = queue.next().now_or_never().expect("there are messages");
        assert_eq!(queue.publish("s", payload(100)), Err(PublishError::Full));
        assert_eq!(queue.is_empty().now_or_never(), None);
        queue.is_written(chunk.iter().map(Outgoing::cost).sum());
        assert_eq!(queue.is_empty().now_or_never(), Some(()));
        assert_eq!(queue.publish("s", payload(100)), Ok(()));
        queue.next().now_or_never().expect("there is a message");
        assert_eq!(queue.shut(), 1, "taken out, but not written");
    }

    #[test]
    fn no_more_is_written_than_fits_the_window_until_some_is_confirmed() {
        let queue = Queue::new(10 * WINDOW);
        queue.open(WINDOW);
        for _ in 0..6 {
            queue.publish("s", payload(WINDOW / 2)).expect("there is room");
        }
        let write =
            || queue.next().now_or_never().map(|it| queue.is_written(it.iter().map(Outgoing::cost).sum()));
        assert_eq!(queue.is_unconfirmed().now_or_never(), None);
        assert!(write().is_some());
        assert_eq!(queue.is_unconfirmed().now_or_never(), Some(()));
        let mark = queue.written();
        assert!(write().is_some() && write().is_none());
        queue.confirm(mark);
        assert!(write().is_some() && write().is_none());
    }

    #[test]
    fn a_chunk_is_small_and_never_empty() {
        let queue = Queue::new(10 * CHUNK);
        queue.open(CHUNK * 2);
        for size in [CHUNK * 2, CHUNK / 2, CHUNK / 2, 1] {
            queue.publish("s", payload(size)).unwrap();
        }
        let mut sizes = Vec::new();
        while let Some(chunk) = queue.next().now_or_never() {
            queue.is_written(chunk.iter().map(Outgoing::cost).sum());
            sizes.push(chunk.iter().map(|it| it.payload.len()).collect::<Vec<_>>());
        }
        assert_eq!(sizes, [vec![CHUNK * 2], vec![CHUNK / 2, CHUNK / 2], vec![1]]);
    }
}
