//! What one sweep over the subscriptions has brought, read and put in the order in which each sender sent it. Pure but
//! for its counters.

use std::sync::Arc;

use bytes::Bytes;

use crate::{
    bus::Parcel,
    counters::{Counters, bump},
    envelope::{self, Received, Unreadable},
};

/// A parcel that could be read.
pub(crate) struct Letter<'a> {
    pub subject: &'a Arc<str>,
    pub payload: &'a Bytes,
    pub received: Received<'a>,
}

/// Reads all parcels; what can't be read is counted and left out.
///
/// Inside a sweep the parcels of different subjects come in no particular order, but of one sender none is missing that
/// should come before another one. So sorting by the sender's own numbers restores its order.
/// There may be many of them, so `beat` is called with each.
pub(crate) fn read<'a>(
    parcels: &'a [Parcel],
    cluster: &str,
    counters: &Counters,
    mut beat: impl FnMut(),
) -> Vec<Letter<'a>> {
    let mut letters = Vec::with_capacity(parcels.len());
    for Parcel { subject, payload } in parcels {
        beat();
        bump(&counters.received);
        match envelope::read(payload, cluster) {
            Ok(received) => letters.push(Letter { subject, payload, received }),
            Err(why) => bump(match why {
                Unreadable::Malformed => &counters.malformed,
                Unreadable::Newer => &counters.newer,
                Unreadable::Foreign => &counters.foreign,
            }),
        }
    }
    letters.sort_by_key(|letter| match &letter.received {
        // Programs have no numbers: what they say stays as it came, subject by subject.
        Received::Program(_) => None,
        Received::Node(envelope) => Some((envelope.tag, envelope.stamp.epoch, envelope.stamp.seq)),
    });
    letters
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        envelope::{Letterhead, Stamp, encode},
        identity::Epoch,
        message::Message,
    };

    #[test]
    fn each_senders_messages_are_in_its_own_order_whatever_their_subjects() {
        let parcel = |subject: &str, node: &str, seq| Parcel {
            subject: subject.into(),
            payload: Letterhead::of("c", node)
                .seal(Stamp { epoch: Epoch::at(1), seq, nth: 1 }, &encode(&Message::Goodbye)),
        };
        let parcels = [
            parcel("one", "ann", 2),
            parcel("one", "ann", 300),
            parcel("two", "ann", 1),
            parcel("two", "bob", 7),
            parcel("three", "ann", 299),
            parcel("three", "bob", 6),
            Parcel { subject: "three".into(), payload: Bytes::from_static(b"\xc1") },
        ];
        let counters = Counters::default();
        let order: Vec<_> = read(&parcels, "c", &counters, || {})
            .iter()
            .map(|letter| match &letter.received {
                Received::Node(envelope) => (envelope.node, envelope.stamp.seq),
                Received::Program(_) => panic!("there is none"),
            })
            .collect();
        let of = |node| order.iter().filter(|it| it.0 == node).map(|it| it.1).collect::<Vec<_>>();
        assert_eq!(of("ann"), [1, 2, 299, 300]);
        assert_eq!(of("bob"), [6, 7]);
        let counted = counters.snapshot();
        assert_eq!((counted.received, counted.malformed), (7, 1));
    }
}
