//! What waits to be written to one client: a queue of shared frames, counted in bytes, with two bounds.
//!
//! Part of a [`Line`](crate::line::Line) and drained by whichever transport is its writer. Events are pushed by the
//! shard's thread alone, which is what keeps them in order; the writer may live on another thread (a WebSocket
//! accepted by another worker than the session's first poll), hence the lock. It is never held across anything slow.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard},
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use natter_protocol::{Frames, Opcode, split_frame};

/// Names one writer of an outbox. A writer that is no longer the current one gets [`Taken::Detached`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WriterId(u32);

/// What became of a packet, and of others because of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pushed {
    /// It waits for the writer.
    pub queued: bool,
    /// Volatile packets that were dropped since the client is behind: older ones, or it.
    pub volatile: u32,
    /// Packets that will never be written: it, and what was queued before it when the hard bound was passed.
    pub lost: u32,
    /// The hard bound was passed: the queue is gone, the client is to be disconnected.
    pub too_slow: bool,
}

/// What a writer gets.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Taken<T> {
    Some(T),
    /// Another writer has taken over; what is queued is his.
    Detached,
    /// Nothing will come any more.
    Ended,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub soft: usize,
    pub hard: usize,
}

#[derive(Debug)]
pub(crate) struct Outbox {
    state: Mutex<State>,
}

/// The pure part.
#[derive(Debug)]
struct State {
    queue: VecDeque<Item>,
    bytes: usize,
    volatile: u32,
    bounds: Bounds,
    writer: u32,
    waker: Option<Waker>,
    /// Somebody has promised to wake the writer.
    to_be_woken: bool,
    /// Who waits for the queue to grow shorter than so many bytes.
    room: Option<(usize, Waker)>,
    end: End,
}

#[derive(Debug)]
struct Item {
    bytes: Bytes,
    volatile: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Open,
    /// The hard bound was passed: nothing is accepted but a last word.
    TooSlow,
    /// No more is accepted; what is queued is still written.
    Finishing,
    Closed,
}

impl Outbox {
    pub fn new(bounds: Bounds) -> Self {
        Self {
            state: Mutex::new(State {
                queue: VecDeque::new(),
                bytes: 0,
                volatile: 0,
                bounds,
                writer: 0,
                waker: None,
                to_be_woken: false,
                room: None,
                end: End::Open,
            }),
        }
    }

    /// Nothing in here panics while the lock is held, and were it so, the queue would still be whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Queues a packet and wakes the writer.
    pub fn push(&self, frames: &Frames, volatile: bool) -> Pushed {
        let (outcome, _) = self.queue(frames, volatile);
        self.wake();
        outcome
    }

    /// Queues a packet, and says whether it is for the caller to [`wake`](Self::wake) the writer, at a time of its own.
    pub fn queue(&self, frames: &Frames, volatile: bool) -> (Pushed, bool) {
        let mut state = self.lock();
        let outcome = state.push(frames.as_bytes().clone(), volatile);
        let room = if outcome.too_slow { state.room.take() } else { None };
        let to_wake = state.waker.is_some() && !state.to_be_woken;
        state.to_be_woken |= to_wake;
        drop(state);
        // Woken outside the lock: who waits may run at once on another thread.
        if let Some((_, waker)) = room {
            waker.wake();
        }
        (outcome, to_wake)
    }

    /// Wakes the writer, if it waits.
    pub fn wake(&self) {
        let mut state = self.lock();
        state.to_be_woken = false;
        let writer = state.waker.take();
        drop(state);
        if let Some(writer) = writer {
            writer.wake();
        }
    }

    /// Makes the caller the only writer. The former one is woken to find itself detached.
    pub fn attach(&self) -> WriterId {
        let mut state = self.lock();
        state.writer += 1;
        let (writer, waker) = (WriterId(state.writer), state.waker.take());
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        writer
    }

