//! Async functions as handlers, and what they can ask for.

use std::{any::Any, fmt::Display, future::Future, ops::Deref, pin::Pin, sync::Arc};

use bytestring::ByteString;
use natter_protocol::Args;
use serde::de::DeserializeOwned;

use crate::{Ack, DisconnectReason, Namespace, Socket};

/// A handler at work.
pub(crate) type Work = Pin<Box<dyn Future<Output = Result<(), String>>>>;

pub(crate) type Call<C> = dyn Fn(&C) -> Result<Work, ArgumentError> + Send + Sync;

/// A handler without its types.
pub(crate) enum Erased<C: 'static> {
    /// A handler that captures nothing, as most do: it takes no memory, so there is nothing to share or to free.
    Plain(&'static Call<C>),
    Capturing(Arc<Call<C>>),
}

impl<C> Erased<C> {
    pub fn call(&self, context: &C) -> Result<Work, ArgumentError> {
        match self {
            Self::Plain(call) => call(context),
            Self::Capturing(call) => call(context),
        }
    }
}

impl<C> Clone for Erased<C> {
    fn clone(&self) -> Self {
        match self {
            Self::Plain(call) => Self::Plain(*call),
            Self::Capturing(call) => Self::Capturing(call.clone()),
        }
    }
}

/// Why a handler's parameter could not be made. It is told to [`Socket::on_error`], never to the client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ArgumentError(pub String);

/// A client has been let into a namespace. See [`Namespace::on_connect`].
#[derive(Debug)]
pub struct ConnectContext {
    /// Its socket.
    pub socket: Socket,
}

/// An event has come. See [`Socket::on`].
#[derive(Debug)]
pub struct EventContext {
    /// The socket it came from.
    pub socket: Socket,
    /// Its name.
    pub name: ByteString,
    /// Its arguments.
    pub args: Args,
    /// The client's callback.
    pub ack: Ack,
}

/// A socket is being, or has been, disconnected. See [`Socket::on_disconnecting`] and [`Socket::on_disconnect`].
#[derive(Debug)]
pub struct DisconnectContext {
    /// The socket.
    pub socket: Socket,
    /// Why.
    pub reason: DisconnectReason,
}

/// All occasions have a socket.
pub trait HasSocket {
    /// The socket it is about.
    fn socket(&self) -> &Socket;
}

macro_rules! has_socket {
    ($($context:ty),*) => {
        $(impl HasSocket for $context {
            fn socket(&self) -> &Socket {
                &self.socket
            }
        })*
    };
}

has_socket!(ConnectContext, EventContext, DisconnectContext);

/// Something a handler can ask for by naming it as a parameter. Every handler can have [`Socket`], [`Namespace`] and
/// [`State<T>`]; those of events also [`Data<T>`], [`Args`], [`Ack`] and [`EventName`]; those of connections also
/// [`Data<T>`]; those of disconnections also [`DisconnectReason`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be a parameter of this handler",
    note = "every handler can have `Socket`, `Namespace`, `State<T>`; handlers of events also `Data<T>`, `Args`, `Ack`, `EventName`; of connections also `Data<T>` (the auth payload); of disconnections also `DisconnectReason`"
)]
pub trait FromContext<C>: Sized {
    /// Makes it.
    ///
    /// # Errors
    /// When the occasion does not have it, or in another form: then the handler is not called.
    fn from_context(context: &C) -> Result<Self, ArgumentError>;
}

/// What a handler may return: nothing, or a `Result` whose error goes to [`Socket::on_error`] as its text.
#[diagnostic::on_unimplemented(
    message = "a handler returns `()` or `Result<(), E>` with `E: Display`, not `{Self}`"
)]
pub trait Outcome {
    #[doc(hidden)]
    fn into_result(self) -> Result<(), String>;
}

impl Outcome for () {
    fn into_result(self) -> Result<(), String> {
        Ok(())
    }
}

impl<E: Display> Outcome for Result<(), E> {
    fn into_result(self) -> Result<(), String> {
        self.map_err(|error| error.to_string())
    }
}

/// An async function, or a closure that returns a future, whose parameters are extractors ([`FromContext`]): up to
/// eight.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no handler for this occasion",
    note = "a handler is an async closure or function that is `Send + Sync + 'static`, whose parameters are extractors (`Socket`, `Data<T>`, `Args`, `Ack`, `State<T>`, ...) with their types written out, and that returns `()` or `Result<(), E>`"
)]
pub trait Handler<C, P>: Send + Sync + 'static {
    #[doc(hidden)]
    fn call(&self, context: &C) -> Result<Work, ArgumentError>;
}

