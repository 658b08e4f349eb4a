//! All clients of a run on one poll, in one thread.

use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token};

use crate::{
    client::{Client, Packet},
    clock::Clock,
    failure::{Doing, Failure},
    histogram::Histogram,
    target::Target,
};

/// Few enough that a driver's next packet does not wait behind a thousand other clients' reads.
const EVENTS_PER_TURN: usize = 256;

/// One buffer for all clients: nothing is read while another client's bytes are in it.
const READ_BUFFER: usize = 256 * 1024;

/// The clients of one run.
pub struct Swarm {
    target: Target,
    poll: Poll,
    events: Events,
    clients: Vec<Client>,
    buffer: Vec<u8>,
    lost: Vec<String>,
    clock: Clock,
    at_once: usize,
    connect_times: Histogram,
    limit: Duration,
    started: Instant,
}

impl Swarm {
    /// No clients yet, `at_once` of which may be connecting at a time. Every later call fails once `limit` has passed.
    pub fn new(target: Target, at_once: usize, limit: Duration) -> Result<Self, Failure> {
        Ok(Self {
            target,
            poll: Poll::new().doing("creating a poll")?,
            events: Events::with_capacity(EVENTS_PER_TURN),
            clients: Vec::new(),
            buffer: vec![0; READ_BUFFER],
            lost: Vec::new(),
            clock: Clock::start(),
            at_once: at_once.max(1),
            connect_times: Histogram::default(),
            limit,
            started: Instant::now(),
        })
    }

    /// Microseconds on the clock that all stamps use.
    pub fn now(&self) -> u64 {
        self.clock.now()
    }

    /// How many servers clients can be connected to.
    pub fn servers(&self) -> usize {
        self.target.servers()
    }

    /// Adds `count` clients, in turn to all servers, and returns when all of them have joined the namespace `/`.
    pub fn connect(&mut self, count: usize) -> Result<(), Failure> {
        let servers = self.servers();
        self.connect_each(count, |index| index % servers)
    }

    /// The same with the server chosen for each client's index.
    pub fn connect_each(&mut self, count: usize, server: impl Fn(usize) -> usize) -> Result<(), Failure> {
        self.connect_watched(count, server, &mut |_| Ok(()))
    }

    /// The same, calling `watch` after every turn.
    pub fn connect_watched(
        &mut self,
        count: usize,
        server: impl Fn(usize) -> usize,
        watch: &mut impl FnMut(&mut Self) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let (mut begun, mut ready) = (0, 0);
        let mut times = std::mem::take(&mut self.connect_times);
        while ready < count {
            while begun < count && begun - ready < self.at_once {
                self.begin(server(self.clients.len()))?;
                begun += 1;
            }
            self.turn(Duration::from_millis(100), &mut |_, client, packet| {
                if matches!(packet, Packet::Ready) {
                    ready += 1;
                    times.record(client.read_at().saturating_sub(client.begun()));
                }
            })?;
            self.fail_if_lost()?;
            watch(self)?;
        }
        self.connect_times = times;
        Ok(())
    }

    fn begin(&mut self, server: usize) -> Result<(), Failure> {
        let index = self.clients.len();
        let begun = self.clock.now();
        let (stream, address) = self.target.connect(index, server).doing("connecting")?;
        let mut client = Client::new(stream, address, begun);
        self.poll
            .registry()
            .register(client.stream(), Token(index), Interest::READABLE | Interest::WRITABLE)
            .doing("registering a client")?;
        self.clients.push(client);
        Ok(())
    }

    /// From the beginning of each connection to the namespace's answer.
    pub fn connect_times(&self) -> &Histogram {
        &self.connect_times
    }

    /// Forgets those up to now.
    pub fn forget_connect_times(&mut self) {
        self.connect_times.clear();
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
                client.read(self.clock, &mut self.buffer, &mut |client, packet| sink(index, client, packet));
            }
            if let Some(reason) = client.closed() {
                self.lost.push(reason.to_owned());
            }
        }
        Ok(())
    }

    /// Sends what `request` makes for each of the first `count` clients (an event with ack id 1, such as
    /// `421["join","news"]`), and returns when all have been acknowledged.
    pub fn ask_each(&mut self, count: usize, request: impl Fn(usize) -> String) -> Result<(), Failure> {
        let (mut asked, mut acked) = (0, 0);
        while acked < count {
            while asked < count && asked - acked < self.at_once {
                self.clients[asked].send(request(asked).as_bytes());
                asked += 1;
            }
            self.turn(Duration::from_millis(100), &mut |_, _, packet| {
                acked += usize::from(matches!(packet, Packet::Ack(1)));
            })?;
            self.fail_if_lost()?;
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

    /// How many there are.
    pub fn len(&self) -> usize {
        self.clients.len()
    }

    /// Reads from a client whether or not the poll has announced anything, and drops what comes.
    ///
    /// The poll announces a change only once, so a client that did not read then has to look again later.
    pub fn drain(&mut self, index: usize) {
        self.clients[index].read(self.clock, &mut self.buffer, &mut |_, _| {});
    }
}
