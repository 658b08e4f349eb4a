//! A TCP connection whose request is still with the application.
//!
//! Most requests to upgrade are for us, and the stream is then taken out. An application may have WebSockets of its own,
//! though, or answer with something else. So the request has a body that reads from the stream, and its answer can be
//! streamed back, as if actix-http had never asked us.

use std::{
    cell::RefCell,
    future::poll_fn,
    io,
    pin::{Pin, pin},
    rc::Rc,
    task::{Context, Poll, ready},
    time::Duration,
};

use actix_http::{
    Response,
    body::MessageBody,
    error::PayloadError,
    h1::{Codec, Message},
};
use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf},
    time::timeout,
};
use tokio_util::codec::Encoder;

use super::SharedBuffer;

/// Time for the end of an answer to be taken.
const HANG_UP: Duration = Duration::from_secs(2);

/// The stream, until it is taken out.
pub(super) struct Stay<T>(Rc<RefCell<Option<T>>>, Rc<RefCell<Bytes>>);

impl<T> Clone for Stay<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone(), self.1.clone())
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> Stay<T> {
    /// `early` has been read already.
    pub fn new(stream: T, early: Bytes) -> Self {
        Self(Rc::new(RefCell::new(Some(stream))), Rc::new(RefCell::new(early)))
    }

    /// The stream and what was read from it; whoever still holds this sees its end.
    pub fn take(&self) -> Option<(T, Bytes)> {
        Some((self.0.borrow_mut().take()?, self.1.take()))
    }

    /// Sends the application's answer and hangs up: after a request to upgrade no other one follows.
    pub async fn answer(mut self, mut codec: Codec, answer: Response<impl MessageBody>) {
        if self.send(&mut codec, answer).await.is_ok() {
            drop(timeout(HANG_UP, self.shutdown()).await);
        }
    }

    async fn send(&mut self, codec: &mut Codec, answer: Response<impl MessageBody>) -> io::Result<()> {
        let (head, body) = answer.into_parts();
        let mut body = pin!(body);
        let mut bytes = BytesMut::new();
        codec.encode(Message::Item((head, body.size())), &mut bytes)?;
        self.write_all_buf(&mut bytes).await?;
        self.flush().await?;
        loop {
            let chunk = match poll_fn(|cx| body.as_mut().poll_next(cx)).await {
                Some(Ok(chunk)) => Some(chunk),
                Some(Err(error)) => return Err(io::Error::other(error.into().to_string())),
                None => None,
            };
            let last = chunk.is_none();
            codec.encode(Message::Chunk(chunk), &mut bytes)?;
            self.write_all_buf(&mut bytes).await?;
            // TLS keeps what the socket has not taken, and nothing may follow for long that would push it out.
            self.flush().await?;
            if last {
                return Ok(());
            }
        }
    }

    fn with<R>(&self, work: impl FnOnce(Pin<&mut T>) -> Poll<io::Result<R>>) -> Poll<io::Result<R>> {
        match &mut *self.0.borrow_mut() {
            Some(stream) => work(Pin::new(stream)),
            None => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> Stream for Stay<T> {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let early = self.1.take();
        if !early.is_empty() {
            return Poll::Ready(Some(Ok(early)));
        }
        let mut buffer = SharedBuffer::take();
        let mut space = ReadBuf::new(buffer.space());
        let read = ready!(self.with(|stream| stream.poll_read(cx, &mut space)));
        let length = space.filled().len();
        Poll::Ready(match read {
            Err(error) => Some(Err(PayloadError::Io(error))),
            Ok(()) if length == 0 => None,
            Ok(()) => Some(Ok(Bytes::copy_from_slice(&buffer.filled(length)))),
        })
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncRead for Stay<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.with(|stream| stream.poll_read(cx, buffer))
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Stay<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.with(|stream| stream.poll_write(cx, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|stream| stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|stream| stream.poll_shutdown(cx))
    }
}

#[cfg(test)]
mod tests {
    use actix_http::{ServiceConfig, body::BodyStream};
    use futures_util::{StreamExt, stream};
    use tokio::io::{AsyncReadExt, BufStream, duplex};

    use super::*;

    #[actix_web::test]
    async fn a_stream_that_keeps_something_back_is_made_to_give_it_before_more_is_waited_for() {
        let (ours, mut theirs) = duplex(1024);
        let chunk = Bytes::from_static(b"the last one for now");
        let body =
            stream::once(std::future::ready(Ok::<_, io::Error>(chunk.clone()))).chain(stream::pending());
        let answer = Response::ok().set_body(BodyStream::new(body));
        let codec = Codec::new(ServiceConfig::default());
        actix_rt::spawn(Stay::new(BufStream::new(ours), Bytes::new()).answer(codec, answer));
        let mut seen = Vec::new();
        let arrives = async {
            while !seen.windows(chunk.len()).any(|part| part == chunk) {
                theirs.read_buf(&mut seen).await.expect("a duplex reads");
            }
        };
        timeout(Duration::from_secs(10), arrives).await.expect("it is written");
    }
}
