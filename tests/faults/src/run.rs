//! One run from the first process to the last figure.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::time::{sleep, timeout};

use crate::account::{Account, account};
use crate::arguments::Arguments;
use crate::cast::Cast;
use crate::course::Timing;
use crate::failure::{Doing, Failure};
use crate::script::Fault;
use crate::verdict::{Promise, promises};
use crate::watch::Memory;

/// The whole run, whatever happens in it.
const LIMIT: Duration = Duration::from_secs(180);
/// For all clients to be in their places.
const SEATING: Duration = Duration::from_secs(30);
/// Under load before the fault, and after all is well again.
const BEFORE: Duration = Duration::from_secs(3);
const AFTER: Duration = Duration::from_secs(4);
/// For what is on its way when nobody emits any more.
const DRAIN: Duration = Duration::from_millis(1_500);

/// The result of a run.
#[derive(Serialize)]
pub struct Report {
    pub fault: String,
    pub run: u32,
    /// Why there are no figures.
    pub failure: Option<String>,
    pub figures: Option<Figures>,
}

/// What was counted and measured.
#[derive(Serialize)]
pub struct Figures {
    pub account: Account,
    pub timings: Vec<Timing>,
    /// Bytes of each node.
    pub memory: Vec<Memory>,
    /// Counters of each node's link, of all its processes together.
    pub counters: BTreeMap<String, BTreeMap<String, u64>>,
    /// The longest time that this program itself did not get its turn, in seconds: a busy machine's share in the gaps.
    pub own_pause: f64,
    pub promises: Vec<Promise>,
}

impl Report {
    /// Whether it ran and every promise was kept.
    pub fn good(&self) -> bool {
        self.figures.as_ref().is_some_and(|figures| figures.promises.iter().all(|promise| promise.kept))
    }
}

/// Makes a fault once.
pub async fn run(fault: Fault, run: u32, arguments: &Arguments) -> Result<Figures, Failure> {
    let logs = arguments.results.join(format!("{}-{run}", fault.name()));
    fs::remove_dir_all(&logs).ok();
    fs::create_dir_all(&logs).doing(format!("{}", logs.display()))?;
    let limited = timeout(LIMIT, figures(fault, arguments, &logs));
    limited
        .await
        .map_err(|_| Failure::Late { what: "the end of the run".into(), seconds: LIMIT.as_secs() })?
}

async fn figures(fault: Fault, arguments: &Arguments, logs: &Path) -> Result<Figures, Failure> {
    let mut setting = fault.set(&arguments.programs, &own_host(), logs.to_owned()).await?;
    let clock = setting.stage.clock;
    let cast = Cast::start(&arguments.load, &setting.stage.book, clock);
    setting.stage.whole(SEATING).await?;
    let longest_pause = Arc::new(AtomicU64::new(0));
    let pauses = tokio::spawn(measure_pauses(Arc::clone(&longest_pause)));
    sleep(BEFORE).await;
    setting.stage.watch.mark_memory();

    let course = fault.run(&mut setting).await?;

    let calm = clock.now();
    sleep(AFTER).await;
    cast.quiet();
    sleep(DRAIN).await;
    let logs = cast.leave().await?;
    pauses.abort();
    let own_pause = longest_pause.load(Relaxed) as f64 / 1e6;

    let stage = &mut setting.stage;
    let memory: Vec<Memory> = stage.nodes().map(|node| stage.watch.memory(node)).collect();
    let counters =
        stage.nodes().map(|node| (stage.name(node).to_owned(), stage.watch.counters(node))).collect();
    let account = account(&logs.emitters, &logs.members, &logs.answers, &course, calm);
    let promises = promises(&account, &course, &memory);
    // Whoever has survived leaves as it should.
    for node in stage.nodes() {
        stage.dismiss(node)?;
    }
    for node in stage.nodes() {
        stage.left(node).await?;
    }
    Ok(Figures { account, timings: course.timings, memory, counters, own_pause, promises })
}

/// Asks for a turn each 20 ms, and notes how late it comes.
async fn measure_pauses(longest: Arc<AtomicU64>) {
    let period = Duration::from_millis(20);
    loop {
        let before = Instant::now();
        sleep(period).await;
        let late = before.elapsed().saturating_sub(period).as_micros();
        longest.fetch_max(u64::try_from(late).unwrap_or(u64::MAX), Relaxed);
    }
}

/// An address of the loopback interface that nobody else uses.
fn own_host() -> String {
    let [_, high, middle, low] = std::process::id().wrapping_mul(251).to_be_bytes();
    format!("127.{}.{middle}.{}", high.max(1), low.clamp(1, 254))
}
