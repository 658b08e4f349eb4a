//! Many streams, of which all that is ready is taken at once.

use std::{
    collections::HashMap,
    mem,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use futures_util::{Stream, task::AtomicWaker};

/// Streams by subject.
///
/// A sweep goes on until no stream has anything ready. That is what keeps order across streams: whoever fills them wakes
/// the one of the earlier item first, so when a later item is found the stream of the earlier one has been emptied since
/// or is among those that are ready. A sweep that ended earlier, at some number of items, would tear that apart, which
/// is why this is no `FuturesUnordered`: it returns `Pending` now and then with streams that are ready.
///
/// Only streams that have been woken are looked at; idle ones cost nothing.
pub(super) struct Streams<S> {
    streams: HashMap<Arc<str>, Entry<S>>,
    ready: Arc<Ready>,
}

struct Entry<S> {
    stream: S,
    alarm: Arc<Alarm>,
    waker: Waker,
}

/// Subjects of streams that have been woken since they were looked at.
#[derive(Default)]
struct Ready {
    subjects: Mutex<Vec<Arc<str>>>,
    sweeper: AtomicWaker,
}

/// Wakes one stream.
struct Alarm {
    subject: Arc<str>,
    rung: AtomicBool,
    ready: Arc<Ready>,
}

impl<S: Stream + Unpin> Streams<S> {
    pub(super) fn new() -> Self {
        Self { streams: HashMap::new(), ready: Arc::default() }
    }

    pub(super) fn contains(&self, subject: &str) -> bool {
        self.streams.contains_key(subject)
    }

    pub(super) fn insert(&mut self, subject: Arc<str>, stream: S) {
        let alarm = Arc::new(Alarm {
            subject: Arc::clone(&subject),
            rung: AtomicBool::new(false),
            ready: Arc::clone(&self.ready),
        });
        let waker = Waker::from(Arc::clone(&alarm));
        // It has to be looked at once before it wakes by itself.
        waker.wake_by_ref();
        self.streams.insert(subject, Entry { stream, alarm, waker });
    }

    pub(super) fn remove(&mut self, subject: &str) -> Option<S> {
        self.streams.remove(subject).map(|entry| entry.stream)
    }

    /// Waits until something is ready and hands it all over.
    pub(super) async fn sweep(&mut self, mut each: impl FnMut(&Arc<str>, S::Item)) {
        let sweep = std::future::poll_fn(|cx| self.poll_sweep(cx, &mut each));
        // Channels say `Pending` when a task has used up its turn, though they have more; see above for what that breaks.
        tokio::task::unconstrained(sweep).await;
    }

    fn poll_sweep(&mut self, cx: &mut Context<'_>, each: &mut impl FnMut(&Arc<str>, S::Item)) -> Poll<()> {
        self.ready.sweeper.register(cx.waker());
        let mut found = false;
        loop {
            let subjects = mem::take(&mut *self.ready.subjects());
            if subjects.is_empty() {
                return if found { Poll::Ready(()) } else { Poll::Pending };
            }
            for subject in subjects {
                // None when it has been removed since.
                if let Some(entry) = self.streams.get_mut(&subject) {
                    found |= entry.empty(|item| each(&subject, item));
                }
            }
        }
    }
}

impl<S: Stream + Unpin> Entry<S> {
    /// Takes everything out; whether there was anything.
    fn empty(&mut self, mut each: impl FnMut(S::Item)) -> bool {
        // First, so that what comes while it is looked at rings again.
        self.alarm.rung.store(false, Ordering::SeqCst);
        let mut cx = Context::from_waker(&self.waker);
        let mut found = false;
        while let Poll::Ready(Some(item)) = Pin::new(&mut self.stream).poll_next(&mut cx) {
            found = true;
            each(item);
        }
        found
    }
}

impl Ready {
    fn subjects(&self) -> MutexGuard<'_, Vec<Arc<str>>> {
        self.subjects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.rung.swap(true, Ordering::SeqCst) {
            self.ready.subjects().push(Arc::clone(&self.subject));
            self.ready.sweeper.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::atomic::AtomicU64, time::Duration};

    use futures_util::FutureExt;
    use tokio::sync::mpsc;

    use super::*;

    /// A channel as a stream, as a subscription is one.
    struct Channel(mpsc::UnboundedReceiver<u64>);

    impl Stream for Channel {
        type Item = u64;

        fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<u64>> {
            self.0.poll_recv(cx)
        }
    }

    fn of(count: usize) -> (Vec<mpsc::UnboundedSender<u64>>, Streams<Channel>) {
        let mut streams = Streams::new();
        let senders = (0..count).map(|nth| {
            let (sender, receiver) = mpsc::unbounded_channel();
            streams.insert(nth.to_string().into(), Channel(receiver));
            sender
        });
        (senders.collect(), streams)
    }

    fn swept(streams: &mut Streams<Channel>) -> Option<Vec<u64>> {
        let mut items = Vec::new();
        streams.sweep(|_, item| items.push(item)).now_or_never()?;
        Some(items)
    }

    #[tokio::test]
    async fn one_sweep_takes_everything_however_much_it_is() {
        let (senders, mut streams) = of(50);
        for nth in 0..100_000 {
            senders[nth as usize % 50].send(nth).unwrap();
        }
        let mut items = swept(&mut streams).expect("something is ready");
        items.sort_unstable();
        assert_eq!(items, (0..100_000).collect::<Vec<_>>());
        assert_eq!(swept(&mut streams), None);
    }

    #[tokio::test]
    async fn a_later_item_is_never_in_an_earlier_sweep_also_when_they_are_filled_by_another_thread() {
        const ITEMS: u64 = 200_000;
        let (senders, mut streams) = of(50);
        let swept = Arc::new(AtomicU64::new(0));
        let seen = Arc::clone(&swept);
        let filling = std::thread::spawn(move || {
            for nth in 0..ITEMS {
                // A sweep does not end while it is kept filled.
                while nth % 1_000 == 0 && seen.load(Ordering::SeqCst) < nth {
                    std::thread::yield_now();
                }
                // In leaps, so that neighbours are in streams far apart.
                senders[(nth as usize * 37) % 50].send(nth).unwrap();
            }
            senders
        });
        let mut next = 0;
        while next < ITEMS {
            let mut items = Vec::new();
            let sweep = streams.sweep(|_, item| items.push(item));
            tokio::time::timeout(Duration::from_secs(10), sweep).await.expect("an item comes");
            items.sort_unstable();
            assert_eq!(items, (next..next + items.len() as u64).collect::<Vec<_>>());
            next += items.len() as u64;
            swept.store(next, Ordering::SeqCst);
        }
        drop(filling.join());
    }

    #[tokio::test]
    async fn a_stream_that_is_removed_gives_nothing_more() {
        let (senders, mut streams) = of(2);
        senders[0].send(1).unwrap();
        senders[1].send(2).unwrap();
        assert!(streams.remove("0").is_some() && !streams.contains("0"));
        assert_eq!(swept(&mut streams), Some(vec![2]));
        assert!(streams.remove("0").is_none());
    }
}