macro_rules! handler {
    ($($param:ident),*) => {
        impl<C, Function, Fut, $($param,)*> Handler<C, ($($param,)*)> for Function
        where
            Function: Fn($($param),*) -> Fut + Send + Sync + 'static,
            Fut: Future + 'static,
            Fut::Output: Outcome,
            $($param: FromContext<C>,)*
        {
            #[allow(non_snake_case, unused_variables)]
            fn call(&self, context: &C) -> Result<Work, ArgumentError> {
                $(let $param = $param::from_context(context)?;)*
                let work = self($($param),*);
                Ok(Box::pin(async move { work.await.into_result() }))
            }
        }
    };
}

handler!();
handler!(P1);
handler!(P1, P2);
handler!(P1, P2, P3);
handler!(P1, P2, P3, P4);
handler!(P1, P2, P3, P4, P5);
handler!(P1, P2, P3, P4, P5, P6);
handler!(P1, P2, P3, P4, P5, P6, P7);
handler!(P1, P2, P3, P4, P5, P6, P7, P8);

pub(crate) fn erase<C: 'static, P: 'static, H: Handler<C, P>>(handler: H) -> Erased<C> {
    let call = move |context: &C| handler.call(context);
    if size_of::<H>() == 0 && !std::mem::needs_drop::<H>() {
        // A box of nothing allocates nothing: with a hundred thousand sockets this is what their handlers weigh.
        Erased::Plain(Box::leak(Box::new(call)))
    } else {
        Erased::Capturing(Arc::new(call))
    }
}

impl<C: HasSocket> FromContext<C> for Socket {
    fn from_context(context: &C) -> Result<Self, ArgumentError> {
        Ok(context.socket().clone())
    }
}

impl<C: HasSocket> FromContext<C> for Namespace {
    fn from_context(context: &C) -> Result<Self, ArgumentError> {
        Ok(context.socket().namespace())
    }
}

/// State that was given to the builder with [`IoBuilder::state`](crate::IoBuilder::state); every handler can ask for it.
///
/// If none of that type was given, the handler is not called, as with arguments that have [another form](Data).
#[derive(Clone, Debug)]
pub struct State<T>(pub Arc<T>);

impl<T> Deref for State<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<C: HasSocket, T: Any + Send + Sync> FromContext<C> for State<T> {
    fn from_context(context: &C) -> Result<Self, ArgumentError> {
        let state = context.socket().inner.namespace.state.get::<T>();
        state.map(Self).ok_or_else(|| {
            ArgumentError(format!(
                "no state of type {} was given to Io::builder()",
                std::any::type_name::<T>()
            ))
        })
    }
}

/// The arguments of an event in a type of the user's: the first argument, or with a tuple several. On a connection it
/// is the auth payload (`{}` if the client sent none).
///
/// If they have another form, the handler is not called, the socket's [`on_error`](Socket::on_error) is, and a client
/// that asked for an acknowledgement gets `{"error":"invalid arguments"}`. [`Args::parse`] says what fits.
///
/// Socket.IO protocol: Sending and receiving data, Connection to a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Data<T>(pub T);

impl<T: DeserializeOwned> FromContext<EventContext> for Data<T> {
    fn from_context(context: &EventContext) -> Result<Self, ArgumentError> {
        context.args.parse().map(Self).map_err(|error| ArgumentError(error.to_string()))
    }
}

impl<T: DeserializeOwned> FromContext<ConnectContext> for Data<T> {
    fn from_context(context: &ConnectContext) -> Result<Self, ArgumentError> {
        context.socket.handshake().auth().map(Self).map_err(|error| ArgumentError(error.to_string()))
    }
}

impl FromContext<EventContext> for Args {
    fn from_context(context: &EventContext) -> Result<Self, ArgumentError> {
        Ok(context.args.clone())
    }
}

impl FromContext<EventContext> for Ack {
    fn from_context(context: &EventContext) -> Result<Self, ArgumentError> {
        Ok(context.ack.clone())
    }
}

/// The name of the event, for catch-all handlers ([`Socket::on_any`]); a numeric name is the text of its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventName(pub ByteString);

impl Deref for EventName {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl FromContext<EventContext> for EventName {
    fn from_context(context: &EventContext) -> Result<Self, ArgumentError> {
        Ok(Self(context.name.clone()))
    }
}

impl FromContext<DisconnectContext> for DisconnectReason {
    fn from_context(context: &DisconnectContext) -> Result<Self, ArgumentError> {
        Ok(context.reason)
    }
}
