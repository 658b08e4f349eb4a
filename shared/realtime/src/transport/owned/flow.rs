//! The bytes of one connection, through TLS or not.

use std::{
    io::{self, IoSlice, Read},
    net::Shutdown,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use actix_rt::net::TcpStream;
use actix_tls::accept::rustls_0_23::TlsStream;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};

pub(crate) enum Flow {
    /// Shared with the outbox, so that who pushes can write.
    Tcp(Arc<TcpStream>),
    Tls(Box<TlsStream<TcpStream>>),
    /// On its way to another thread.
    Moving(std::net::TcpStream),
}

impl From<TcpStream> for Flow {
    fn from(stream: TcpStream) -> Self {
        Self::Tcp(Arc::new(stream))
    }
}

impl From<TlsStream<TcpStream>> for Flow {
    fn from(stream: TlsStream<TcpStream>) -> Self {
        Self::Tls(Box::new(stream))
    }
}

impl Flow {
    pub fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(stream) => loop {
                ready!(stream.poll_read_ready(cx))?;
                match read(stream, buffer) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    read => return Poll::Ready(read),
                }
            },
            Self::Tls(stream) => {
                let mut buffer = ReadBuf::new(buffer);
                ready!(Pin::new(stream).poll_read(cx, &mut buffer))?;
                Poll::Ready(Ok(buffer.filled().len()))
            }
            Self::Moving(_) => Poll::Pending,
        }
    }

    pub fn poll_write(&mut self, cx: &mut Context<'_>, packets: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(stream) => loop {
                let written = match packets {
                    [one] => stream.try_write(one),
                    several => stream.try_write_vectored(several),
                };
                match written {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        ready!(stream.poll_write_ready(cx))?;
                    }
                    written => return Poll::Ready(written),
                }
            },
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, packets),
            Self::Moving(_) => Poll::Pending,
        }
    }

    /// Gets what was written on its way. Only TLS keeps something back.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(_) | Self::Moving(_) => Poll::Ready(Ok(())),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    /// Says that nothing more will be written.
    pub fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => Poll::Ready(SockRef::from(&**stream).shutdown(Shutdown::Write)),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Moving(_) => Poll::Ready(Ok(())),
        }
    }

    /// When it is dropped, what the peer has not taken is dropped with it, and the kernel keeps nothing.
    pub fn cut(&self) {
        let socket = match self {
            Self::Tcp(stream) => SockRef::from(&**stream),
            Self::Tls(stream) => SockRef::from(stream.get_ref().0),
            Self::Moving(stream) => SockRef::from(stream),
        };
        if let Err(error) = socket.set_linger(Some(Duration::ZERO)) {
            tracing::debug!(%error, "SO_LINGER could not be set");
        }
    }

    /// Takes leave of this thread, so that another one's reactor looks after it. A TLS connection stays with the one
    /// it has, which then wakes the other thread.
    pub fn leave_thread(self) -> io::Result<Self> {
        match self {
            Self::Tcp(stream) => match Arc::try_unwrap(stream) {
                Ok(stream) => stream.into_std().map(Self::Moving),
                Err(shared) => Ok(Self::Tcp(shared)),
            },
            other => Ok(other),
        }
    }

    pub fn arrive(self) -> io::Result<Self> {
        match self {
            Self::Moving(stream) => TcpStream::from_std(stream).map(Self::from),
            other => Ok(other),
        }
    }
}

/// One read. When less has come than there was room for, the socket is empty, and is not asked again before the kernel
/// says that there is more: one system call for each message, not two.
fn read(stream: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    let outcome = stream.try_io(Interest::READABLE, || {
        let socket = SockRef::from(stream);
        length = loop {
            match (&*socket).read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        if length > 0 && length < buffer.len() { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
    });
    match outcome {
        Err(error) if length == 0 => Err(error),
        _ => Ok(length),
    }
}
