//! What every event carries in front of its filling: when it was due, which of its sender's events it is, and whose.
//!
//! Digits of fixed width in a JSON string, so that a receiver finds them without a parser and the size never varies.

use std::io::Write as _;

const AT: usize = 14;
const NUMBER: usize = 10;
const SENDER: usize = 6;
/// The shortest payload.
const SIZE: usize = AT + NUMBER + SENDER;

/// Where an event comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// When it was due, on the run's clock.
    pub at: u64,
    /// How many its sender sent before it on the same way (to the same room, say).
    pub number: u64,
    /// The sender.
    pub sender: usize,
}

impl Stamp {
    /// The packet `42["event","to","<stamp and filling>"]`; `to` is a room or a socket's id, where the event has one.
    pub fn packet(&self, event: &str, to: Option<&str>, size: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(size + 64);
        self.write(&mut out, "", event, to, size);
        out
    }

    /// The same with an ack id: `421["event","<stamp and filling>"]`.
    pub fn packet_with_ack(&self, ack: u64, event: &str, size: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(size + 64);
        self.write(&mut out, &ack.to_string(), event, None, size);
        out
    }

    fn write(&self, out: &mut Vec<u8>, ack: &str, event: &str, to: Option<&str>, size: usize) {
        for part in ["42", ack, "[\"", event] {
            out.extend_from_slice(part.as_bytes());
        }
        for part in to.iter().flat_map(|to| ["\",\"", to]) {
            out.extend_from_slice(part.as_bytes());
        }
        out.extend_from_slice(b"\",\"");
        let start = out.len();
        // Writing to a vector cannot fail.
        let _ = write!(out, "{:0AT$}{:0NUMBER$}{:0SENDER$}", self.at, self.number, self.sender);
        out.resize(start + size.max(SIZE), b'x');
        out.extend_from_slice(b"\"]");
    }

    /// The stamp of an event `["name","<stamp and filling>"]`; none of any other event.
    pub fn of(event: &[u8], name: &str) -> Option<Self> {
        let rest = event.strip_prefix(b"[\"")?.strip_prefix(name.as_bytes())?.strip_prefix(b"\",\"")?;
        let digits = rest.get(..SIZE)?;
        let number = |from: usize, width: usize| digits_in(&digits[from..from + width]);
        Some(Self {
            at: number(0, AT)?,
            number: number(AT, NUMBER)?,
            sender: usize::try_from(number(AT + NUMBER, SENDER)?).ok()?,
        })
    }
}

fn digits_in(text: &[u8]) -> Option<u64> {
    text.iter()
        .try_fold(0, |number, byte| byte.is_ascii_digit().then(|| number * 10 + u64::from(byte - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_comes_back_with_the_stamp_it_was_sent_with() {
        let stamp = Stamp { at: 12_345_678, number: 42, sender: 7 };
        let text = String::from_utf8(stamp.packet("room", Some("news"), 64)).unwrap();
        let event = text.strip_prefix("42").unwrap().replace("\"room\",\"news\"", "\"r\"");
        assert_eq!(Stamp::of(event.as_bytes(), "r"), Some(stamp));
        assert_eq!(event.len(), "[\"r\",\"\"]".len() + 64);
        assert_eq!(Stamp::of(event.as_bytes(), "b"), None);
    }

    #[test]
    fn what_is_no_stamp_is_none() {
        for event in ["", "[\"b\"]", "[\"b\",\"12\"]", "[\"b\",\"0000000000000x000000000000000000\"]"] {
            assert_eq!(Stamp::of(event.as_bytes(), "b"), None, "{event}");
        }
    }

    #[test]
    fn no_payload_is_shorter_than_its_stamp() {
        let stamp = Stamp { at: 0, number: 0, sender: 0 };
        assert_eq!(stamp.packet("broadcast", None, 1).len(), "42[\"broadcast\",\"\"]".len() + SIZE);
        assert_eq!(stamp.packet_with_ack(17, "echo", 1).len(), "4217[\"echo\",\"\"]".len() + SIZE);
    }
}
