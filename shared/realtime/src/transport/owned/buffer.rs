//! The buffer that all connections of a thread read into.

use std::{cell::Cell, ops::Deref};

/// One read takes at most so much.
const SIZE: usize = 64 * 1024;

thread_local! {
    static SPARE: Cell<Option<Box<[u8]>>> = const { Cell::new(None) };
}

/// What was read, in the thread's buffer, which is there for the next one when this is dropped. Should somebody ask for
/// it before that, a second one is made.
pub(crate) struct SharedBuffer {
    bytes: Box<[u8]>,
    length: usize,
}

impl SharedBuffer {
    /// The whole buffer, with whatever is in it.
    pub fn take() -> Self {
        let bytes = SPARE.take().unwrap_or_else(|| vec![0; SIZE].into_boxed_slice());
        Self { bytes, length: 0 }
    }

    pub fn space(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    /// So many bytes of it were read.
    pub fn filled(mut self, length: usize) -> Self {
        self.length = length.min(SIZE);
        self
    }
}

impl Deref for SharedBuffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl Drop for SharedBuffer {
    fn drop(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        if SPARE.try_with(|spare| spare.set(Some(bytes))).is_err() {
            // A thread that ends has no more use for it.
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_has_one_buffer() {
        let mut first = SharedBuffer::take();
        first.space()[..3].copy_from_slice(b"abc");
        let first = first.filled(3);
        assert_eq!(*first, *b"abc");
        let place = first.as_ptr();
        let second = SharedBuffer::take();
        assert_ne!(second.bytes.as_ptr(), place, "the first one is still in use");
        drop(second);
        drop(first);
        assert_eq!(SharedBuffer::take().bytes.as_ptr(), place);
    }
}
