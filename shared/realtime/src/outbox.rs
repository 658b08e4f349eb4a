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

mod state;

use std::{
    io::{self, IoSlice},
    sync::{Arc, Mutex, MutexGuard},
    task::{Context, Poll, Waker},
};

use actix_rt::net::TcpStream;
use bytes::Bytes;
use natter_protocol::{Frames, Opcode};

use state::{End, State};

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

#[derive(Debug)]
pub(crate) struct Outbox {
    state: Mutex<State>,
}

impl Outbox {
    pub fn new(bounds: Bounds) -> Self {
        Self { state: Mutex::new(State::new(bounds)) }
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
        self.lock().lead_with(head);
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

#[cfg(test)]
mod tests;
