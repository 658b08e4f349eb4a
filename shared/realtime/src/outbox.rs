//! What waits to be written to one client: a queue of shared frames, counted in bytes, with two bounds.
//!
//! Part of a [`Line`](crate::line::Line) and drained by whichever transport is its writer. Events are pushed by the
//! shard's thread alone, which is what keeps them in order; the writer may live on another thread (a WebSocket
//! accepted by another worker than the session's first poll), hence the lock. The slowest thing that is done under it
//! is one write that does not wait.
//!
//! A writer either takes packets out ([`Outbox::poll_packet`], [`Outbox::poll_frames`]), or has them written from where
//! they are ([`Outbox::poll_write`]), of which a part of a packet may be the result. If it has lent its TCP stream
//! besides ([`Outbox::lend`]), whoever is to wake it writes at once instead, and nobody needs to be woken.

use std::{
    collections::VecDeque,
    io::{self, IoSlice},
    sync::{Arc, Mutex, MutexGuard},
    task::{Context, Poll, Waker},
};

use actix_rt::net::TcpStream;
use bytes::{Buf, Bytes};
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

/// How far a writer that owns its stream has come.
#[derive(Debug)]
pub(crate) enum Written {
    /// Everything is written, and nothing will come any more.
    Finished,
    /// Nothing is to be written any more, not even what was queued.
    Closed,
    /// Another writer has taken over.
    Detached,
    Failed(io::Error),
}

/// In bytes. Four gigabytes are as good as any larger bound.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    soft: u32,
    hard: u32,
}

impl Bounds {
    pub fn new(soft: usize, hard: usize) -> Self {
        let bound = |bytes| u32::try_from(bytes).unwrap_or(u32::MAX);
        Self { soft: bound(soft), hard: bound(hard) }
    }
}

