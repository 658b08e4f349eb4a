//! A healthy client beside the bad ones.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::{Heard, Message, PATIENCE, SOCKET_IO, Session, Testbed, WebSocketSession};

/// A Socket.IO client with a thread of its own that answers every heartbeat, so that it is only ever lost if the server
/// harms it.
pub struct Witness {
    questions: Option<Sender<Sender<Duration>>>,
    thread: Option<JoinHandle<String>>,
}

impl Witness {
    /// Connects to `/`.
    #[track_caller]
    pub fn of(testbed: &Testbed) -> Self {
        let mut session = testbed.open_websocket(SOCKET_IO);
        session.connect_namespace("/");
        let (questions, asked) = mpsc::channel();
        let thread = thread::spawn(move || {
            let mut waiting: Vec<(Instant, Sender<Duration>)> = Vec::new();
            loop {
                match asked.recv_timeout(Duration::ZERO) {
                    Ok(answer) => {
                        waiting.push((Instant::now(), answer));
                        session.send(r#"27["echo","well"]"#);
                    }
                    Err(RecvTimeoutError::Disconnected) => return "dismissed".to_owned(),
                    Err(RecvTimeoutError::Timeout) => {}
                }
                if let Some(end) = hear(&mut session, &mut waiting) {
                    return end;
                }
            }
        });
        Self { questions: Some(questions), thread: Some(thread) }
    }

    /// Gets an echo through the server; returns how long it took.
    #[track_caller]
    pub fn echo(&mut self) -> Duration {
        let (answer, answered) = mpsc::channel();
        let asked = self.questions.as_ref().is_some_and(|questions| questions.send(answer).is_ok());
        match answered.recv_timeout(PATIENCE) {
            Ok(time) if asked => time,
            _ => {
                self.questions = None;
                let end = self.thread.take().map(|thread| thread.join());
                panic!("a healthy client got no echo: {end:?}");
            }
        }
    }
}

/// Listens for a moment; the reason if that was the last one.
fn hear(session: &mut WebSocketSession, waiting: &mut Vec<(Instant, Sender<Duration>)>) -> Option<String> {
    match session.listen(Instant::now() + Duration::from_millis(5)) {
        Heard::Silence => None,
        Heard::Closed(ending) => Some(format!("its connection was closed: {ending:?}")),
        Heard::Packet(Message::Text(text)) if text == "2" => {
            session.send_packet("3");
            None
        }
        Heard::Packet(Message::Text(text)) if text == r#"437["well"]"# => {
            let (since, answer) = waiting.remove(0);
            // Who asked may have given up.
            let _ = answer.send(since.elapsed());
            None
        }
        // Broadcasts of others.
        Heard::Packet(_) => None,
    }
}
