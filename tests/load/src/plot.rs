//! A run as a picture: latency above, memory below, both over time. SVG, made of text only.

use std::fmt::Write as _;

use crate::timeline::Row;

const WIDTH: f64 = 760.0;
const PANEL: f64 = 190.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 90.0;
const TOP: f64 = 46.0;
const GAP: f64 = 50.0;

struct Line {
    name: &'static str,
    colour: &'static str,
    value: fn(&Row) -> Option<f64>,
}

/// In milliseconds; on a logarithmic scale, since the slowest may be a thousand times the median.
const LATENCY: [Line; 3] = [
    Line { name: "max", colour: "#b9770e", value: |row| row.max.map(millis) },
    Line { name: "p99", colour: "#c0392b", value: |row| row.p99.map(millis) },
    Line { name: "p50", colour: "#1f618d", value: |row| row.p50.map(millis) },
];

const MEMORY: [Line; 1] =
    [Line { name: "resident", colour: "#1e8449", value: |row| Some(row.rss_kib as f64 / 1024.0) }];

fn millis(micros: f64) -> f64 {
    micros.max(1.0) / 1e3
}

/// The whole picture.
pub fn svg(title: &str, rows: &[Row]) -> String {
    let height = TOP + 2.0 * PANEL + 2.0 * GAP;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"{LEFT}\" y=\"20\" font-size=\"14\">{}</text>\n",
        escaped(title)
    );
    let seconds = rows.last().map_or(1.0, |row| row.at).max(0.25);
    panel(
        &mut out,
        TOP,
        "latency, ms",
        rows,
        seconds,
        &LATENCY,
        &Scale::logarithmic(&values(rows, &LATENCY)),
    );
    let memory = Scale::linear(&values(rows, &MEMORY));
    panel(&mut out, TOP + PANEL + GAP, "memory, MiB", rows, seconds, &MEMORY, &memory);
    let _ = writeln!(out, "<text x=\"{LEFT}\" y=\"{}\">seconds</text>\n</svg>", height - 10.0);
    out
}

fn values(rows: &[Row], lines: &[Line]) -> Vec<f64> {
    lines.iter().flat_map(|line| rows.iter().filter_map(line.value)).collect()
}

/// From a value to a height between 0 (bottom) and 1, with the values that are written at the axis.
struct Scale {
    low: f64,
    high: f64,
    logarithmic: bool,
}

impl Scale {
    /// From 0 to a round number above all values.
    fn linear(values: &[f64]) -> Self {
        Self { low: 0.0, high: rounded_up(values.iter().copied().fold(1.0, f64::max)), logarithmic: false }
    }

    /// From a power of ten to a power of ten.
    fn logarithmic(values: &[f64]) -> Self {
        let low = values.iter().copied().fold(f64::MAX, f64::min).min(1.0).log10().floor();
        let high = values.iter().copied().fold(1.0, f64::max).log10().ceil();
        Self { low, high: high.max(low + 1.0), logarithmic: true }
    }

    fn height(&self, value: f64) -> f64 {
        let value = if self.logarithmic { value.log10() } else { value };
        (value - self.low) / (self.high - self.low)
    }

    fn ticks(&self) -> Vec<f64> {
        if self.logarithmic {
            (self.low as i32..=self.high as i32).map(|power| 10f64.powi(power)).collect()
        } else {
            (0..=4).map(|quarter| self.high * f64::from(quarter) / 4.0).collect()
        }
    }
}

/// The next of 1, 2, 4, 8, 10, 20 ... above a value.
fn rounded_up(value: f64) -> f64 {
    let power = 10f64.powf(value.log10().floor());
    [1.0, 2.0, 4.0, 8.0, 10.0]
        .into_iter()
        .map(|step| step * power)
        .find(|round| *round >= value)
        .unwrap_or(value)
}

fn panel(out: &mut String, top: f64, title: &str, rows: &[Row], seconds: f64, lines: &[Line], scale: &Scale) {
    let right = WIDTH - RIGHT;
    let x = |at: f64| LEFT + (right - LEFT) * at / seconds;
    let y = |value: f64| top + PANEL * (1.0 - scale.height(value));
    let _ = writeln!(out, "<text x=\"{LEFT}\" y=\"{}\" font-weight=\"bold\">{title}</text>", top - 8.0);
    for tick in scale.ticks() {
        let height = y(tick);
        let _ = writeln!(
            out,
            "<path d=\"M{LEFT} {height:.1}H{right}\" stroke=\"#ddd\"/><text x=\"{}\" y=\"{:.1}\" \
             text-anchor=\"end\">{tick}</text>",
            LEFT - 6.0,
            height + 4.0
        );
    }
    for quarter in 0..=4 {
        let at = seconds * f64::from(quarter) / 4.0;
        let _ = writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{at:.1}</text>",
            x(at),
            top + PANEL + 16.0
        );
    }
    for (index, line) in lines.iter().enumerate() {
        let points: Vec<String> = rows
            .iter()
            .filter_map(|row| (line.value)(row).map(|value| format!("{:.1},{:.1}", x(row.at), y(value))))
            .collect();
        let _ = writeln!(
            out,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"/>\
             <text x=\"{}\" y=\"{}\" fill=\"{colour}\">{}</text>",
            points.join(" "),
            right + 8.0,
            top + 14.0 + 16.0 * index as f64,
            line.name,
            colour = line.colour,
        );
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_has_a_point_for_each_row_that_has_a_value() {
        let row = |at, p50| Row { at, rss_kib: 2048, p50, p99: p50, max: p50, ..Row::default() };
        let svg = svg("echo <1>", &[row(0.25, Some(500.0)), row(0.5, None), row(0.75, Some(90_000.0))]);
        let points: Vec<usize> = svg
            .lines()
            .filter(|line| line.starts_with("<polyline"))
            .map(|line| line.matches(',').count())
            .collect();
        assert_eq!(points, [2, 2, 2, 3]);
        assert!(svg.contains("echo &lt;1&gt;") && svg.ends_with("</svg>\n") && !svg.contains("NaN"));
    }

    #[test]
    fn a_run_without_rows_is_an_empty_picture() {
        let svg = svg("idle", &[]);
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }

    #[test]
    fn the_axes_end_at_round_numbers() {
        assert_eq!([0.3, 1.0, 3.0, 8.1, 130.0].map(rounded_up), [0.4, 1.0, 4.0, 10.0, 200.0]);
        let scale = Scale::logarithmic(&[0.3, 40.0]);
        assert_eq!(scale.ticks(), [0.1, 1.0, 10.0, 100.0]);
        assert!((scale.height(0.1) - 0.0).abs() < 1e-9 && (scale.height(100.0) - 1.0).abs() < 1e-9);
    }
}