/// Packets in one write.
const AT_ONCE: usize = 64;

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
    /// The writer's TCP stream, lent to those who would wake it.
    stream: Option<Arc<TcpStream>>,
    /// Somebody has promised to wake the writer.
    to_be_woken: bool,
    /// The writer's stream takes nothing more for now: it knows when to go on, and a push need not tell it.
    blocked: bool,
    /// A part of the first packet has been written, so the rest of it must be, too.
    begun: bool,
    /// Who waits for the queue to grow shorter than so many bytes.
    room: Option<Box<(usize, Waker)>>,
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
                stream: None,
                to_be_woken: false,
                blocked: false,
                begun: false,
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
        let to_wake = state.waker.is_some() && !state.to_be_woken && !state.blocked;
        state.to_be_woken |= to_wake;
        drop(state);
        // Woken outside the lock: who waits may run at once on another thread.
        if let Some(room) = room {
            room.1.wake();
        }
        (outcome, to_wake)
    }

    /// Puts something in front of the first packet, in one piece with it: the answer to the request that has opened the
    /// WebSocket.
    pub fn lead_with(&self, head: &[u8]) {
        let mut state = self.lock();
        state.bytes += head.len();
        match state.queue.front_mut() {
            Some(first) => first.bytes = [head, &first.bytes[..]].concat().into(),
            None => state.queue.push_front(Item { bytes: Bytes::copy_from_slice(head), volatile: false }),
        }
    }

    /// Writes what is queued to the stream that the writer has lent, or wakes the writer.
    pub fn write_or_wake(&self) {
        let mut state = self.lock();
        state.to_be_woken = false;
        // A writer that does not wait is at work, and comes to what is queued by itself.
        if state.waker.is_none() {
            return;
        }
        if let Some(stream) = state.stream.take() {
            let written = state.write(|packets| match packets {
                [one] => stream.try_write(one),
                several => stream.try_write_vectored(several),
            });
            state.stream = Some(stream);
            if written.is_ok() && state.queue.is_empty() && state.end == End::Open {
                return;
            }
        }
        // What stands in the way of the rest is for the writer to find out.
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
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

    /// Lends the writer's stream to those who would wake it, until [`take_back`](Self::take_back).
    pub fn lend(&self, writer: WriterId, stream: Arc<TcpStream>) {
        let mut state = self.lock();
        if state.writer == writer.0 {
            state.stream = Some(stream);
        }
    }

    /// The writer goes. Its stream is not held open by those who still hold the outbox.
    pub fn take_back(&self, writer: WriterId) {
        let mut state = self.lock();
        let (stream, waker) =
            if state.writer == writer.0 { (state.stream.take(), state.waker.take()) } else { (None, None) };
        drop(state);
        drop((stream, waker));
    }

    /// The writer is at work and will look into the queue when it is done: nobody needs to wake it.
    pub fn attend(&self, writer: WriterId) {
        let mut state = self.lock();
        if state.writer == writer.0 {
            state.waker = None;
        }
    }

    /// Makes the caller the only writer. The former one is woken to find itself detached.
    pub fn attach(&self) -> WriterId {
        let mut state = self.lock();
        state.writer += 1;
        state.blocked = false;
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
        let wakers = [state.waker.take(), state.room.take().map(|room| room.1)];
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

    /// Has what is queued written with `write`, which gets some packets and says how many bytes of them it has taken.
    /// Pending means that the writer is woken when there is more to do.
    pub fn poll_write(
        &self,
        writer: WriterId,
        cx: &mut Context<'_>,
        mut write: impl FnMut(&mut Context<'_>, &[IoSlice<'_>]) -> Poll<io::Result<usize>>,
    ) -> Poll<Written> {
        let mut state = self.lock();
        if state.writer != writer.0 {
            return Poll::Ready(Written::Detached);
        }
        if state.end == End::Closed {
            return Poll::Ready(Written::Closed);
        }
        state.blocked = false;
        let before = state.bytes;
        let written = state.write(|packets| match write(cx, packets) {
            Poll::Ready(written) => written,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        });
        let bytes = state.bytes;
        let room = if bytes < before { state.room.take_if(|room| bytes <= room.0) } else { None };
        let progress = match written {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Poll::Ready(Written::Failed(error)),
            Ok(()) if state.end == End::Finishing => Poll::Ready(Written::Finished),
            _ => {
                state.blocked = written.is_err();
                state.wait(cx);
                Poll::Pending
            }
        };
        drop(state);
        if let Some(room) = room {
            room.1.wake();
        }
        progress
    }

    /// Ready when nobody is to be waited for any more. For a writer that has finished.
    pub fn poll_closed(&self, writer: WriterId, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if state.writer != writer.0 || state.end == End::Closed {
            return Poll::Ready(());
        }
        state.wait(cx);
        Poll::Pending
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
        state.room = Some(Box::new((most, cx.waker().clone())));
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
            let room = state.room.take_if(|room| bytes <= room.0);
            drop(state);
            if let Some(room) = room {
                room.1.wake();
            }
            return Poll::Ready(Taken::Some(taken));
        }
        if matches!(state.end, End::Finishing | End::Closed) {
            return Poll::Ready(Taken::Ended);
        }
        state.wait(cx);
        Poll::Pending
    }
}

