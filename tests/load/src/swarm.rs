//! All clients of a run on one poll, in one thread.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use mio::{Events, Interest, Poll, Token, net::TcpStream};

use crate::{
    client::{Client, Packet},
    failure::{Doing, Failure},
};

/// How many handshakes are under way at a time: few enough for any listener's backlog.
const CONNECTING: usize = 64;

/// Few enough that a driver's next packet does not wait behind a thousand other clients' reads.
const EVENTS_PER_TURN: usize = 256;

/// One buffer for all clients: nothing is read while another client's bytes are in it.
const READ_BUFFER: usize = 256 * 1024;

/// The clients of one run.
pub struct Swarm {
    server: SocketAddr,
    poll: Poll,
    events: Events,
    clients: Vec<Client>,
    buffer: Vec<u8>,
    lost: Vec<String>,
    pings: u64,
    limit: Duration,
    started: Instant,
}

impl Swarm {
    /// No clients yet. Every later call fails once `limit` has passed.
    pub fn new(server: SocketAddr, limit: Duration) -> Result<Self, Failure> {
        Ok(Self {
            server,
            poll: Poll::new().doing("creating a poll")?,
            events: Events::with_capacity(EVENTS_PER_TURN),
            clients: Vec::new(),
            buffer: vec![0; READ_BUFFER],
            lost: Vec::new(),
            pings: 0,
            limit,
            started: Instant::now(),
        })
    }

    /// Adds `count` clients and returns when all of them have joined the namespace `/`.
    pub fn connect(&mut self, count: usize) -> Result<(), Failure> {
        let (mut begun, mut ready) = (0, 0);
        while ready < count {
            while begun < count && begun - ready < CONNECTING {
                self.begin()?;
                begun += 1;
            }
            self.turn(Duration::from_millis(100), &mut |_, _, packet| {
                ready += usize::from(matches!(packet, Packet::Ready));
            })?;
            self.fail_if_lost()?;
        }
        Ok(())
    }

    fn begin(&mut self) -> Result<(), Failure> {
        let stream = TcpStream::connect(self.server).doing("connecting")?;
        let mut client = Client::new(stream, self.server);
        let token = Token(self.clients.len());
        self.poll
            .registry()
            .register(client.stream(), token, Interest::READABLE | Interest::WRITABLE)
            .doing("registering a client")?;
        self.clients.push(client);
        Ok(())
    }

    /// Closes all clients but the first `count`.
    pub fn keep(&mut self, count: usize) {
        self.clients.truncate(count);
    }

    /// Waits at most `timeout` for something to happen and hands every packet to `sink`, with the client's index.
    pub fn turn(
        &mut self,
        timeout: Duration,
        sink: &mut impl FnMut(usize, &mut Client, Packet<'_>),
    ) -> Result<(), Failure> {
        if self.started.elapsed() > self.limit {
            return Err(Failure::TimeUp(self.limit.as_secs()));
        }
        match self.poll.poll(&mut self.events, Some(timeout)) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => return Ok(()),
            polled => polled.doing("polling")?,
        }
        for event in &self.events {
            // An event of a client that was closed meanwhile.
            let Token(index) = event.token();
            let Some(client) = self.clients.get_mut(index) else { continue };
            if client.closed().is_some() {
                continue;
            }
            if event.is_writable() {
                client.flush();
            }
            if event.is_readable() || event.is_read_closed() || event.is_error() {
                client.read(&mut self.buffer, &mut |client, packet| {
                    self.pings += u64::from(matches!(packet, Packet::Ping));
                    sink(index, client, packet);
                });
            }
            if let Some(reason) = client.closed() {
                self.lost.push(reason.to_owned());
            }
        }
        Ok(())
    }

    /// Lets `duration` pass while heartbeats are answered and packets dropped.
    pub fn rest(&mut self, duration: Duration) -> Result<(), Failure> {
        let end = Instant::now() + duration;
        while let Some(left) = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            self.turn(left, &mut |_, _, _| {})?;
        }
        self.fail_if_lost()
    }

    /// Fails if any client was closed by the server since the start.
    pub fn fail_if_lost(&self) -> Result<(), Failure> {
        match self.lost.first() {
            None => Ok(()),
            Some(reason) => Err(Failure::Lost { count: self.lost.len(), reason: reason.clone() }),
        }
    }

    /// How many clients the server has closed since the start, as far as they have noticed.
    pub fn lost(&self) -> usize {
        self.lost.len()
    }

    /// One client.
    pub fn client(&mut self, index: usize) -> &mut Client {
        &mut self.clients[index]
    }

    /// All clients in the order in which they were made.
    pub fn clients(&mut self) -> &mut [Client] {
        &mut self.clients
    }

    /// Reads from a client whether or not the poll has announced anything, and drops what comes.
    ///
    /// The poll announces a change only once, so a client that did not read then has to look again later.
    pub fn drain(&mut self, index: usize) {
        self.clients[index].read(&mut self.buffer, &mut |_, _| {});
    }

    /// Heartbeats that were answered.
    pub fn pings(&self) -> u64 {
        self.pings
    }
}
