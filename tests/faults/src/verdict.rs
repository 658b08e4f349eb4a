//! The promises, and whether they were kept.

use serde::Serialize;

use crate::account::Account;
use crate::course::Course;
use crate::watch::Memory;

/// What a node may take more at its worst moment than before the fault.
pub const MEMORY: u64 = 64 << 20;

/// A promise with its figure.
#[derive(Clone, Debug, Serialize)]
pub struct Promise {
    pub what: String,
    pub figure: String,
    pub kept: bool,
}

/// The most that any node took more than before, in bytes.
pub fn growth(memory: &[Memory]) -> u64 {
    memory.iter().map(|memory| memory.peak.saturating_sub(memory.before)).max().unwrap_or(0)
}

/// All promises of a run.
pub fn promises(account: &Account, course: &Course, memory: &[Memory]) -> Vec<Promise> {
    let none = |what: &str, count: u64| Promise {
        what: what.to_owned(),
        figure: count.to_string(),
        kept: count == 0,
    };
    let mut promises = vec![
        none("repeated", account.repeated),
        none("out of order", account.out_of_order),
        none("lost where or when the fault was not", account.lost_elsewhere),
        none("older than 3 s on arrival", account.stale),
        none("events that nobody sent", account.strange),
        none("ghosts in answers", account.ghosts),
        none("members cut off by other nodes", account.cut_elsewhere),
        none("members cut off without a word", account.untold),
        none("emitters that a member hears no more", account.silent),
    ];
    promises.extend(course.timings.iter().map(|timing| Promise {
        what: format!("{} within {} s", timing.what, timing.limit.as_secs_f64()),
        figure: format!("{:.2} s", timing.took.as_secs_f64()),
        kept: timing.kept(),
    }));
    let growth = growth(memory);
    promises.push(Promise {
        what: format!("no node takes {} MiB more", MEMORY >> 20),
        figure: format!("{:.1} MiB", growth as f64 / f64::from(1 << 20)),
        kept: growth < MEMORY,
    });
    promises
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quiet_run_keeps_every_promise_and_one_wrong_figure_breaks_one() {
        let mut course = Course::default();
        course.took("noticed", std::time::Duration::from_secs(2), 3_000);
        let broken = |account: &Account, peak| {
            let memory = [Memory { before: 1, peak, after: 1 }];
            promises(account, &course, &memory).iter().filter(|promise| !promise.kept).count()
        };
        assert_eq!(broken(&Account::default(), 1), 0);
        assert_eq!(broken(&Account { lost: 9, ..Account::default() }, 1), 0, "what the fault excuses");
        assert_eq!(broken(&Account { repeated: 1, ..Account::default() }, 1), 1);
        assert_eq!(broken(&Account::default(), MEMORY + 1), 1);
    }
}