impl State {
    fn push(&mut self, bytes: Bytes, volatile: bool) -> Pushed {
        if self.end != End::Open {
            return Pushed { lost: 1, ..Pushed::default() };
        }
        let mut pushed = Pushed::default();
        let bound = if volatile { self.bounds.soft } else { self.bounds.hard } as usize;
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

    fn wait(&mut self, cx: &Context<'_>) {
        match &mut self.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
    }

    /// Writes until the queue is empty or the stream does not take all of what it is given.
    fn write(&mut self, mut write: impl FnMut(&[IoSlice<'_>]) -> io::Result<usize>) -> io::Result<()> {
        while let Some(first) = self.queue.front() {
            let (given, taken) = if self.queue.len() == 1 {
                (first.bytes.len(), write(&[IoSlice::new(&first.bytes)]))
            } else {
                let mut packets = [IoSlice::new(&[]); AT_ONCE];
                let (mut count, mut given) = (0, 0);
                for (packet, item) in packets.iter_mut().zip(&self.queue) {
                    *packet = IoSlice::new(&item.bytes);
                    (count, given) = (count + 1, given + item.bytes.len());
                }
                (given, write(&packets[..count]))
            };
            let taken = match taken {
                Ok(0) if given > 0 => return Err(io::ErrorKind::WriteZero.into()),
                Ok(taken) => taken,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    self.blocked = error.kind() == io::ErrorKind::WouldBlock;
                    return Err(error);
                }
            };
            self.take_off(taken);
        }
        self.release();
        Ok(())
    }

    /// Takes so many bytes off the front.
    fn take_off(&mut self, mut taken: usize) {
        self.bytes -= taken;
        while let Some(first) = self.queue.front_mut() {
            if taken < first.bytes.len() {
                first.bytes.advance(taken);
                self.begun |= taken > 0;
                if self.begun && first.volatile {
                    first.volatile = false;
                    self.volatile -= 1;
                }
                return;
            }
            taken -= first.bytes.len();
            self.volatile -= u32::from(first.volatile);
            self.begun = false;
            self.queue.pop_front();
        }
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
            // What has been begun must be finished, or what is written behind it could not be told from it.
            let kept = if self.begun && end == End::TooSlow { self.queue.pop_front() } else { None };
            lost = self.queue.len() as u32;
            self.queue = kept.into_iter().collect();
            (self.bytes, self.volatile) = (self.queue.iter().map(|item| item.bytes.len()).sum(), 0);
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

    /// Writes into a vector, so many bytes at a time and in all.
    fn write(outbox: &Outbox, writer: WriterId, at_once: usize, mut room: usize) -> (Vec<u8>, Poll<Written>) {
        let mut seen = Vec::new();
        let progress = outbox.poll_write(writer, &mut Context::from_waker(Waker::noop()), |_, packets| {
            let taken: Vec<u8> =
                packets.iter().flat_map(|packet| packet.to_vec()).take(at_once.min(room)).collect();
            if taken.is_empty() {
                return Poll::Pending;
            }
            room -= taken.len();
            seen.extend_from_slice(&taken);
            Poll::Ready(Ok(taken.len()))
        });
        (seen, progress)
    }

    #[test]
    fn packets_are_written_in_whatever_pieces_the_stream_takes() {
        for at_once in 1..50 {
            let outbox = Outbox::new(Bounds::new(10_000, 10_000));
            let writer = outbox.attach();
            let mut expected = Vec::new();
            for length in 2..80 {
                outbox.push(&frames(length), false);
                expected.extend_from_slice(frames(length).as_bytes());
            }
            let mut seen = Vec::new();
            for room in 0..400 {
                seen.extend(write(&outbox, writer, at_once, room).0);
            }
            assert_eq!(seen, expected, "{at_once}");
            outbox.finish();
            assert!(matches!(write(&outbox, writer, 10, 10).1, Poll::Ready(Written::Finished)));
        }
    }

    #[test]
    fn a_packet_that_has_been_begun_is_finished_before_the_last_word() {
        let outbox = Outbox::new(BOUNDS);
        let writer = outbox.attach();
        outbox.push(&frames(50), true);
        assert_eq!(write(&outbox, writer, 10, 10).0.len(), 10);
        outbox.push(&frames(100), false);
        assert!(outbox.push(&frames(150), false).too_slow);
        outbox.finish_with(&frames(5));
        let (seen, progress) = write(&outbox, writer, 1000, 1000);
        assert_eq!(seen, [&frames(50).as_bytes()[10..], frames(5).as_bytes()].concat());
        assert!(matches!(progress, Poll::Ready(Written::Finished)));
    }

    #[test]
    fn a_volatile_packet_that_has_been_begun_is_not_dropped() {
        let outbox = Outbox::new(BOUNDS);
        let writer = outbox.attach();
        outbox.push(&frames(60), true);
        assert_eq!(write(&outbox, writer, 10, 10).0.len(), 10);
        assert_eq!(outbox.push(&frames(90), true), Pushed { volatile: 1, ..Pushed::default() });
        assert_eq!(write(&outbox, writer, 1000, 1000).0.len(), 50);
    }

    #[test]
    fn a_closed_outbox_has_nothing_written() {
        let outbox = Outbox::new(BOUNDS);
        let writer = outbox.attach();
        outbox.push(&frames(60), false);
        assert_eq!(write(&outbox, writer, 10, 10).0.len(), 10);
        assert_eq!(outbox.close(), 1);
        assert!(matches!(write(&outbox, writer, 10, 10).1, Poll::Ready(Written::Closed)));
    }

    #[test]
    fn a_writer_that_attends_need_not_be_woken() {
        let outbox = Outbox::new(BOUNDS);
        let writer = outbox.attach();
        assert!(write(&outbox, writer, 10, 10).1.is_pending());
        outbox.attend(writer);
        assert_eq!(outbox.queue(&frames(10), false), (QUEUED, false));
        assert!(write(&outbox, writer, 10, 10).1.is_pending());
        assert_eq!(outbox.queue(&frames(10), false), (QUEUED, true));
    }
}
