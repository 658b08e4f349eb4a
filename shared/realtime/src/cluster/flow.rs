//! What flows through a pipe, as one of its two ends sees it. Pure but for the wakers: who waits is a part of it.
//!
//! Each side may have [`WINDOW`] bytes on their way or waiting at the other one. So a client that does not read is felt
//! in the outbox of its session, one that is not read from in its own TCP connection, and no memory grows in between.

use std::{
    collections::VecDeque,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;

/// Bytes that one side may have sent and the other one not yet taken.
pub(crate) const WINDOW: u64 = 256 * 1024;

/// Bytes taken before the other side is told.
const TELL_AFTER: u64 = WINDOW / 4;

#[derive(Default)]
pub(crate) struct Flow {
    /// What has come and is not yet taken.
    queue: VecDeque<Bytes>,
    came: u64,
    taken: u64,
    told: u64,
    sent: u64,
    acknowledged: u64,
    over: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// The other side has not kept to the rules, or something was lost between.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Broken;

/// Who has to be woken, outside of any lock.
#[derive(Default)]
pub(crate) struct Wake([Option<Waker>; 2]);

impl Wake {
    pub fn all(self) {
        self.0.into_iter().flatten().for_each(Waker::wake);
    }
}

impl Flow {
    // ---- in ----

    /// Bytes have come, which the sender has numbered.
    pub fn came(&mut self, at: u64, bytes: &[u8]) -> Result<Wake, Broken> {
        if self.over {
            return Ok(Wake::default());
        }
        let length = bytes.len() as u64;
        if at != self.came || self.came - self.taken + length > WINDOW {
            return Err(Broken);
        }
        self.came += length;
        self.queue.push_back(Bytes::copy_from_slice(bytes));
        Ok(Wake([self.reader.take(), None]))
    }

    /// The next bytes; none when the pipe is over and nothing is left.
    pub fn poll_take(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        match self.queue.pop_front() {
            Some(bytes) => Poll::Ready(Some(bytes)),
            None if self.over => Poll::Ready(None),
            None => {
                self.reader = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Ready when the pipe is over, for who reads and waits for something else.
    pub fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.over {
            return Poll::Ready(());
        }
        self.reader = Some(cx.waker().clone());
        Poll::Pending
    }

    /// So many bytes have found their place. What the other side is to be told, if it is time to.
    pub fn took(&mut self, length: usize) -> Option<u64> {
        self.taken += length as u64;
        let tell = !self.over && self.taken - self.told >= TELL_AFTER;
        tell.then(|| {
            self.told = self.taken;
            self.taken
        })
    }

    // ---- out ----

    /// How many bytes may be sent; none when the pipe is over. Whoever asks is woken by its end in any case.
    pub fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Option<usize>> {
        if self.over {
            return Poll::Ready(None);
        }
        self.writer = Some(cx.waker().clone());
        match WINDOW - (self.sent - self.acknowledged) {
            0 => Poll::Pending,
            room => Poll::Ready(Some(room as usize)),
        }
    }

    /// So many bytes are sent; the number of the first one. None when the pipe is over.
    pub fn send(&mut self, length: usize) -> Option<u64> {
        let at = self.sent;
        self.sent += length as u64;
        (!self.over).then_some(at)
    }

    /// The other side has taken so many in, since the pipe began.
    pub fn acknowledged(&mut self, total: u64) -> Result<Wake, Broken> {
        if total > self.sent {
            return Err(Broken);
        }
        // One that was overtaken says nothing new.
        self.acknowledged = self.acknowledged.max(total);
        Ok(Wake([None, self.writer.take()]))
    }

    // ---- the end ----

    /// Nothing is sent or comes any more; what has come is still there. None if that was so already.
    pub fn end(&mut self) -> Option<Wake> {
        let begins = !std::mem::replace(&mut self.over, true);
        begins.then(|| Wake([self.reader.take(), self.writer.take()]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static BYTES: [u8; 64 * 1024] = [7; 64 * 1024];

    fn now() -> Context<'static> {
        Context::from_waker(Waker::noop())
    }

    #[test]
    fn a_sender_has_one_window_and_gets_as_much_back_as_is_taken() {
        let (mut from, mut to) = (Flow::default(), Flow::default());
        for _ in 0..4 {
            assert!(matches!(from.poll_room(&mut now()), Poll::Ready(Some(_))));
            let at = from.send(BYTES.len()).unwrap();
            assert!(to.came(at, &BYTES).is_ok());
        }
        assert!(from.poll_room(&mut now()).is_pending());
        let Poll::Ready(Some(bytes)) = to.poll_take(&mut now()) else { panic!("nothing came") };
        assert_eq!(to.took(bytes.len() - 1), None, "not for so little");
        let total = to.took(1).unwrap();
        assert_eq!(total, BYTES.len() as u64);
        assert!(from.acknowledged(total).is_ok());
        assert_eq!(from.poll_room(&mut now()), Poll::Ready(Some(BYTES.len())));
    }

    #[test]
    fn what_is_lost_or_too_much_breaks_the_pipe() {
        let mut flow = Flow::default();
        assert!(flow.came(0, b"ab").is_ok());
        assert!(flow.came(3, b"d").is_err(), "a gap");
        assert!(flow.came(0, b"ab").is_err(), "twice");
        assert!(flow.came(2, &[0; WINDOW as usize]).is_err(), "more than the window");
        assert!(flow.acknowledged(1).is_err(), "nothing was sent");
    }

    #[test]
    fn an_acknowledgement_that_was_lost_is_made_up_for_by_the_next() {
        let mut flow = Flow::default();
        flow.send(100);
        assert!(flow.acknowledged(70).is_ok());
        assert!(flow.acknowledged(40).is_ok());
        assert_eq!(flow.poll_room(&mut now()), Poll::Ready(Some(WINDOW as usize - 30)));
    }

    #[test]
    fn what_came_before_the_end_is_still_taken() {
        let mut flow = Flow::default();
        assert!(flow.came(0, b"last").is_ok());
        assert!(flow.end().is_some());
        assert!(flow.end().is_none(), "once");
        assert_eq!(flow.poll_room(&mut now()), Poll::Ready(None));
        assert_eq!(flow.send(1), None);
        assert!(flow.came(4, b"later").is_ok());
        assert_eq!(flow.poll_take(&mut now()), Poll::Ready(Some(Bytes::from_static(b"last"))));
        assert_eq!(flow.poll_take(&mut now()), Poll::Ready(None));
        assert!(flow.poll_over(&mut now()).is_ready());
    }
}
