//! The transports that a node offers.

use natter::TransportKind;

use super::{
    nearest::nearest,
    value::{Kind, Value, parts},
};

/// Not empty, each once, in the order given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transports(pub Vec<TransportKind>);

const NAMES: [(&str, TransportKind); 2] =
    [("polling", TransportKind::Polling), ("websocket", TransportKind::Websocket)];

impl Value for Transports {
    const KIND: Kind = Kind::List;

    fn parse(text: &str) -> Result<Self, String> {
        let mut offered = Vec::new();
        for part in parts(text) {
            let Some((_, kind)) = NAMES.iter().find(|(name, _)| *name == part) else {
                let hint = nearest(part, NAMES.map(|(name, _)| name));
                let hint = hint.map_or_else(
                    || "polling or websocket".to_owned(),
                    |name| format!("did you mean `{name}`?"),
                );
                return Err(format!("there is no transport `{part}`; {hint}"));
            };
            if !offered.contains(kind) {
                offered.push(*kind);
            }
        }
        if offered.is_empty() { Err("it names no transport".to_owned()) } else { Ok(Self(offered)) }
    }

    fn show(&self) -> String {
        let name = |kind| NAMES.iter().find(|(_, known)| known == kind).map_or("", |(name, _)| name);
        self.0.iter().map(name).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transport_is_named_once_and_by_its_right_name() {
        assert_eq!(
            Transports::parse("websocket,websocket").map(|offered| offered.show()),
            Ok("websocket".to_owned())
        );
        assert!(Transports::parse("web-socket").unwrap_err().contains("did you mean `websocket`?"));
        assert!(Transports::parse("carrier pigeon").is_err());
        assert!(Transports::parse(" , ").is_err());
    }
}
