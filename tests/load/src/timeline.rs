//! What a run looked like over time: a row every quarter of a second, and a line for whoever watches every second.

use std::{
    io::Write as _,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{failure::Failure, histogram::Histogram, servers::Servers};

const INTERVAL: Duration = Duration::from_millis(250);
/// The interval of long runs: a plot has room for no more rows.
const LONG_INTERVAL: Duration = Duration::from_secs(2);
const LONG: usize = 1_000;
const PROGRESS: Duration = Duration::from_secs(1);

/// One row.
#[derive(Clone, Copy, Default)]
pub struct Row {
    /// Seconds since the first row's beginning.
    pub at: f64,
    /// Clients connected.
    pub clients: usize,
    /// Resident memory of the nodes.
    pub rss_kib: u64,
    /// What arrived since the row before.
    pub deliveries: u64,
    /// Their latencies in microseconds; none when nothing arrived.
    pub p50: Option<f64>,
    /// The 99th percentile.
    pub p99: Option<f64>,
    /// The longest.
    pub max: Option<f64>,
}

/// All rows up to now.
pub struct Timeline {
    rows: Vec<Row>,
    started: Instant,
    sampled: Instant,
    shown: Instant,
    shown_deliveries: u64,
    peak_kib: u64,
    quiet: bool,
}

impl Timeline {
    /// Starts with no row. A quiet one prints nothing.
    pub fn start(quiet: bool) -> Self {
        let now = Instant::now();
        Self {
            rows: Vec::new(),
            started: now,
            sampled: now,
            shown: now,
            shown_deliveries: 0,
            peak_kib: 0,
            quiet,
        }
    }

    /// Adds a row if it is time for one; `latencies` are those since the row before. Tells whether it did.
    pub fn look(
        &mut self,
        servers: &Servers,
        clients: usize,
        latencies: &Histogram,
    ) -> Result<bool, Failure> {
        let interval = if self.rows.len() < LONG { INTERVAL } else { LONG_INTERVAL };
        if self.sampled.elapsed() < interval {
            return Ok(false);
        }
        self.sampled = Instant::now();
        let rss_kib = servers.memory()?.now;
        self.peak_kib = self.peak_kib.max(rss_kib);
        self.rows.push(Row {
            at: self.started.elapsed().as_secs_f64(),
            clients,
            rss_kib,
            deliveries: latencies.count(),
            p50: latencies.percentile(0.5),
            p99: latencies.percentile(0.99),
            max: latencies.max(),
        });
        self.shown_deliveries += latencies.count();
        if self.shown.elapsed() >= PROGRESS {
            self.show();
        }
        Ok(true)
    }

    /// The highest resident memory of any row.
    pub fn peak_kib(&self) -> u64 {
        self.peak_kib
    }

    /// The rows.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    fn show(&mut self) {
        let seconds = self.shown.elapsed().as_secs_f64();
        self.shown = Instant::now();
        let per_second = std::mem::take(&mut self.shown_deliveries) as f64 / seconds;
        let Some(row) = self.rows.last().filter(|_| !self.quiet) else { return };
        let mut line = format!(
            "{:7.1} s  {:6} clients  {:6.1} MiB  {per_second:9.0}/s",
            row.at,
            row.clients,
            row.rss_kib as f64 / 1024.0
        );
        if let (Some(p50), Some(p99)) = (row.p50, row.p99) {
            line += &format!("  p50 {:.2} ms  p99 {:.2} ms", p50 / 1e3, p99 / 1e3);
        }
        // Nobody is there to be told when standard error is closed.
        writeln!(std::io::stderr(), "{line}").ok();
    }

    /// One list for each column.
    pub fn json(&self) -> Value {
        let column = |value: fn(&Row) -> Value| self.rows.iter().map(value).collect::<Vec<_>>();
        json!({
            "at_s": column(|row| json!((row.at * 1e3).round() / 1e3)),
            "clients": column(|row| json!(row.clients)),
            "rss_kib": column(|row| json!(row.rss_kib)),
            "deliveries": column(|row| json!(row.deliveries)),
            "p50_us": column(|row| json!(row.p50)),
            "p99_us": column(|row| json!(row.p99)),
            "max_us": column(|row| json!(row.max)),
        })
    }
}
