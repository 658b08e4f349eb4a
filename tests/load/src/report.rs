//! The figures of one run, as a table, as JSON and as a picture.

use std::{borrow::Cow, fmt::Write as _, fs, path::Path};

use serde_json::{Map, Value, json};

use crate::{
    failure::{Doing, Failure},
    histogram::Histogram,
    plot,
    timeline::Timeline,
};

/// What one scenario found.
pub struct Report {
    scenario: &'static str,
    settings: Map<String, Value>,
    figures: Vec<Figure>,
    timeline: Option<Timeline>,
}

struct Figure {
    key: String,
    value: Option<f64>,
    text: Cow<'static, str>,
}

impl Report {
    /// An empty report.
    pub fn new(scenario: &'static str) -> Self {
        Self { scenario, settings: Map::new(), figures: Vec::new(), timeline: None }
    }

    /// Notes under which setting the figures were taken.
    pub fn setting(&mut self, key: &'static str, value: impl Into<Value>) {
        self.settings.insert(key.to_owned(), value.into());
    }

    /// Adds a figure: `key` for programs, `text` for people.
    pub fn figure(&mut self, key: impl Into<String>, value: f64, text: impl Into<Cow<'static, str>>) {
        self.maybe(key, Some(value), text);
    }

    /// Adds a figure that may not exist, such as the time of something that did not happen.
    pub fn maybe(&mut self, key: impl Into<String>, value: Option<f64>, text: impl Into<Cow<'static, str>>) {
        self.figures.push(Figure { key: key.into(), value, text: text.into() });
    }

    /// Adds percentiles, their keys ending with `suffix` and `_us`.
    pub fn latency(&mut self, suffix: &str, latency: &Histogram) {
        let of = suffix.trim_start_matches('_');
        for (name, value) in [
            ("p50", latency.percentile(0.5)),
            ("p99", latency.percentile(0.99)),
            ("p99_9", latency.percentile(0.999)),
            ("max", latency.max()),
        ] {
            self.maybe(format!("{name}{suffix}_us"), value, format!("us, {name} {of}").trim_end().to_owned());
        }
    }

    /// Adds the run over time.
    pub fn timeline(&mut self, timeline: Timeline) {
        self.timeline = Some(timeline);
    }

    fn title(&self) -> String {
        let mut title = self.scenario.to_owned();
        for (key, value) in &self.settings {
            let _ = write!(title, "  {key}={value}");
        }
        title
    }

    /// One line for each figure.
    pub fn table(&self) -> String {
        let mut table = self.title();
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

    fn json(&self) -> Value {
        let figures: Map<String, Value> =
            self.figures.iter().map(|figure| (figure.key.clone(), json!(figure.value))).collect();
        json!({
            "scenario": self.scenario,
            "settings": self.settings,
            "figures": figures,
            "timeline": self.timeline.as_ref().map(Timeline::json),
        })
    }

    /// Writes the report as one JSON object: scenario, settings, figures, timeline.
    pub fn write(&self, path: &Path) -> Result<(), Failure> {
        fs::write(path, format!("{:#}\n", self.json())).doing("writing the JSON file")
    }

    /// Writes latency and memory over time as a picture.
    pub fn draw(&self, path: &Path) -> Result<(), Failure> {
        let rows = self.timeline.as_ref().map(Timeline::rows).unwrap_or_default();
        fs::write(path, plot::svg(&self.title(), rows)).doing("writing the SVG file")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_that_does_not_exist_is_null_for_programs_and_a_dash_for_people() {
        let mut report = Report::new("slow");
        report.setting("clients", 10);
        report.maybe("last_cut_s", None, "s until all were cut off");
        report.latency("_before", &Histogram::default());
        assert_eq!(report.json()["figures"]["last_cut_s"], Value::Null);
        assert_eq!(report.json()["figures"]["p99_9_before_us"], Value::Null);
        assert!(report.table().starts_with("slow  clients=10\n"));
        assert!(report.table().contains("-  s until all were cut off"));
    }
}
