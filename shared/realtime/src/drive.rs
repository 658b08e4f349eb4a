//! Runs handlers: polls each once where it is called, lets it go on by itself, and catches its panics.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use crate::gate::Gate;

/// How a piece of user code ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End<T> {
    Returned(T),
    /// With the panic's message.
    Panicked(String),
}

/// Calls user code.
pub(crate) fn guarded<T>(call: impl FnOnce() -> T) -> End<T> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(value) => End::Returned(value),
        Err(panic) => End::Panicked(message_of(&*panic)),
    }
}

fn message_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}

/// A future whose panics are an outcome.
struct Guarded<F>(Pin<Box<F>>);

impl<F: Future> Future for Guarded<F> {
    type Output = End<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match guarded(|| self.0.as_mut().poll(cx)) {
            End::Returned(Poll::Pending) => Poll::Pending,
            End::Returned(Poll::Ready(value)) => Poll::Ready(End::Returned(value)),
            End::Panicked(message) => Poll::Ready(End::Panicked(message)),
        }
    }
}

/// Work to its end, panics included.
pub(crate) fn caught<T>(work: impl Future<Output = T>) -> impl Future<Output = End<T>> {
    Guarded(Box::pin(work))
}

/// Polls the work once, now. What is not done then is handed back, to go on as a task.
fn poll_once<T>(
    work: impl Future<Output = T> + 'static,
) -> Result<End<T>, impl Future<Output = End<T>> + 'static>
where
    T: 'static,
{
    let mut work = Guarded(Box::pin(work));
    // What the future registers now is lost; its task polls it again and registers its own waker.
    match Pin::new(&mut work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(end) => Ok(end),
        Poll::Pending => Err(work),
    }
}

/// Polls the work once, now, and returns its end if it has come to it. Else it goes on as a task of this thread,
/// behind the connection's gate, and `then` gets the end.
pub(crate) fn begin<T: 'static>(
    gate: &Arc<Gate>,
    work: impl Future<Output = T> + 'static,
    then: impl FnOnce(End<T>) + 'static,
) -> Option<(End<T>, impl FnOnce(End<T>) + 'static)> {
    match poll_once(work) {
        Ok(end) => Some((end, then)),
        Err(rest) => {
            let gate = gate.clone();
            gate.enter();
            actix_rt::spawn(async move {
                let end = rest.await;
                gate.leave();
                then(end);
            });
            None
        }
    }
}

/// Like [`begin`], but `then` gets the end in any case.
pub(crate) fn drive<T: 'static>(
    gate: &Arc<Gate>,
    work: impl Future<Output = T> + 'static,
    then: impl FnOnce(End<T>) + 'static,
) {
    if let Some((end, then)) = begin(gate, work, then) {
        then(end);
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, rc::Rc};

    use super::*;

    #[actix_web::test]
    async fn work_is_polled_once_at_once_and_goes_on_by_itself() {
        let gate = Arc::new(Gate::new(1));
        let log = Rc::new(RefCell::new(vec![]));
        let (resume, resumed) = tokio::sync::oneshot::channel::<()>();
        let (done, finished) = tokio::sync::oneshot::channel();
        let (inside, after) = (log.clone(), log.clone());
        drive(
            &gate,
            async move {
                inside.borrow_mut().push("first poll");
                resumed.await.unwrap();
                inside.borrow_mut().push("resumed");
            },
            move |end| {
                after.borrow_mut().push("then");
                done.send(end).unwrap();
            },
        );
        log.borrow_mut().push("returned");
        assert!(gate.poll_open(&mut Context::from_waker(Waker::noop())).is_pending());
        resume.send(()).unwrap();
        assert_eq!(finished.await.unwrap(), End::Returned(()));
        assert_eq!(*log.borrow(), ["first poll", "returned", "resumed", "then"]);
        assert!(gate.poll_open(&mut Context::from_waker(Waker::noop())).is_ready());
    }

    #[actix_web::test]
    async fn a_panic_is_an_outcome_also_after_an_await() {
        let gate = Arc::new(Gate::new(1));
        let (done, finished) = tokio::sync::oneshot::channel();
        drive(
            &gate,
            async {
                tokio::task::yield_now().await;
                panic!("a fault put in by a test");
            },
            move |end: End<()>| done.send(end).unwrap(),
        );
        assert_eq!(finished.await.unwrap(), End::Panicked("a fault put in by a test".to_owned()));
    }
}
