//! Latencies, counted by size: 128 steps for each power of two, so that a percentile is off by less than 0.8 %, however
//! many values there are.

/// Values below `STEPS` have a place of their own.
const STEPS: u64 = 128;

/// Larger values (71 minutes in microseconds) count as this one.
const LARGEST: u64 = u32::MAX as u64;

/// How often each value occurred.
#[derive(Clone)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
    max: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; place(LARGEST) + 1], total: 0, max: 0 }
    }
}

impl Histogram {
    /// Counts one value.
    pub fn record(&mut self, value: u64) {
        let value = value.min(LARGEST);
        self.counts[place(value)] += 1;
        self.total += 1;
        self.max = self.max.max(value);
    }

    /// Adds what another has counted.
    pub fn merge(&mut self, other: &Histogram) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.total += other.total;
        self.max = self.max.max(other.max);
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.counts.fill(0);
        self.total = 0;
        self.max = 0;
    }

    /// How many values were counted.
    pub fn count(&self) -> u64 {
        self.total
    }

    /// The value below or at which this share of all lies, rounded up by less than 0.8 %; none of none.
    pub fn percentile(&self, share: f64) -> Option<f64> {
        let rank = ((self.total as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        for (place, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return Some(largest_at(place).min(self.max) as f64);
            }
        }
        None
    }

    /// The largest value; none of none.
    pub fn max(&self) -> Option<f64> {
        (self.total > 0).then_some(self.max as f64)
    }
}

fn place(value: u64) -> usize {
    // Values below STEPS are their own place, and so are those of the first row above it.
    let shift = u64::from((value | STEPS).ilog2() - STEPS.ilog2());
    (shift * STEPS + (value >> shift)) as usize
}

fn largest_at(place: usize) -> u64 {
    let place = place as u64;
    let shift = (place / STEPS).saturating_sub(1);
    let leading = place - shift * STEPS;
    ((leading + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_lies_at_its_place_with_an_error_below_one_in_a_hundred() {
        for value in (0..100_000).chain((0..32).map(|bit| (1 << bit) + 3)) {
            let largest = largest_at(place(value));
            assert!(largest >= value && (largest - value) * 100 <= value, "{value} counts as {largest}");
        }
        assert!((1..100_000).all(|value| place(value) - place(value - 1) <= 1), "no place is left out");
    }

    #[test]
    fn percentiles_of_a_hundred_values_are_these_values() {
        let mut histogram = Histogram::default();
        (1..=100).for_each(|value| histogram.record(value));
        assert_eq!(histogram.percentile(0.5), Some(50.0));
        assert_eq!(histogram.percentile(0.99), Some(99.0));
        assert_eq!(histogram.percentile(0.999), Some(100.0));
        assert_eq!((histogram.percentile(1.0), histogram.max()), (Some(100.0), Some(100.0)));
    }

    #[test]
    fn no_percentile_is_above_the_largest_value() {
        let mut histogram = Histogram::default();
        histogram.record(1_000_001);
        assert_eq!(histogram.percentile(0.5), Some(1_000_001.0));
        histogram.record(u64::MAX);
        assert_eq!(histogram.max(), Some(LARGEST as f64));
    }

    #[test]
    fn nothing_counted_has_no_percentile() {
        let mut histogram = Histogram::default();
        histogram.record(5);
        histogram.clear();
        assert_eq!((histogram.percentile(0.5), histogram.max(), histogram.count()), (None, None, 0));
    }

    #[test]
    fn merging_counts_what_both_counted() {
        let (mut one, mut two) = (Histogram::default(), Histogram::default());
        one.record(1);
        two.record(3);
        two.record(9);
        one.merge(&two);
        assert_eq!((one.count(), one.percentile(0.5), one.max()), (3, Some(3.0), Some(9.0)));
    }
}