    /// Accepts nothing more but this; the writer gets what is queued, this, and then the end.
    pub fn finish_with(&self, last: &Frames) {
        self.change_end(End::Finishing, Some(last));
    }

    /// Accepts nothing more; the writer gets what is queued and then the end.
    pub fn finish(&self) {
        self.change_end(End::Finishing, None);
    }

    /// Drops what is queued, and returns how many packets that was; the writer gets the end.
    pub fn close(&self) -> u32 {
        self.change_end(End::Closed, None)
    }

    fn change_end(&self, end: End, last: Option<&Frames>) -> u32 {
        let mut state = self.lock();
        if let Some(last) = last
            && matches!(state.end, End::Open | End::TooSlow)
        {
            state.accept(last.as_bytes().clone(), false);
        }
        let lost = state.end(end);
        let wakers = [state.waker.take(), state.room.take().map(|(_, waker)| waker)];
        drop(state);
        wakers.into_iter().flatten().for_each(Waker::wake);
        lost
    }

    pub fn is_empty(&self) -> bool {
        self.lock().queue.is_empty()
    }

    /// The next packet whole, for a WebSocket.
    pub fn poll_packet(&self, writer: WriterId, cx: &mut Context<'_>) -> Poll<Taken<Bytes>> {
        self.poll_with(writer, cx, |state| state.pop())
    }

    /// Up to `most` frames and about `bytes` bytes, for a polling answer.
    pub fn poll_frames(
        &self,
        writer: WriterId,
        most: usize,
        bytes: usize,
        cx: &mut Context<'_>,
    ) -> Poll<Taken<Vec<(Opcode, Bytes)>>> {
        self.poll_with(writer, cx, |state| {
            let frames = state.pop_frames(most, bytes);
            (!frames.is_empty()).then_some(frames)
        })
    }

    /// Ready when at most so many bytes are queued, or the outbox is closed. One caller at a time.
    pub fn poll_room(&self, most: usize, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if state.bytes <= most || state.end != End::Open {
            return Poll::Ready(());
        }
        state.room = Some((most, cx.waker().clone()));
        Poll::Pending
    }

    fn poll_with<T>(
        &self,
        writer: WriterId,
        cx: &mut Context<'_>,
        take: impl FnOnce(&mut State) -> Option<T>,
    ) -> Poll<Taken<T>> {
        let mut state = self.lock();
        if state.writer != writer.0 {
            return Poll::Ready(Taken::Detached);
        }
        if let Some(taken) = take(&mut state) {
            let bytes = state.bytes;
            let room = state.room.take_if(|(most, _)| bytes <= *most);
            drop(state);
            if let Some((_, waker)) = room {
                waker.wake();
            }
            return Poll::Ready(Taken::Some(taken));
        }
        if matches!(state.end, End::Finishing | End::Closed) {
            return Poll::Ready(Taken::Ended);
        }
        match &mut state.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        Poll::Pending
    }
}

impl State {
    fn push(&mut self, bytes: Bytes, volatile: bool) -> Pushed {
        if self.end != End::Open {
            return Pushed { lost: 1, ..Pushed::default() };
        }
        let mut pushed = Pushed::default();
        let bound = if volatile { self.bounds.soft } else { self.bounds.hard };
        let after = self.bytes + bytes.len();
        // One packet may be larger than a bound; what must not grow is what waits behind it.
        if after > bound && !self.queue.is_empty() {
            pushed.volatile = self.drop_oldest_volatile(after - bound);
            let still_too_much = self.bytes + bytes.len() > bound;
            if still_too_much && volatile {
                pushed.volatile += 1;
                return pushed;
            }
            if still_too_much {
                pushed.too_slow = true;
                pushed.lost = self.end(End::TooSlow) + 1;
                return pushed;
            }
        }
        self.accept(bytes, volatile);
        pushed.queued = true;
        pushed
    }

