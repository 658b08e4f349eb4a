//! One node from outside, over raw sockets. One line here is one file of scenarios.

// The Engine.IO protocol.
mod engine_close;
mod engine_handshake;
mod engine_heartbeat;
mod engine_polling;
mod engine_upgrade;
mod engine_websocket;

// The Socket.IO protocol.
mod socket_acks;
mod socket_connect;
mod socket_disconnect;
mod socket_events;

// Bad input: after each case the server must be as if nothing had happened.
mod bad_arguments;
mod bad_deadlines;
mod bad_engine_packets;
mod bad_http_requests;
mod bad_socket_packets;
mod bad_upgrades;
mod bad_websocket_frames;

// Handlers that panic, fail, dawdle and flood.
mod handler_faults;

// Many, slow and impatient clients.
mod abandoned_sessions;
mod slow_readers;
mod upgrades_under_load;

// The process.
mod leaving;
