//! One row of the table of settings, and the macro that makes the table and the struct from the same lines.

use super::value::Kind;

/// Where a setting's value comes from when nobody gives one.
#[derive(Clone, Copy)]
pub enum Fallback {
    /// Always this text.
    Text(&'static str),
    /// The library's own default.
    Library(fn() -> String),
    /// Found out when the node starts; the first part says how, for `--help`.
    Found(&'static str, fn() -> String),
}

impl Fallback {
    /// The value, as text.
    pub fn text(&self) -> String {
        match self {
            Self::Text(text) => (*text).to_owned(),
            Self::Library(find) | Self::Found(_, find) => find(),
        }
    }

    /// How `--help` shows it, the same on every machine.
    pub fn describe(&self) -> String {
        match self {
            Self::Text(text) => (*text).to_owned(),
            Self::Library(find) => find(),
            Self::Found(how, _) => (*how).to_owned(),
        }
    }
}

/// What is known of a setting without its value.
pub struct Setting {
    /// Its name in a file; see `flag` and `variable` for the two others.
    pub key: &'static str,
    /// How it is written.
    pub kind: Kind,
    /// Its lines of documentation.
    pub doc: &'static [&'static str],
    /// Its value when nobody gives one.
    pub fallback: Fallback,
    /// Checks a text and gives it back in the form that `natter config` prints.
    pub read: fn(&str) -> Result<String, String>,
    /// How messages show a text that was given.
    pub hide: fn(&str) -> String,
}

impl Setting {
    /// `ping_interval` is `--ping-interval` on the command line; here without the dashes in front.
    pub fn flag(&self) -> String {
        self.key.replace('_', "-")
    }

    /// `ping_interval` is `NATTER_PING_INTERVAL` in the environment.
    pub fn variable(&self) -> String {
        format!("{VARIABLE_PREFIX}{}", self.key.to_uppercase())
    }

    /// The documentation in one paragraph.
    pub fn doc(&self) -> String {
        self.doc.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
    }
}

/// Every environment variable that begins so belongs to Natter; an unknown one is a mistake.
pub const VARIABLE_PREFIX: &str = "NATTER_";

/// Makes `Settings` and `TABLE` from lines of `doc`, `name: Type = fallback`, and an optional check of the value alone.
macro_rules! settings {
    ($( $(#[doc = $doc:literal])+ $name:ident : $kind:ty = $fallback:expr $(, $check:expr)? ; )+) => {
        /// What a node runs with. Each field is documented by the text that `natter config` prints above it.
        #[derive(Debug, Clone)]
        pub struct Settings { $( $(#[doc = $doc])+ pub $name: $kind, )+ }

        /// The settings in the order of `natter config`.
        pub const TABLE: &[Setting] = &[ $( Setting {
            key: stringify!($name),
            kind: <$kind as Value>::KIND,
            doc: &[$($doc),+],
            fallback: $fallback,
            read: |text| {
                let value = <$kind as Value>::parse(text)?;
                $( let check: fn(&$kind) -> Result<(), String> = $check; check(&value)?; )?
                Ok(value.show())
            },
            hide: <$kind as Value>::hide,
        } ),+ ];

        impl Settings {
            /// Takes texts that `Setting::read` gave, one for each row of `TABLE`, in its order.
            fn of_checked_texts<'a>(mut texts: impl Iterator<Item = &'a str>) -> Self {
                Self { $( $name: {
                    let text = texts.next().expect("invariant: one text for each row of the table");
                    <$kind as Value>::parse(text).expect("invariant: the text was read before")
                } ),+ }
            }
        }
    };
}
pub(super) use settings;
