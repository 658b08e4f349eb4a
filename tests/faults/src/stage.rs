//! What a script acts on: NATS, the nodes, and the watch over them.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use crate::arguments::Programs;
use crate::book::{Address, Book};
use crate::clock::{Clock, Moment};
use crate::failure::Failure;
use crate::nats::Nats;
use crate::node::Recipe;
use crate::process::Process;
use crate::watch::{Sight, Watch};

/// For a node to leave at a SIGTERM.
const GOODBYE: Duration = Duration::from_secs(15);
/// Between two looks at a condition.
const LOOK: Duration = Duration::from_millis(5);

/// Of the node that something happens to.
pub const VICTIM: usize = 1;

/// The cluster of one run.
pub struct Stage {
    pub clock: Clock,
    pub book: Arc<Book>,
    pub watch: Watch,
    pub nats: Nats,
    recipes: Vec<Recipe>,
    processes: Vec<Option<Process>>,
    testbed: PathBuf,
    logs: PathBuf,
}

impl Stage {
    /// Starts NATS and the nodes, which are linked when this is over.
    pub async fn set(
        programs: &Programs,
        nats_host: &str,
        recipes: Vec<Recipe>,
        logs: PathBuf,
    ) -> Result<Self, Failure> {
        let clock = Clock::start();
        let book = Arc::new(Book::new(recipes.iter().map(|recipe| recipe.name.clone()).collect()));
        let nats = Nats::start(&programs.nats_server, nats_host).await?;
        let mut stage = Self {
            clock,
            watch: Watch::start(&book, clock),
            book,
            nats,
            processes: recipes.iter().map(|_| None).collect(),
            recipes,
            testbed: programs.testbed.clone(),
            logs,
        };
        for node in stage.nodes() {
            stage.start(node).await?;
        }
        stage.whole(Duration::from_secs(20)).await?;
        Ok(stage)
    }

    /// The places of all nodes.
    pub fn nodes(&self) -> std::ops::Range<usize> {
        0..self.recipes.len()
    }

    pub fn others(&self, node: usize) -> Vec<usize> {
        self.nodes().filter(|other| *other != node).collect()
    }

    pub fn name(&self, node: usize) -> &str {
        &self.recipes[node].name
    }

    /// Starts a node and waits until it has joined.
    pub async fn start(&mut self, node: usize) -> Result<(), Failure> {
        let recipe = &self.recipes[node];
        let log = self.logs.join(format!("{}.log", recipe.name));
        let (process, at) = recipe.start(&self.testbed, &self.nats.url(), &log).await?;
        self.book.set_node(node, Some(Address { at, pid: process.pid() }));
        self.processes[node] = Some(process);
        Ok(())
    }

    /// Kills a node.
    pub async fn kill(&mut self, node: usize) -> Result<(), Failure> {
        self.book.set_node(node, None);
        match self.processes[node].take() {
            Some(mut process) => process.kill().await,
            None => Ok(()),
        }
    }

    /// Sends a node a signal.
    pub fn signal(&self, node: usize, signal: &str) -> Result<(), Failure> {
        self.processes[node].as_ref().map_or(Ok(()), |process| process.signal(signal))
    }

    /// Tells a node to leave; nobody looks for it there any more.
    pub fn dismiss(&mut self, node: usize) -> Result<(), Failure> {
        self.book.set_node(node, None);
        self.signal(node, "TERM")
    }

    /// Waits until a dismissed node has left, which it has to do with status 0.
    pub async fn left(&mut self, node: usize) -> Result<(), Failure> {
        let Some(mut process) = self.processes[node].take() else { return Ok(()) };
        match process.end(GOODBYE).await? {
            status if status.success() => Ok(()),
            status => Err(Failure::Process(format!("{} has left with {status}", self.name(node)))),
        }
    }

    /// Waits until all nodes of some see something; the moment when the last one was asked that did.
    pub async fn seen_by(
        &self,
        nodes: &[usize],
        since: Moment,
        what: &str,
        within: Duration,
        condition: impl Fn(&Sight) -> bool,
    ) -> Result<Moment, Failure> {
        let deadline = self.clock.now() + within;
        let mut first = vec![None; nodes.len()];
        loop {
            for (node, first) in nodes.iter().zip(&mut first) {
                let sight = self.watch.sight(*node);
                if first.is_none() && sight.asked >= since && condition(&sight) {
                    *first = Some(self.clock.now());
                }
            }
            if let Some(all) = first.iter().copied().collect::<Option<Vec<_>>>() {
                return Ok(all.into_iter().max().unwrap_or(since));
            }
            self.wait_or_late(what, deadline, within).await?;
        }
    }

    /// Waits until some nodes know nothing of a node any more.
    pub async fn gone(&self, node: usize, nodes: &[usize], since: Moment) -> Result<Moment, Failure> {
        let name = self.name(node).to_owned();
        let misses = |sight: &Sight| sight.nodes.as_ref().is_some_and(|nodes| !nodes.contains(&name));
        self.seen_by(nodes, since, &format!("the others giving up {name}"), Duration::from_secs(20), misses)
            .await
    }

    /// Waits until some nodes say that they are not ready.
    pub async fn unready(&self, nodes: &[usize], since: Moment) -> Result<Moment, Failure> {
        let unready = |sight: &Sight| sight.ready == Some(false);
        self.seen_by(nodes, since, "a 503 of /ready", Duration::from_secs(20), unready).await
    }

    /// Waits until all is well: every node ready and known to all others, every client in its place.
    pub async fn whole(&self, within: Duration) -> Result<Moment, Failure> {
        let since = self.clock.now();
        let deadline = since + within;
        let names: HashSet<&str> = self.nodes().map(|node| self.name(node)).collect();
        loop {
            let well = |node| {
                let sight = self.watch.sight(node);
                let known = sight.nodes.is_some_and(|others| {
                    others.len() + 1 == names.len()
                        && others.iter().all(|other| names.contains(other.as_str()))
                });
                sight.asked >= since && sight.ready == Some(true) && known
            };
            if self.nodes().all(well) && self.book.all_sit() {
                return Ok(self.clock.now());
            }
            self.wait_or_late("all being well again", deadline, within).await?;
        }
    }

    /// Waits until none of these sockets is on a node any more.
    pub async fn emptied(
        &self,
        node: usize,
        ids: &HashSet<String>,
        within: Duration,
    ) -> Result<Moment, Failure> {
        let deadline = self.clock.now() + within;
        while !self.book.ids_on(node).is_disjoint(ids) {
            self.wait_or_late("its clients being told", deadline, within).await?;
        }
        Ok(self.clock.now())
    }

    /// Lets time pass under load.
    pub async fn pass(&self, time: Duration) {
        sleep(time).await;
    }

    /// Lets time pass until a moment.
    pub async fn until(&self, moment: Moment) {
        sleep(moment.saturating_sub(self.clock.now())).await;
    }

    async fn wait_or_late(&self, what: &str, deadline: Moment, within: Duration) -> Result<(), Failure> {
        if self.clock.now() > deadline {
            let sights =
                self.nodes().map(|node| format!("{}: {:?}", self.name(node), self.watch.sight(node)));
            let sights = sights.collect::<Vec<_>>().join("; ");
            let what = format!("{what} (seated: {}; {sights})", self.book.all_sit());
            return Err(Failure::Late { what, seconds: within.as_secs() });
        }
        sleep(LOOK).await;
        Ok(())
    }
}
