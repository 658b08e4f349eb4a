//! The reports as one table.

use crate::run::{Figures, Report};
use crate::verdict::growth;

const HEAD: [&str; 14] = [
    "fault",
    "run",
    "sent",
    "arrived",
    "lost",
    "elsewhere",
    "rep.",
    "order",
    "stale",
    "gap s",
    "other gap",
    "ghosts",
    "+MiB",
    "result",
];

/// One line for each run, and below it what took how long and which promises were broken.
pub fn table(reports: &[Report]) -> String {
    let rows: Vec<[String; 14]> = reports.iter().map(row).collect();
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].len());
        cells.chain([HEAD[column].len()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..HEAD.len()).map(width).collect();
    let line = |cells: &[String]| {
        let cells = cells.iter().zip(&widths).enumerate().map(|(column, (cell, width))| {
            if column == 0 { format!("{cell:width$}") } else { format!("{cell:>width$}") }
        });
        cells.collect::<Vec<_>>().join("  ")
    };
    let mut lines = vec![line(&HEAD.map(str::to_owned))];
    for (report, row) in reports.iter().zip(&rows) {
        lines.push(line(row));
        lines.extend(remarks(report).into_iter().map(|remark| format!("    {remark}")));
    }
    lines.join("\n")
}

fn row(report: &Report) -> [String; 14] {
    let result = if report.good() {
        "kept"
    } else if report.figures.is_some() {
        "BROKEN"
    } else {
        "NOT RUN"
    };
    let mut row: [String; 14] = std::array::from_fn(|_| String::new());
    row[0].clone_from(&report.fault);
    row[1] = report.run.to_string();
    row[13] = result.to_owned();
    if let Some(Figures { account, memory, .. }) = &report.figures {
        let counts = [
            account.sent,
            account.arrived,
            account.lost,
            account.lost_elsewhere,
            account.repeated,
            account.out_of_order,
            account.stale,
        ];
        for (cell, count) in row[2..].iter_mut().zip(counts) {
            *cell = count.to_string();
        }
        row[9] = format!("{:.2}", account.gap);
        row[10] = format!("{:.2}", account.gap_elsewhere);
        row[11] = account.ghosts.to_string();
        row[12] = format!("{:.1}", growth(memory) as f64 / f64::from(1 << 20));
    }
    row
}

fn remarks(report: &Report) -> Vec<String> {
    let Some(figures) = &report.figures else {
        return report.failure.iter().map(|why| format!("not run: {why}")).collect();
    };
    let Figures { account, timings, counters, own_pause, promises, .. } = figures;
    let timings = timings.iter().map(|timing| format!("{} {:.2} s", timing.what, timing.took.as_secs_f64()));
    let mut parts: Vec<String> = timings.collect();
    if account.told + account.torn > 0 {
        parts.push(format!(
            "{} members told, {} torn off, away for {:.2} s at most",
            account.told, account.torn, account.absence
        ));
    }
    parts.push(format!(
        "{} answers, {} partial, slowest {:.2} s",
        account.answers, account.partial, account.slowest_answer
    ));
    parts.push(format!("oldest event {:.2} s, own pause {own_pause:.2} s", account.oldest));
    let mut remarks = vec![parts.join("; ")];
    let gauges = ["members", "subscriptions", "requests", "published", "received", "delivered"];
    let mut sums = std::collections::BTreeMap::new();
    for (name, count) in counters.values().flatten().filter(|(name, _)| !gauges.contains(&name.as_str())) {
        *sums.entry(name).or_insert(0) += count;
    }
    let counted = sums.iter().filter(|(_, count)| **count > 0).map(|(name, count)| format!("{name} {count}"));
    remarks.push(format!("counted: {}", counted.collect::<Vec<_>>().join(", ")));
    let broken = promises.iter().filter(|promise| !promise.kept);
    remarks.extend(broken.map(|promise| format!("BROKEN: {}: {}", promise.what, promise.figure)));
    remarks
}
