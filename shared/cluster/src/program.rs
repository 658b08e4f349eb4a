//! A program that is no node: it puts an event into the cluster and leaves.
//!
//! An event is published **once**. Two copies under two subjects would both be delivered on a node that listens to both,
//! since a program's messages have no numbers by which a copy could be told from the next one.

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt;
use tokio::time::timeout;

use crate::{
    bus::{BusEvent, Closed, OpenBus, PublishError},
    envelope::Event,
    subject::Subjects,
};

/// Why an event is not, or perhaps not, in the cluster.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProgramError {
    /// There was no bus within the time given, and the last reason for that.
    #[error("no connection within {patience:?}: {why}")]
    Away {
        /// The time.
        patience: Duration,
        /// The reason.
        why: String,
    },
    /// It was not published.
    #[error(transparent)]
    NotPublished(#[from] PublishError),
    /// It was published, and may have arrived or not.
    #[error("it is not certain that the event has arrived: {0}")]
    Uncertain(String),
    /// The event is for one socket, by its id, and that is no id of a socket.
    #[error("{0:?} is no socket's id")]
    NoSocket(String),
}

/// Where an event is published: for one room under its subject, for several or for all under the namespace's.
fn subject_of(subjects: &Subjects, event: &Event) -> Arc<str> {
    match &event.rooms[..] {
        [room] => subjects.room(&event.namespace, room),
        _ => subjects.all(&event.namespace),
    }
}

/// Publishes an event over a bus that was opened for this, waits until the server has it, and closes the bus.
///
/// Whether any node had sockets that it was meant for is not told.
///
/// # Errors
/// When the bus is not there within `patience`, or does not take the event.
pub async fn emit(
    bus: OpenBus,
    subjects: &Subjects,
    event: &Event,
    patience: Duration,
) -> Result<(), ProgramError> {
    publish(bus, &subject_of(subjects, event), event, patience).await
}

/// As [`emit`], to one socket: what rooms the event names is replaced.
///
/// # Errors
/// Those of [`emit`], and when the id is none.
pub async fn emit_to_socket(
    bus: OpenBus,
    subjects: &Subjects,
    socket: &str,
    mut event: Event,
    patience: Duration,
) -> Result<(), ProgramError> {
    let inbox = subjects.node_of(socket).ok_or_else(|| ProgramError::NoSocket(socket.to_owned()))?;
    event.rooms = vec![socket.to_owned()];
    publish(bus, &inbox, &event, patience).await
}

async fn publish(
    OpenBus { bus, mut events }: OpenBus,
    subject: &str,
    event: &Event,
    patience: Duration,
) -> Result<(), ProgramError> {
    let payload = serde_json::to_vec(event).expect("invariant: texts and JSON have a JSON form");
    let mut why = "it is still being tried".to_owned();
    let up = async {
        while let Some(event) = events.next().await {
            match event {
                BusEvent::Up => return true,
                BusEvent::Down(reason) => why = reason,
                // Nothing is subscribed to.
                BusEvent::Parcels(_) | BusEvent::Dropped(_) | BusEvent::Lost(_) => {}
            }
        }
        false
    };
    if !timeout(patience, up).await.unwrap_or(false) {
        return Err(ProgramError::Away { patience, why });
    }
    bus.publish(subject, payload.into())?;
    match bus.close().await {
        Closed::Written => Ok(()),
        Closed::Uncertain(why) => Err(ProgramError::Uncertain(why)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::MemoryBus;

    const PATIENCE: Duration = Duration::from_secs(20);

    fn event(rooms: &[&str]) -> Event {
        let event = Event::new("tick", r#"[{"price":1e400}]"#).expect("JSON");
        Event { rooms: rooms.iter().map(|&room| room.to_owned()).collect(), ..event }
    }

    #[test]
    fn an_event_goes_to_the_room_it_is_for_and_for_several_to_the_namespace() {
        let subjects = Subjects::of("natter");
        let subject = |rooms: &[&str]| subject_of(&subjects, &event(rooms)).to_string();
        assert_eq!(subject(&["news"]), "natter.natter.room.%2F.news");
        assert_eq!(subject(&["news", "chat"]), "natter.natter.all.%2F");
        assert_eq!(subject(&[]), "natter.natter.all.%2F");
    }

    #[tokio::test]
    async fn what_is_emitted_arrives_as_it_was_written() {
        let (bus, subjects) = (MemoryBus::new(), Subjects::of("natter"));
        let mut node = bus.open("node");
        let subscribed = node.bus.subscribe(subjects.room("/", "news"));
        subscribed.await.expect("subscribed");
        emit(bus.open("program"), &subjects, &event(&["news"]), PATIENCE).await.expect("emitted");
        loop {
            match node.events.next().await.expect("an event") {
                BusEvent::Parcels(parcels) => {
                    let text = String::from_utf8_lossy(&parcels[0].payload).into_owned();
                    let wanted = r#"{"v":1,"namespace":"/","rooms":["news"],"volatile":false,"event":"tick","data":[{"price":1e400}]}"#;
                    assert_eq!(text, wanted);
                    return;
                }
                BusEvent::Up => {}
                other => panic!("{other:?}"),
            }
        }
    }

    #[tokio::test]
    async fn an_event_for_a_socket_goes_to_its_node_and_names_it() {
        let (bus, subjects) = (MemoryBus::new(), Subjects::of("natter"));
        let id = "8gpW8fAAB0123456789012345678901";
        assert_eq!(subjects.node_of(id).as_deref(), Some("natter.natter.node.8gpW8f"));
        let sent = emit_to_socket(bus.open("program"), &subjects, "a.b", event(&[]), PATIENCE).await;
        assert_eq!(sent, Err(ProgramError::NoSocket("a.b".to_owned())));
        let sent = emit_to_socket(bus.open("program"), &subjects, id, event(&["news"]), PATIENCE).await;
        assert_eq!(sent, Ok(()));
    }

    #[tokio::test]
    async fn a_bus_that_is_away_is_an_error_in_time_and_so_is_too_large_an_event() {
        let (bus, subjects) = (MemoryBus::new(), Subjects::of("natter"));
        let large = Event::new("tick", format!("[{:?}]", "x".repeat(2 << 20))).expect("JSON");
        let sent = emit(bus.open("program"), &subjects, &large, PATIENCE).await;
        assert!(matches!(sent, Err(ProgramError::NotPublished(PublishError::TooLarge { .. }))), "{sent:?}");
        bus.cut_all();
        let sent = emit(bus.open("program"), &subjects, &event(&[]), Duration::from_millis(10)).await;
        assert!(matches!(sent, Err(ProgramError::Away { .. })), "{sent:?}");
    }
}
