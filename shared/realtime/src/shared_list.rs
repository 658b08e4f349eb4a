//! Lists of listeners that sockets share.
//!
//! Nearly all sockets of a namespace register the same handlers for the same events in the same order, and nearly all of
//! these capture nothing. A list grows at its end, so two sockets whose lists are equal so far, and who add the same, have
//! the same list again: each link remembers the link that was last put behind it. A socket's list of a dozen handlers is
//! one word.

use std::{
    cell::RefCell,
    sync::{Arc, Mutex, Weak},
};

use crate::handler::{Call, EventContext};

/// A handler that captures nothing, of an event whose name is a literal.
#[derive(Clone, Copy)]
pub(crate) struct Plain {
    pub event: &'static str,
    pub call: &'static Call<EventContext>,
}

impl Plain {
    /// Certainly the same. Of equal ones a few may be taken for different: then a list is not shared.
    fn is(&self, other: &Self) -> bool {
        self.event == other.event && std::ptr::eq(self.call, other.call)
    }
}

/// Its last link; none while it is empty.
#[derive(Clone, Default)]
pub(crate) struct SharedList(Option<Arc<Link>>);

struct Link {
    listener: Plain,
    before: Option<Arc<Link>>,
    /// The one that was last put behind it.
    next: Next,
}

#[derive(Default)]
struct Next(Mutex<Weak<Link>>);

thread_local! {
    /// The first link of the list that was begun last.
    static FIRST: RefCell<Weak<Link>> = const { RefCell::new(Weak::new()) };
}

impl SharedList {
    pub fn push(&mut self, listener: Plain) {
        let before = self.0.take();
        let link = match &before {
            None => FIRST.with_borrow_mut(|first| behind(first, &before, listener)),
            Some(last) => {
                let mut next = last.next.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                behind(&mut next, &before, listener)
            }
        };
        self.0 = Some(link);
    }

    /// In the order in which they were added.
    pub fn all(&self) -> Vec<Plain> {
        self.filter(|_| true)
    }

    /// The handlers of an event, in the order in which they were added.
    pub fn of_event(&self, event: &str) -> Vec<&'static Call<EventContext>> {
        self.filter(|listener| listener.event == event).into_iter().map(|listener| listener.call).collect()
    }

    fn filter(&self, fits: impl Fn(&Plain) -> bool) -> Vec<Plain> {
        let links = std::iter::successors(self.0.as_deref(), |link| link.before.as_deref());
        let mut all: Vec<_> = links.map(|link| link.listener).filter(fits).collect();
        all.reverse();
        all
    }
}

/// The link that is there already, if it is that one; else a new one in its place.
fn behind(next: &mut Weak<Link>, before: &Option<Arc<Link>>, listener: Plain) -> Arc<Link> {
    if let Some(known) = next.upgrade().filter(|known| known.listener.is(&listener)) {
        return known;
    }
    let link = Arc::new(Link { listener, before: before.clone(), next: Next::default() });
    *next = Arc::downgrade(&link);
    link
}

impl Drop for Link {
    fn drop(&mut self) {
        // One after the other: a long list must not fill the stack.
        let mut before = self.before.take();
        while let Some(mut link) = before.and_then(Arc::into_inner) {
            before = link.before.take();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handler::{Erased, erase};

    fn plain(event: &'static str, handler: Erased<EventContext>) -> Plain {
        let Erased::Plain(call) = handler else { panic!("it captures something") };
        Plain { event, call }
    }

    #[test]
    fn lists_with_the_same_listeners_in_the_same_order_are_one() {
        let (a, b) =
            (plain("a", erase(|| async {})), plain("b", erase(|| async { std::future::ready(()).await })));
        let made = |listeners: &[Plain]| {
            let mut list = SharedList::default();
            listeners.iter().for_each(|listener| list.push(*listener));
            list
        };
        let same = |one: &SharedList, other: &SharedList| match (&one.0, &other.0) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            _ => false,
        };
        let first = made(&[a, b, a]);
        assert!(same(&first, &made(&[a, b, a])));
        assert!(!same(&first, &made(&[a, b])));
        assert!(!same(&first, &made(&[a, a, b])));
        let events = |list: &SharedList| list.all().iter().map(|listener| listener.event).collect::<Vec<_>>();
        assert_eq!(events(&first), ["a", "b", "a"]);
        assert_eq!(events(&made(&[b, a])), ["b", "a"]);
        assert_eq!(first.of_event("a").len(), 2);
        assert_eq!(first.of_event("c").len(), 0);
    }

    #[test]
    fn a_long_list_ends_without_filling_the_stack() {
        let listener = plain("a", erase(|| async {}));
        let mut list = SharedList::default();
        (0..200_000).for_each(|_| list.push(listener));
        let first = list.clone();
        drop(list);
        drop(first);
    }
}
