//! Worker threads that get on with nothing for a while.

use std::{
    future::ready,
    sync::{Arc, Mutex, mpsc},
};

use natter::{Io, Socket};
use serde_json::json;

use super::{Client, PATIENCE};

pub struct HeldUp {
    begun: mpsc::Receiver<Socket>,
    release: mpsc::Sender<()>,
    count: usize,
}

impl HeldUp {
    /// None yet.
    pub fn none(io: &Io) -> Self {
        let (held_up, begun) = mpsc::channel();
        let (release, released) = mpsc::channel();
        let released = Arc::new(Mutex::new(released));
        io.on_connect(move |socket: Socket| {
            let (held_up, released) = (held_up.clone(), released.clone());
            socket.on("hold up", move |socket: Socket| {
                held_up.send(socket).unwrap();
                let released = released.lock().unwrap();
                released.recv_timeout(PATIENCE).unwrap();
                ready(())
            });
            ready(())
        });
        Self { begun, release, count: 0 }
    }

    /// Holds up this client's worker; returns the client's socket.
    pub async fn add(&mut self, client: &mut Client) -> Socket {
        client.emit("hold up", json!([])).await;
        self.count += 1;
        self.begun.recv_timeout(PATIENCE).unwrap()
    }

    pub fn release(self) {
        (0..self.count).for_each(|_| self.release.send(()).unwrap());
    }
}
