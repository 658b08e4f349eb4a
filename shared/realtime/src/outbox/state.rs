//! What is queued in an outbox, and what becomes of it. Pure: it neither locks nor wakes.

use std::{
    collections::VecDeque,
    io::{self, IoSlice},
    sync::Arc,
    task::{Context, Waker},
};

use actix_rt::net::TcpStream;
use bytes::{Buf, BufMut, Bytes};
use natter_protocol::{Opcode, split_frame};

use super::{Bounds, Pushed};

/// Packets in one write that does not join them.
const AT_ONCE: usize = 64;

/// Bytes of packets that are copied together for a write: the kernel takes one piece with less work than several.
const JOINED: usize = 2048;

#[derive(Debug)]
pub(super) struct State {
    pub queue: VecDeque<Item>,
    pub bytes: usize,
    pub volatile: u32,
    pub bounds: Bounds,
    pub writer: u32,
    pub waker: Option<Waker>,
    /// The writer's TCP stream, lent to those who would wake it.
    pub stream: Option<Arc<TcpStream>>,
    /// Somebody has promised to wake the writer.
    pub to_be_woken: bool,
    /// The writer's stream takes nothing more for now: it knows when to go on, and a push need not tell it.
    pub blocked: bool,
    /// A part of the first packet has been written, so the rest of it must be, too.
    pub begun: bool,
    /// Who waits for the queue to grow shorter than so many bytes.
    pub room: Option<Box<(usize, Waker)>>,
    pub end: End,
}

#[derive(Debug)]
pub(super) struct Item {
    pub bytes: Bytes,
    pub volatile: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Open,
    /// The hard bound was passed: nothing is accepted but a last word.
    TooSlow,
    /// No more is accepted; what is queued is still written.
    Finishing,
    Closed,
}

impl State {
    pub fn new(bounds: Bounds) -> Self {
        Self {
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
        }
    }

    pub fn lead_with(&mut self, head: &[u8]) {
        self.bytes += head.len();
        match self.queue.front_mut() {
            Some(first) => first.bytes = [head, &first.bytes[..]].concat().into(),
            None => self.queue.push_front(Item { bytes: Bytes::copy_from_slice(head), volatile: false }),
        }
    }

    pub fn push(&mut self, bytes: Bytes, volatile: bool) -> Pushed {
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

    pub fn wait(&mut self, cx: &Context<'_>) {
        match &mut self.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
    }

    /// Writes until the queue is empty or the stream does not take all of what it is given.
    pub fn write(&mut self, mut write: impl FnMut(&[IoSlice<'_>]) -> io::Result<usize>) -> io::Result<()> {
        while let Some(first) = self.queue.front() {
            let (given, taken) = if self.queue.len() == 1 {
                (first.bytes.len(), write(&[IoSlice::new(&first.bytes)]))
            } else if self.bytes <= JOINED {
                let mut joined = [0; JOINED];
                let mut free = &mut joined[..];
                self.queue.iter().for_each(|item| free.put_slice(&item.bytes));
                (self.bytes, write(&[IoSlice::new(&joined[..self.bytes])]))
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
    pub fn take_off(&mut self, mut taken: usize) {
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

    pub fn accept(&mut self, bytes: Bytes, volatile: bool) {
        self.bytes += bytes.len();
        self.volatile += u32::from(volatile);
        if self.queue.capacity() == 0 {
            // Most queues never hold more than one packet, and there are many queues.
            self.queue.reserve_exact(1);
        }
        self.queue.push_back(Item { bytes, volatile });
    }

    /// Drops volatile packets from the front until that many bytes are free or none is left.
    pub fn drop_oldest_volatile(&mut self, excess: usize) -> u32 {
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
    pub fn end(&mut self, end: End) -> u32 {
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

    pub fn pop(&mut self) -> Option<Bytes> {
        let item = self.queue.pop_front()?;
        self.bytes -= item.bytes.len();
        self.volatile -= u32::from(item.volatile);
        self.release();
        Some(item.bytes)
    }

    /// An idle client keeps no buffer of a burst.
    pub fn release(&mut self) {
        if self.queue.is_empty() && self.queue.capacity() > 64 {
            self.queue = VecDeque::new();
        }
    }

    /// The close packet is always handed out alone: a polling client acts on it before what stands beside it.
    pub fn pop_frames(&mut self, most: usize, bytes: usize) -> Vec<(Opcode, Bytes)> {
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
