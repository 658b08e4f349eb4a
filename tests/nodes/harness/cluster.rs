//! Several nodes and the NATS server that links them.

use std::thread;

use natter::{Io, IoBuilder, LinkThread};
use natter_tests::{NatsConfig, NatsServer};

use super::{Node, NodeProcess, eventually, is};

pub struct Cluster {
    // Nodes go before the server.
    nodes: Vec<Node>,
    pub nats: NatsServer,
    pub name: String,
}

impl Cluster {
    /// Nodes in this process, named `node-0` and so on, who know each other.
    pub async fn of(count: usize) -> Self {
        Self::with(count, |builder| builder).await
    }

    /// The same with other settings.
    pub async fn with(count: usize, settings: impl Fn(IoBuilder) -> IoBuilder) -> Self {
        Self::over(NatsServer::start(), count, settings).await
    }

    /// The same over a server with another configuration.
    pub async fn over_nats(config: &NatsConfig, count: usize) -> Self {
        Self::over(NatsServer::start_with(config), count, |builder| builder).await
    }

    async fn over(nats: NatsServer, count: usize, settings: impl Fn(IoBuilder) -> IoBuilder) -> Self {
        let mut cluster = Self { nodes: Vec::new(), nats, name: "test".to_owned() };
        cluster.nodes =
            (0..count).map(|nth| Node::start(settings(cluster.builder(&format!("node-{nth}"))))).collect();
        for node in &cluster.nodes {
            node.joined().await;
        }
        cluster.has(&[]).await;
        cluster
    }

    /// The beginning of another node. The links of some nodes have threads of their own, those of others do not.
    pub fn builder(&self, name: &str) -> IoBuilder {
        let thread = if name.ends_with(['1', '3']) { LinkThread::Worker } else { LinkThread::Own };
        let cluster = natter::Cluster::nats(&self.nats.url()).name(&self.name).link_thread(thread);
        Io::builder().node_name(name).cluster(cluster)
    }

    /// Another node in this process, that the others know. It goes before they do.
    pub async fn another(&self, name: &str) -> Node {
        let node = Node::start(self.builder(name));
        node.joined().await;
        self.has(&[name]).await;
        node
    }

    /// Another node as a process, that the others know.
    pub async fn process(&self, name: &str) -> NodeProcess {
        self.process_linked_by(LinkThread::Worker, name).await
    }

    /// The same, with that thread for the link.
    pub async fn process_linked_by(&self, link: LinkThread, name: &str) -> NodeProcess {
        let process = NodeProcess::start(self, name, link).await;
        self.has(&[name]).await;
        process
    }

    pub fn node(&self, nth: usize) -> &Node {
        &self.nodes[nth]
    }

    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Waits until its nodes know each other, these others besides, and nobody else.
    pub async fn has(&self, others: &[&str]) {
        for node in &self.nodes {
            let mut wanted: Vec<_> =
                self.nodes.iter().map(Node::name).chain(others.iter().copied()).collect();
            wanted.retain(|name| *name != node.name());
            wanted.sort_unstable();
            let known = || is(node.view().nodes(), wanted.iter().map(|&name| name.to_owned()).collect());
            eventually(&format!("whom {} knows", node.name()), known).await;
        }
    }
}

impl Drop for Cluster {
    #[expect(clippy::print_stderr, reason = "a failing test should show what its nodes say")]
    fn drop(&mut self) {
        if thread::panicking() {
            for node in &self.nodes {
                eprintln!("{}", node.shows());
            }
        }
    }
}