    fn accept(&mut self, bytes: Bytes, volatile: bool) {
        self.bytes += bytes.len();
        self.volatile += u32::from(volatile);
        if self.queue.capacity() == 0 {
            // Most queues never hold more than one packet, and there are many queues.
            self.queue.reserve_exact(1);
        }
        self.queue.push_back(Item { bytes, volatile });
    }

    /// Drops volatile packets from the front until that many bytes are free or none is left.
    fn drop_oldest_volatile(&mut self, excess: usize) -> u32 {
        let (mut freed, mut dropped) = (0, 0);
        if self.volatile > 0 {
            self.queue.retain(|item| {
                let drop = item.volatile && freed < excess;
                if drop {
                    freed += item.bytes.len();
                    dropped += 1;
                }
                !drop
            });
        }
        self.bytes -= freed;
        self.volatile -= dropped;
        dropped
    }

    /// Returns how many packets are lost with it.
    fn end(&mut self, end: End) -> u32 {
        let mut lost = 0;
        if matches!(end, End::Closed | End::TooSlow) {
            lost = self.queue.len() as u32;
            self.queue = VecDeque::new();
            (self.bytes, self.volatile) = (0, 0);
        }
        if self.end != End::Closed {
            self.end = end;
        }
        lost
    }

    fn pop(&mut self) -> Option<Bytes> {
        let item = self.queue.pop_front()?;
        self.bytes -= item.bytes.len();
        self.volatile -= u32::from(item.volatile);
        self.release();
        Some(item.bytes)
    }

    /// An idle client keeps no buffer of a burst.
    fn release(&mut self) {
        if self.queue.is_empty() && self.queue.capacity() > 64 {
            self.queue = VecDeque::new();
        }
    }

