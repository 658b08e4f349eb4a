//! Carries attachments past serde, whose data model has no place for them: a side channel of the thread, open only
//! while this crate serialises or deserialises, and put back as it was even when that panics.

use std::cell::RefCell;

use bytes::Bytes;

use crate::args::Args;

/// What an encoding collects.
#[derive(Default)]
pub(crate) struct Encoding {
    pub attachments: Vec<Bytes>,
    /// The bytes a [`Binary`](crate::Binary) is about to serialise, so that they can be shared instead of copied.
    offered: Option<Bytes>,
    /// How many arguments the [`Args`] that is being serialised has.
    count: usize,
}

thread_local! {
    static ENCODING: RefCell<Option<Encoding>> = const { RefCell::new(None) };
    static DECODING: RefCell<Option<Args>> = const { RefCell::new(None) };
}

/// Runs `encode` and returns what was attached meanwhile.
pub(crate) fn encoding<R>(encode: impl FnOnce() -> R) -> (R, Vec<Bytes>) {
    struct Restore(Option<Encoding>);
    impl Drop for Restore {
        fn drop(&mut self) {
            ENCODING.set(self.0.take());
        }
    }
    let _restore = Restore(ENCODING.replace(Some(Encoding::default())));
    let result = encode();
    let attachments = ENCODING.take().map(|scope| scope.attachments).unwrap_or_default();
    (result, attachments)
}

/// Adds to the attachments of the encoding under way; the numbers of the added ones begin at the result. `None`
/// outside of an encoding.
pub(crate) fn attach(more: &[Bytes]) -> Option<usize> {
    ENCODING.with_borrow_mut(|scope| {
        let attachments = &mut scope.as_mut()?.attachments;
        let first = attachments.len();
        attachments.extend_from_slice(more);
        Some(first)
    })
}

/// Offers bytes to the next [`attach_slice`] of the same memory.
pub(crate) fn offer(bytes: &Bytes) {
    ENCODING.with_borrow_mut(|scope| {
        if let Some(scope) = scope {
            scope.offered = Some(bytes.clone());
        }
    });
}

/// Adds one attachment, sharing what was offered if it is the same memory, else as a copy.
pub(crate) fn attach_slice(slice: &[u8]) -> Option<usize> {
    ENCODING.with_borrow_mut(|scope| {
        let scope = scope.as_mut()?;
        let bytes = match scope.offered.take() {
            Some(offered) if offered.as_ptr() == slice.as_ptr() && offered.len() == slice.len() => offered,
            _ => Bytes::copy_from_slice(slice),
        };
        scope.attachments.push(bytes);
        Some(scope.attachments.len() - 1)
    })
}

/// Says how many arguments the [`Args`] that is about to be serialised has.
pub(crate) fn set_count(count: usize) {
    ENCODING.with_borrow_mut(|scope| {
        if let Some(scope) = scope {
            scope.count = count;
        }
    });
}

/// How many arguments the [`Args`] that is being serialised has.
pub(crate) fn count() -> usize {
    ENCODING.with_borrow(|scope| scope.as_ref().map_or(0, |scope| scope.count))
}

/// Runs `decode` while `args` can be asked for.
pub(crate) fn decoding<R>(args: &Args, decode: impl FnOnce() -> R) -> R {
    struct Restore(Option<Args>);
    impl Drop for Restore {
        fn drop(&mut self) {
            DECODING.set(self.0.take());
        }
    }
    let _restore = Restore(DECODING.replace(Some(args.clone())));
    decode()
}

/// Asks for the arguments that are being decoded; `None` outside of a decoding.
pub(crate) fn decoded<R>(ask: impl FnOnce(&Args) -> R) -> Option<R> {
    DECODING.with_borrow(|args| args.as_ref().map(ask))
}
