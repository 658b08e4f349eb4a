//! Where everybody is: the nodes that can be reached now, and who sits where. Shared by all tasks of a run.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A process of a node that serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    pub at: SocketAddr,
    pub pid: u32,
}

/// Where a client is connected.
#[derive(Clone, Debug)]
pub struct Seat {
    /// The node's place in the list of nodes.
    pub node: usize,
    /// The socket's id.
    pub id: String,
}

/// The nodes and the clients, each by its place in a list.
pub struct Book {
    names: Vec<String>,
    nodes: Mutex<Vec<Option<Address>>>,
    /// None while a client is on its way.
    seats: Mutex<Vec<Option<Seat>>>,
}

impl Book {
    pub fn new(names: Vec<String>) -> Self {
        let nodes = Mutex::new(vec![None; names.len()]);
        Self { names, nodes, seats: Mutex::default() }
    }

    /// The nodes' names.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Whether a node can be reached from now on, and where.
    pub fn set_node(&self, node: usize, address: Option<Address>) {
        held(&self.nodes)[node] = address;
    }

    pub fn node(&self, node: usize) -> Option<Address> {
        held(&self.nodes)[node]
    }

    /// One more client; its place.
    pub fn enroll(&self) -> usize {
        let mut seats = held(&self.seats);
        seats.push(None);
        seats.len() - 1
    }

    pub fn sit(&self, client: usize, seat: Option<Seat>) {
        held(&self.seats)[client] = seat;
    }

    /// Whether every client is connected and has joined its rooms.
    pub fn all_sit(&self) -> bool {
        held(&self.seats).iter().all(Option::is_some)
    }

    /// The ids of the sockets that a node has.
    pub fn ids_on(&self, node: usize) -> HashSet<String> {
        let seats = held(&self.seats);
        seats.iter().flatten().filter(|seat| seat.node == node).map(|seat| seat.id.clone()).collect()
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