    /// The close packet is always handed out alone: a polling client acts on it before what stands beside it.
    fn pop_frames(&mut self, most: usize, bytes: usize) -> Vec<(Opcode, Bytes)> {
        let mut frames = Vec::new();
        let mut size = 0;
        while frames.len() < most && size < bytes {
            let Some(front) = self.queue.front_mut() else { break };
            if !frames.is_empty() && front.bytes == *natter_protocol::close().as_bytes() {
                break;
            }
            let before = front.bytes.len();
            let Some((opcode, payload)) = split_frame(&mut front.bytes) else {
                self.pop();
                continue;
            };
            size += payload.len();
            self.bytes -= before - front.bytes.len();
            // Control frames belong to a WebSocket; a poll has no use for them.
            if matches!(opcode, Opcode::Text | Opcode::Binary) {
                frames.push((opcode, payload));
            }
            // A packet of several frames stays at the front until its last one is taken, and can't be dropped any more.
            if front.bytes.is_empty() {
                self.pop();
            } else if front.volatile {
                front.volatile = false;
                self.volatile -= 1;
            }
        }
        self.release();
        frames
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    const BOUNDS: Bounds = Bounds { soft: 100, hard: 200 };
    const QUEUED: Pushed = Pushed { queued: true, volatile: 0, lost: 0, too_slow: false };
    const LOST: Pushed = Pushed { queued: false, volatile: 0, lost: 1, too_slow: false };

    fn frames(n: usize) -> Frames {
        Frames::text(&vec![b'x'; n - 2])
    }

    fn take(outbox: &Outbox, writer: WriterId) -> Poll<Taken<Bytes>> {
        outbox.poll_packet(writer, &mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn a_writer_gets_packets_in_order_and_then_the_end() {
        let outbox = Outbox::new(BOUNDS);
        let writer = outbox.attach();
        assert_eq!(outbox.push(&Frames::text(b"1"), false), QUEUED);
        assert_eq!(outbox.push(&Frames::text(b"2"), false), QUEUED);
        outbox.finish();
        assert_eq!(outbox.push(&Frames::text(b"3"), false), LOST);
        for expected in [b"1", b"2"] {
            assert_eq!(take(&outbox, writer), Poll::Ready(Taken::Some(Frames::text(expected).into_bytes())));
        }
        assert_eq!(take(&outbox, writer), Poll::Ready(Taken::Ended));
    }

    #[test]
    fn past_the_soft_bound_the_oldest_volatile_packets_go_first() {
        let outbox = Outbox::new(BOUNDS);
        let writer = outbox.attach();
        assert_eq!(outbox.push(&frames(40), true), QUEUED);
        assert_eq!(outbox.push(&frames(41), false), QUEUED);
        assert_eq!(outbox.push(&frames(42), true), Pushed { queued: true, volatile: 1, ..Pushed::default() });
        let mut lengths = vec![];
        while let Poll::Ready(Taken::Some(bytes)) = take(&outbox, writer) {
            lengths.push(bytes.len());
        }
        assert_eq!(lengths, [41, 42]);
    }

    #[test]
    fn past_the_hard_bound_the_client_is_too_slow_and_its_queue_is_gone() {
        let outbox = Outbox::new(BOUNDS);
        assert_eq!(outbox.push(&frames(150), false), QUEUED);
        assert_eq!(outbox.push(&frames(100), false), Pushed { lost: 2, too_slow: true, ..Pushed::default() });
        assert!(outbox.is_empty());
        assert_eq!(outbox.push(&frames(10), false), LOST);
        let writer = outbox.attach();
        assert!(take(&outbox, writer).is_pending(), "it is for the connection to say the last word");
        outbox.finish_with(&frames(5));
        assert_eq!(take(&outbox, writer), Poll::Ready(Taken::Some(frames(5).into_bytes())));
        assert_eq!(take(&outbox, writer), Poll::Ready(Taken::Ended));
    }

    #[test]
    fn one_packet_may_be_larger_than_the_bounds() {
        let outbox = Outbox::new(BOUNDS);
        assert_eq!(outbox.push(&frames(1000), false), QUEUED);
    }

    #[test]
    fn who_waits_for_room_is_told_when_the_queue_is_short_enough() {
        let outbox = Outbox::new(BOUNDS);
        let writer = outbox.attach();
        let room = || outbox.poll_room(20, &mut Context::from_waker(Waker::noop()));
        assert_eq!(outbox.push(&frames(20), false), QUEUED);
        assert!(room().is_ready());
        assert_eq!(outbox.push(&frames(20), false), QUEUED);
        assert!(room().is_pending());
        assert!(take(&outbox, writer).is_ready());
        assert!(room().is_ready());
    }

    #[test]
    fn a_new_writer_takes_over_what_is_queued() {
        let outbox = Outbox::new(BOUNDS);
        let old = outbox.attach();
        assert_eq!(outbox.push(&Frames::text(b"1"), false), QUEUED);
        let new = outbox.attach();
        assert_eq!(take(&outbox, old), Poll::Ready(Taken::Detached));
        assert!(matches!(take(&outbox, new), Poll::Ready(Taken::Some(_))));
    }

    #[test]
    fn a_packet_of_many_frames_is_spread_over_polls() {
        let outbox = Outbox::new(Bounds { soft: 1000, hard: 1000 });
        let writer = outbox.attach();
        let mut packet = vec![];
        for payload in [b"a", b"b", b"c"] {
            packet.extend_from_slice(Frames::text(payload).as_bytes());
        }
        assert_eq!(outbox.push(&Frames::from_bytes(packet.into()).unwrap(), false), QUEUED);
        assert_eq!(outbox.push(&Frames::text(b"d"), false), QUEUED);
        let poll = || match outbox.poll_frames(writer, 2, 1000, &mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Taken::Some(frames)) => {
                frames.into_iter().map(|(_, bytes)| bytes).collect::<Vec<_>>()
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(poll(), [&b"a"[..], b"b"]);
        assert_eq!(poll(), [&b"c"[..], b"d"]);
        assert_eq!(outbox.lock().bytes, 0);
    }
}
