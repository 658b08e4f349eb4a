//! What an acknowledgement carries.

use serde::Serialize;

use super::denied::Denied;

/// `{"ok":true}` with what else was asked for, or `{"ok":false,"error":"why not"}`.
#[derive(Debug, Serialize)]
pub struct Answer<T> {
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(flatten)]
    more: Option<T>,
}

impl<T> From<Result<T, Denied>> for Answer<T> {
    fn from(result: Result<T, Denied>) -> Self {
        match result {
            Ok(more) => Self { ok: true, error: None, more: Some(more) },
            Err(why) => Self { ok: false, error: Some(why.to_string()), more: None },
        }
    }
}

/// Nothing but `ok`.
#[derive(Debug, Serialize)]
pub struct Done {}

#[cfg(test)]
mod tests {
    use super::*;

    fn json<T: Serialize>(result: Result<T, Denied>) -> String {
        serde_json::to_string(&Answer::from(result)).expect("JSON")
    }

    #[test]
    fn an_answer_says_ok_or_why_not_and_nothing_unasked() {
        assert_eq!(json(Ok(Done {})), r#"{"ok":true}"#);
        assert_eq!(
            json::<Done>(Err(Denied::SomeonesOwn)),
            r#"{"ok":false,"error":"this room is a socket's own"}"#
        );
    }
}
