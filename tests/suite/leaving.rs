//! The end of the process.

use natter_tests::{SOCKET_IO, Session, Testbed};

#[test]
fn a_terminated_server_leaves_with_status_0() {
    let testbed = Testbed::start("protocol");
    testbed.open_websocket(SOCKET_IO).enter("/");
    let status = testbed.terminate();
    assert_eq!(status.code(), Some(0), "{status}");
}

#[test]
fn a_terminated_server_leaves_although_clients_stay() {
    let testbed = Testbed::start("load");
    let mut websocket = testbed.open_websocket(SOCKET_IO);
    let mut polling = testbed.open_polling(SOCKET_IO);
    websocket.connect_namespace("/");
    polling.connect_namespace("/");
    polling.begin_poll();
    let _idle = testbed.websocket("/engine.io/?EIO=4&transport=websocket");
    let status = testbed.terminate();
    assert_eq!(status.code(), Some(0), "{status}");
}
