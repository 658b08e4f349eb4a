//! The figures of one run, as a table and as JSON.

use std::{fmt::Write as _, fs, path::Path};

use serde_json::{Map, Value, json};

use crate::failure::{Doing, Failure};

/// What one scenario found.
pub struct Report {
    scenario: &'static str,
    settings: Map<String, Value>,
    figures: Vec<Figure>,
}

struct Figure {
    key: &'static str,
    value: Option<f64>,
    text: &'static str,
}

impl Report {
    /// An empty report.
    pub fn new(scenario: &'static str) -> Self {
        Self { scenario, settings: Map::new(), figures: Vec::new() }
    }

    /// Notes under which setting the figures were taken.
    pub fn setting(&mut self, key: &'static str, value: impl Into<Value>) {
        self.settings.insert(key.to_owned(), value.into());
    }

    /// Adds a figure: `key` for programs, `text` for people.
    pub fn figure(&mut self, key: &'static str, value: f64, text: &'static str) {
        self.figures.push(Figure { key, value: Some(value), text });
    }

    /// Adds a figure that may not exist, such as the time of something that did not happen.
    pub fn maybe(&mut self, key: &'static str, value: Option<f64>, text: &'static str) {
        self.figures.push(Figure { key, value, text });
    }

    /// One line for each figure.
    pub fn table(&self) -> String {
        let mut table = self.scenario.to_owned();
        for (key, value) in &self.settings {
            let _ = write!(table, "  {key}={value}");
        }
        for Figure { value, text, .. } in &self.figures {
            match value {
                Some(value) => {
                    let _ = write!(table, "\n  {value:>14.2}  {text}");
                }
                None => {
                    let _ = write!(table, "\n  {:>14}  {text}", "-");
                }
            }
        }
        table
    }

    /// Writes the report as one JSON object: scenario, settings, figures.
    pub fn write(&self, path: &Path) -> Result<(), Failure> {
        let figures: Map<String, Value> =
            self.figures.iter().map(|figure| (figure.key.to_owned(), json!(figure.value))).collect();
        let report = json!({"scenario": self.scenario, "settings": self.settings, "figures": figures});
        fs::write(path, format!("{report:#}\n")).doing("writing the JSON file")
    }
}

/// The value below which `share` of the sorted values lie; none of none.
pub fn percentile(sorted: &[u32], share: f64) -> Option<f64> {
    let rank = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).map(|value| f64::from(*value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let sorted: Vec<u32> = (1..=100).collect();
        assert_eq!(percentile(&sorted, 0.5), Some(50.0));
        assert_eq!(percentile(&sorted, 0.99), Some(99.0));
        assert_eq!(percentile(&[7], 0.99), Some(7.0));
        assert_eq!(percentile(&[], 0.5), None);
    }
}
