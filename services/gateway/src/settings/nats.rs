//! The servers that link a node with others.

use natter::Cluster;

use super::value::{Kind, Value, parts};

/// Addresses of one NATS cluster; none of a node alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Servers(Vec<String>);

impl Servers {
    /// The addresses with commas between; nothing if there are none.
    pub fn given(&self) -> Option<String> {
        (!self.0.is_empty()).then(|| self.0.join(","))
    }
}

impl Value for Servers {
    const KIND: Kind = Kind::List;

    fn parse(text: &str) -> Result<Self, String> {
        match parts(text).collect::<Vec<_>>()[..] {
            [] => Err("it names no server; write \"none\" for a node alone".to_owned()),
            ["none"] => Ok(Self(Vec::new())),
            ref servers => servers.iter().map(|server| checked(server)).collect::<Result<_, _>>().map(Self),
        }
    }

    fn show(&self) -> String {
        if self.0.is_empty() { "none".to_owned() } else { self.0.join(", ") }
    }

    /// Somebody may have written a password into an address.
    fn hide(text: &str) -> String {
        let hidden = |part: &str| match part.rsplit_once('@') {
            Some((before, host)) => {
                let scheme = before.find("://").map_or("", |at| &before[..at + 3]);
                format!("{scheme}...@{host}")
            }
            None => part.to_owned(),
        };
        text.split(',').map(hidden).collect::<Vec<_>>().join(",")
    }
}

fn checked(server: &str) -> Result<String, String> {
    if !server.starts_with("nats://") && !server.starts_with("tls://") {
        return Err(format!(
            "`{}` does not begin with nats:// or tls:// (`none` stands alone)",
            Servers::hide(server)
        ));
    }
    match Cluster::nats(server).check() {
        Ok(()) => Ok(server.to_owned()),
        Err(error) if server.contains('@') => {
            Err(format!("{error}: give `nats_user` and `nats_password_file`, or `nats_token_file`"))
        }
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_addresses_with_commas_between() {
        assert_eq!(Servers::parse("none").map(|servers| servers.given()), Ok(None));
        let two = Servers::parse("nats://a:4222,tls://b").expect("two");
        assert_eq!(
            (two.show().as_str(), two.given().as_deref()),
            ("nats://a:4222, tls://b", Some("nats://a:4222,tls://b"))
        );
        for senseless in ["", "a:4222", "http://a", "nats://", "none, nats://a", "nats://a b", "nats://a, "] {
            let parsed = Servers::parse(senseless);
            // An empty part is as good as none.
            assert_eq!(parsed.is_err(), senseless != "nats://a, ", "{senseless:?}: {parsed:?}");
        }
    }

    #[test]
    fn a_password_in_an_address_is_refused_and_not_repeated() {
        for address in ["nats://ann:hunter2@a", "nats://hunter2@a", "ann:hunter2@a", "nats://ann:hunter2@a b"]
        {
            let why = Servers::parse(address).expect_err(address);
            assert!(!why.contains("hunter2"), "{why}");
            let shown = Servers::hide(&format!("nats://b, {address}"));
            assert!(!shown.contains("hunter2") && shown.contains("nats://b,"), "{shown}");
        }
        let why = Servers::parse("nats://ann:hunter2@a").expect_err("a refusal");
        assert!(why.contains("`nats_password_file`"), "{why}");
    }
}
