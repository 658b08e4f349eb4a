//! What a bus has to tell and nobody has taken yet, in a bounded amount of memory. Pure.

use std::collections::VecDeque;

use crate::bus::{BusEvent, Parcel};

/// What a parcel is taken to cost besides its payload.
const PARCEL: usize = 128;

/// Changes of state that are kept apart. A taker that misses more of them learns where they have led to.
const EVENTS: usize = 64;

/// Events in the order in which they happened. Between two changes of state there is at most one event of each kind,
/// which grows until it is taken.
pub(crate) struct Untaken {
    events: VecDeque<BusEvent>,
    bytes: usize,
    most: usize,
}

impl Untaken {
    /// Keeps at most this many bytes of parcels; a single larger one passes alone.
    pub(crate) fn new(most: usize) -> Self {
        Self { events: VecDeque::new(), bytes: 0, most }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Adds a parcel to the sweep that waits, or counts it when there is no place.
    ///
    /// Two sweeps become one that way, which keeps what [`BusEvent::Parcels`] promises; one could not be made two.
    pub(crate) fn arrived(&mut self, parcel: Parcel) {
        let cost = cost(&parcel);
        if self.bytes > 0 && self.bytes + cost > self.most {
            self.dropped(1);
            return;
        }
        self.bytes += cost;
        let sweep = self.since_last_change().find_map(|event| match event {
            BusEvent::Parcels(parcels) => Some(parcels),
            _ => None,
        });
        match sweep {
            Some(parcels) => parcels.push(parcel),
            None => self.events.push_back(BusEvent::Parcels(vec![parcel])),
        }
    }

    /// So many were not kept, here or before they came here.
    pub(crate) fn dropped(&mut self, count: u64) {
        let known = self.since_last_change().find_map(|event| match event {
            BusEvent::Dropped(known) => Some(known),
            _ => None,
        });
        match known {
            Some(known) => *known += count,
            None if count > 0 => self.events.push_back(BusEvent::Dropped(count)),
            None => {}
        }
    }

    /// The bus is up.
    pub(crate) fn up(&mut self) {
        self.events.push_back(BusEvent::Up);
        self.shorten();
    }

    /// The bus is down, for this reason, and so many messages were lost by it.
    pub(crate) fn down(&mut self, reason: String, lost: u64) {
        if let Some(BusEvent::Down(_)) = self.events.back() {
            self.events.pop_back();
        }
        if lost > 0 {
            self.events.push_back(BusEvent::Lost(lost));
        }
        self.events.push_back(BusEvent::Down(reason));
        self.shorten();
    }

    /// Everything the other one holds happened after what is here.
    pub(crate) fn append(&mut self, later: Self) {
        for event in later.events {
            match event {
                BusEvent::Parcels(parcels) => parcels.into_iter().for_each(|parcel| self.arrived(parcel)),
                BusEvent::Dropped(count) => self.dropped(count),
                other => self.events.push_back(other),
            }
        }
        self.shorten();
    }

    /// Takes the oldest event.
    pub(crate) fn take(&mut self) -> Option<BusEvent> {
        let event = self.events.pop_front()?;
        if let BusEvent::Parcels(parcels) = &event {
            self.bytes -= parcels.iter().map(cost).sum::<usize>();
        }
        Some(event)
    }

    fn since_last_change(&mut self) -> impl Iterator<Item = &mut BusEvent> {
        self.events.iter_mut().rev().take_while(|event| !matches!(event, BusEvent::Up | BusEvent::Down(_)))
    }

    /// Of a taker that is this far behind nothing is hidden but the way: counts, an outage, and whether it has ended.
    fn shorten(&mut self) {
        if self.events.len() <= EVENTS {
            return;
        }
        let changes = |event: &&BusEvent| matches!(event, BusEvent::Up | BusEvent::Down(_));
        let up = matches!(self.events.iter().rev().find(changes), Some(BusEvent::Up));
        let (mut dropped, mut lost, mut why) = (0, 0, String::new());
        for event in self.events.drain(..) {
            match event {
                BusEvent::Parcels(parcels) => dropped += parcels.len() as u64,
                BusEvent::Dropped(count) => dropped += count,
                BusEvent::Lost(count) => lost += count,
                BusEvent::Down(reason) => why = reason,
                BusEvent::Up => {}
            }
        }
        self.bytes = 0;
        self.dropped(dropped);
        self.down(why, lost);
        if up {
            self.events.push_back(BusEvent::Up);
        }
    }
}

fn cost(parcel: &Parcel) -> usize {
    PARCEL + parcel.payload.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parcel(payload: &'static str) -> Parcel {
        Parcel { subject: "s".into(), payload: payload.as_bytes().into() }
    }

    fn all(mut untaken: Untaken) -> Vec<String> {
        std::iter::from_fn(move || untaken.take())
            .map(|event| match event {
                BusEvent::Parcels(parcels) => {
                    let payloads: Vec<_> =
                        parcels.iter().map(|it| String::from_utf8_lossy(&it.payload).into_owned()).collect();
                    payloads.join("+")
                }
                other => format!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn what_is_not_taken_grows_into_one_sweep_between_two_changes_of_state() {
        let mut untaken = Untaken::new(1_000_000);
        untaken.up();
        untaken.arrived(parcel("a"));
        untaken.arrived(parcel("b"));
        untaken.dropped(0);
        untaken.down("gone".into(), 0);
        untaken.up();
        untaken.arrived(parcel("c"));
        assert_eq!(all(untaken), ["Up", "a+b", "Down(\"gone\")", "Up", "c"]);
    }

    #[test]
    fn parcels_beyond_the_bound_are_counted_until_some_are_taken() {
        let mut untaken = Untaken::new(2 * (PARCEL + 1));
        for payload in ["a", "b", "c", "d"] {
            untaken.arrived(parcel(payload));
        }
        assert!(matches!(untaken.take(), Some(BusEvent::Parcels(parcels)) if parcels.len() == 2));
        untaken.arrived(parcel("e"));
        assert_eq!(all(untaken), ["Dropped(2)", "e"]);
    }

    #[test]
    fn a_parcel_larger_than_the_bound_passes_alone() {
        let mut untaken = Untaken::new(1);
        untaken.arrived(parcel("large"));
        untaken.arrived(parcel("b"));
        assert_eq!(all(untaken), ["large", "Dropped(1)"]);
    }

    #[test]
    fn messages_that_were_lost_are_told_before_the_outage_and_only_the_last_reason_is_kept() {
        let mut untaken = Untaken::new(1);
        untaken.down("refused".into(), 0);
        untaken.down("wrong password".into(), 3);
        assert_eq!(all(untaken), ["Lost(3)", "Down(\"wrong password\")"]);
    }

    #[test]
    fn a_taker_that_misses_many_outages_learns_their_counts_and_where_they_have_led_to() {
        let mut untaken = Untaken::new(1_000_000);
        for _ in 0..1_000 {
            untaken.up();
            untaken.arrived(parcel("a"));
            untaken.down("gone".into(), 1);
        }
        untaken.up();
        assert!(untaken.events.len() <= EVENTS + 2);
        let (mut parcels, mut dropped, mut lost, mut last) = (0, 0, 0, String::new());
        while let Some(event) = untaken.take() {
            last = format!("{event:?}");
            match event {
                BusEvent::Parcels(them) => parcels += them.len() as u64,
                BusEvent::Dropped(count) => dropped += count,
                BusEvent::Lost(count) => lost += count,
                BusEvent::Up | BusEvent::Down(_) => {}
            }
        }
        assert_eq!((parcels + dropped, lost, last.as_str()), (1_000, 1_000, "Up"));
        assert_eq!(untaken.bytes, 0);
    }

    #[test]
    fn what_came_before_the_bus_was_up_is_told_after_it() {
        let mut early = Untaken::new(1_000);
        early.arrived(parcel("a"));
        let mut untaken = Untaken::new(1_000);
        untaken.up();
        untaken.append(early);
        untaken.arrived(parcel("b"));
        assert_eq!(all(untaken), ["Up", "a+b"]);
    }
}
