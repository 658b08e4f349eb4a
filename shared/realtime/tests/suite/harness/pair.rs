//! Two servers of this process that are one cluster.

use natter::{Cluster, Io, IoBuilder, LinkThread, MemoryBus};

use super::{Client, Poller, Server, eventually, soon};

pub struct Pair {
    pub ann: Server,
    pub ben: Server,
    pub bus: MemoryBus,
}

impl Pair {
    /// With the defaults.
    pub async fn start() -> Self {
        Self::of(|io| io).await
    }

    /// Two servers that are set up alike, once each knows the other. Ann's link has a thread of its own, Ben's is carried by
    /// a worker.
    pub async fn of(set_up: impl Fn(IoBuilder) -> IoBuilder) -> Self {
        let bus = MemoryBus::new();
        let server = |name: &str, link| {
            let cluster = Cluster::in_memory(&bus).link_thread(link);
            Server::build(set_up(Io::builder()).node_name(name).cluster(cluster))
        };
        let (ann, ben) = (server("ann", LinkThread::Own), server("ben", LinkThread::Worker));
        let pair = Self { ann, ben, bus: bus.clone() };
        for server in [&pair.ann, &pair.ben] {
            let cluster = server.io.cluster().unwrap();
            soon("a node to join", cluster.joined()).await.unwrap();
            eventually("other nodes", 1, || cluster.nodes().len()).await;
        }
        pair
    }

    /// One more server, which has begun to join them.
    pub fn another(&self, name: &str) -> Server {
        Server::build(Io::builder().node_name(name).cluster(Cluster::in_memory(&self.bus)))
    }

    /// A polling session of Ann's, as it is reached through Ann and through Ben.
    pub async fn poller(&self) -> (Poller, Poller) {
        let poller = self.ann.poller().await;
        let through_ben = poller.through(self.ben.address);
        (poller, through_ben)
    }

    /// A client whose session is Ann's and whose WebSocket is Ben's.
    pub async fn piped(&self) -> Client {
        let (poller, _) = self.poller().await;
        Client::upgrade(self.ben.address, "/socket.io", poller.session()).await
    }

    /// Takes Ann off the bus.
    pub fn cut_ann(&self) {
        self.bus.cut("ann");
    }

    /// Puts Ann, who was cut, back on the bus once she had something to say that nobody has heard.
    pub async fn mend_ann(&self) {
        let dropped = || self.ann.io.cluster().unwrap().stats().dropped_away > 0;
        eventually("something that Ann could not say", true, dropped).await;
        self.bus.mend("ann");
    }
}

impl Drop for Pair {
    #[expect(clippy::print_stderr, reason = "a failing test should show what its nodes say of themselves")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            for server in [&self.ann, &self.ben] {
                let cluster = server.io.cluster().map(|cluster| (cluster.nodes(), cluster.stats()));
                eprintln!("{}: {:?} {:?}", server.io.node_name(), server.io.stats(), cluster);
            }
        }
    }
}
