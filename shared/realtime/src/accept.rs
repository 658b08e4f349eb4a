//! What a server should set on each TCP connection it accepts.

use std::{any::Any, time::Duration};

use actix_rt::net::TcpStream;
use actix_web::dev::Extensions;
use socket2::SockRef;

/// Time for a peer that does not read to take anything, before the kernel ends its TCP connection.
const STALLED: Duration = Duration::from_secs(10);

/// Prepares an accepted TCP connection: `HttpServer::new(..).on_connect(natter::prepare_connection)`.
///
/// Small frames leave at once (`TCP_NODELAY`), and the kernel ends the connection of a peer that has taken nothing for
/// 10 s (`TCP_USER_TIMEOUT`, Linux). The second is what frees the socket of a WebSocket client that has stopped
/// reading: Natter ends its session by itself, but actix-web gives nobody a way to its TCP connection. Connections
/// through TLS are left as they are.
pub fn prepare_connection(connection: &dyn Any, _: &mut Extensions) {
    if let Some(stream) = connection.downcast_ref::<TcpStream>() {
        prepare(&SockRef::from(stream));
    }
}

/// Prepares a connection, or on Linux a listener, whose connections inherit it: two system calls less for each.
pub(crate) fn prepare(socket: &SockRef<'_>) {
    if let Err(error) = socket.set_tcp_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY could not be set");
    }
    #[cfg(target_os = "linux")]
    if let Err(error) = socket.set_tcp_user_timeout(Some(STALLED)) {
        tracing::debug!(%error, "TCP_USER_TIMEOUT could not be set");
    }
}
