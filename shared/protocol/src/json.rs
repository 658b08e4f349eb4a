//! Reads JSON text without building anything from it: arguments pass through byte for byte, so that what only
//! JavaScript can express (lone surrogates, `1e400`, integers of thirty digits, duplicate keys) survives.
//!
//! Nothing recurses; the depth is bounded by [`DEPTH_MAX`].

/// The deepest nesting this file can follow, whatever the limits say.
pub(crate) const DEPTH_MAX: usize = 256;

/// Why a text is no acceptable array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JsonError {
    /// The syntax is broken at this byte.
    Syntax(usize),
    /// A value is nested too deep.
    TooDeep,
    /// The array has too many items.
    TooMany,
}

/// Where the parts of an array stand in its text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Array {
    pub items: usize,
    /// Everything between the brackets.
    pub inside: (usize, usize),
    /// The first item, without the space around it.
    pub first: (usize, usize),
    /// Everything between the first comma and the closing bracket.
    pub rest: (usize, usize),
}

/// Judges a text that must be one JSON array and nothing else but space around it. Each item may be nested `depth`
/// levels (a number or string is nested 0 levels).
pub(crate) fn array(text: &str, depth: usize, max_items: usize) -> Result<Array, JsonError> {
    let bytes = text.as_bytes();
    let depth = depth.min(DEPTH_MAX);
    let mut at = space(bytes, 0);
    if bytes.get(at) != Some(&b'[') {
        return Err(JsonError::Syntax(at));
    }
    at += 1;
    let start = at;
    let mut found = Array { inside: (start, start), rest: (start, start), ..Array::default() };
    at = space(bytes, at);
    if bytes.get(at) == Some(&b']') {
        found.inside.1 = at;
    } else {
        loop {
            if found.items == max_items {
                return Err(JsonError::TooMany);
            }
            at = space(bytes, at);
            let end = value(bytes, at, depth)?;
            if found.items == 0 {
                found.first = (at, end);
            }
            found.items += 1;
            at = space(bytes, end);
            match bytes.get(at) {
                Some(b',') => at += 1,
                Some(b']') => break,
                _ => return Err(JsonError::Syntax(at)),
            }
            if found.items == 1 {
                found.rest.0 = at;
            }
        }
        found.inside.1 = at;
        found.rest = if found.items > 1 { (found.rest.0, at) } else { (at, at) };
    }
    let end = space(bytes, at + 1);
    if end < bytes.len() { Err(JsonError::Syntax(end)) } else { Ok(found) }
}

/// Whether a text that is known to be JSON is nested at most `depth` levels (`[[1]]` is two; a `depth` beyond 256 means
/// 256). It does not recurse.
pub fn is_within_depth(text: &str, depth: usize) -> bool {
    let bytes = text.as_bytes();
    value(bytes, space(bytes, 0), depth.min(DEPTH_MAX)).is_ok()
}

/// The end of the value that starts at `at`.
fn value(bytes: &[u8], mut at: usize, max_depth: usize) -> Result<usize, JsonError> {
    let mut open = Open::default();
    loop {
        at = match bytes.get(at) {
            Some(b'"') => string(bytes, at + 1)?,
            Some(b'-' | b'0'..=b'9') => number(bytes, at)?,
            Some(b't') => literal(bytes, at, b"true")?,
            Some(b'f') => literal(bytes, at, b"false")?,
            Some(b'n') => literal(bytes, at, b"null")?,
            Some(&bracket @ (b'[' | b'{')) => {
                if open.depth >= max_depth {
                    return Err(JsonError::TooDeep);
                }
                open.push(bracket == b'{');
                at = space(bytes, at + 1);
                let closing = if bracket == b'{' { b'}' } else { b']' };
                if bytes.get(at) != Some(&closing) {
                    if bracket == b'{' {
                        at = key(bytes, at)?;
                    }
                    continue;
                }
                open.depth -= 1;
                at + 1
            }
            _ => return Err(JsonError::Syntax(at)),
        };
        // Behind a value: close what ends here, or go on to the next one.
        loop {
            if open.depth == 0 {
                return Ok(at);
            }
            at = space(bytes, at);
            match (bytes.get(at), open.in_object()) {
                (Some(b','), in_object) => {
                    at = space(bytes, at + 1);
                    if in_object {
                        at = key(bytes, at)?;
                    }
                    break;
                }
                (Some(b']'), false) | (Some(b'}'), true) => {
                    open.depth -= 1;
                    at += 1;
                }
                _ => return Err(JsonError::Syntax(at)),
            }
        }
    }
}

/// The open brackets, one bit each: set for an object.
#[derive(Default)]
struct Open {
    objects: [u64; DEPTH_MAX / 64],
    depth: usize,
}

impl Open {
    fn push(&mut self, object: bool) {
        let (word, bit) = (self.depth / 64, self.depth % 64);
        self.objects[word] = self.objects[word] & !(1 << bit) | u64::from(object) << bit;
        self.depth += 1;
    }

    fn in_object(&self) -> bool {
        let top = self.depth - 1;
        self.objects[top / 64] >> (top % 64) & 1 == 1
    }
}

/// The start of the value behind the key that starts at `at`.
fn key(bytes: &[u8], at: usize) -> Result<usize, JsonError> {
    if bytes.get(at) != Some(&b'"') {
        return Err(JsonError::Syntax(at));
    }
    let at = space(bytes, string(bytes, at + 1)?);
    if bytes.get(at) != Some(&b':') {
        return Err(JsonError::Syntax(at));
    }
    Ok(space(bytes, at + 1))
}

/// The end of the string whose opening quote stands before `at`. Surrogates are not paired up: JavaScript does not
/// either.
fn string(bytes: &[u8], mut at: usize) -> Result<usize, JsonError> {
    loop {
        at = plain(bytes, at);
        match bytes.get(at) {
            Some(b'"') => return Ok(at + 1),
            Some(b'\\') => match bytes.get(at + 1) {
                Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => at += 2,
                Some(b'u') => {
                    let digits = bytes.get(at + 2..at + 6).ok_or(JsonError::Syntax(at))?;
                    if !digits.iter().all(u8::is_ascii_hexdigit) {
                        return Err(JsonError::Syntax(at));
                    }
                    at += 6;
                }
                _ => return Err(JsonError::Syntax(at)),
            },
            _ => return Err(JsonError::Syntax(at)),
        }
    }
}

/// The first byte from `at` on that is a quote, a backslash or a control character; looks at eight bytes at a time.
pub(crate) fn plain(bytes: &[u8], mut at: usize) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const TOPS: u64 = 0x8080_8080_8080_8080;
    let zero = |word: u64| word.wrapping_sub(ONES) & !word & TOPS;
    while let Some(word) = bytes[at..].first_chunk() {
        let word = u64::from_le_bytes(*word);
        let control = word.wrapping_sub(ONES * 0x20) & !word & TOPS;
        let found = control | zero(word ^ (ONES * u64::from(b'"'))) | zero(word ^ (ONES * u64::from(b'\\')));
        if found != 0 {
            // A borrow can only mark bytes above a true hit, so the lowest mark is right.
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    while bytes.get(at).is_some_and(|&byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
        at += 1;
    }
    at
}

/// The end of the number that starts at `at`.
fn number(bytes: &[u8], mut at: usize) -> Result<usize, JsonError> {
    if bytes[at] == b'-' {
        at += 1;
    }
    at = match bytes.get(at) {
        Some(b'0') => at + 1,
        _ => digits(bytes, at)?,
    };
    if bytes.get(at) == Some(&b'.') {
        at = digits(bytes, at + 1)?;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        at += 1;
        if matches!(bytes.get(at), Some(b'+' | b'-')) {
            at += 1;
        }
        at = digits(bytes, at)?;
    }
    Ok(at)
}

/// The end of at least one digit.
fn digits(bytes: &[u8], at: usize) -> Result<usize, JsonError> {
    let count = bytes[at.min(bytes.len())..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    if count == 0 { Err(JsonError::Syntax(at)) } else { Ok(at + count) }
}

fn literal(bytes: &[u8], at: usize, word: &[u8]) -> Result<usize, JsonError> {
    if bytes[at..].starts_with(word) { Ok(at + word.len()) } else { Err(JsonError::Syntax(at)) }
}

fn space(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\t' | b'\n' | b'\r') = bytes.get(at) {
        at += 1;
    }
    at
}

/// The values of a list separated by commas that is known to be valid, one after the other, without the space around
/// them. Any depth is fine.
#[derive(Clone)]
pub(crate) struct Values<'a> {
    rest: Option<&'a str>,
}

impl<'a> Values<'a> {
    pub(crate) fn new(list: &'a str, count: usize) -> Self {
        Self { rest: (count > 0).then_some(list) }
    }
}

impl<'a> Iterator for Values<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let text = self.rest?;
        let bytes = text.as_bytes();
        let (mut at, mut depth) = (0, 0_usize);
        loop {
            match bytes.get(at) {
                Some(b'"') => at = string_end(bytes, at),
                Some(b'[' | b'{') => depth += 1,
                Some(b']' | b'}') => depth = depth.saturating_sub(1),
                Some(b',') if depth == 0 => {
                    self.rest = Some(&text[at + 1..]);
                    break;
                }
                Some(_) => {}
                None => {
                    self.rest = None;
                    break;
                }
            }
            at += 1;
        }
        Some(text[..at.min(text.len())].trim_matches([' ', '\t', '\n', '\r']))
    }
}

/// The closing quote of the valid string whose opening quote is at `at`.
pub(crate) fn string_end(bytes: &[u8], at: usize) -> usize {
    let mut at = plain(bytes, at + 1);
    while at < bytes.len() && bytes[at] != b'"' {
        // A backslash takes the next byte with it. (A control character cannot be here.)
        at = plain(bytes, (at + 2).min(bytes.len()));
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_bytes_at_a_time_find_what_one_by_one_finds() {
        let special = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
        for first in 0..=255_u8 {
            for second in [0, 0x1f, 0x20, b'!', b'"', b'#', b'[', b'\\', b']', 0x7f, 0x80, 0xff] {
                for at in 0..16 {
                    let mut bytes = [b'a'; 19];
                    bytes[at] = first;
                    bytes[at + 1] = second;
                    let expected = bytes.iter().position(special).unwrap_or(bytes.len());
                    assert_eq!(plain(&bytes, 0), expected, "{bytes:x?}");
                }
            }
        }
    }

    #[test]
    fn the_parts_of_an_array_are_found() {
        let text = r#" [ "a" , [1,2] ,3 ] "#;
        let found = array(text, 8, 8).unwrap();
        assert_eq!(found.items, 3);
        assert_eq!(&text[found.first.0..found.first.1], r#""a""#);
        assert_eq!(&text[found.rest.0..found.rest.1], " [1,2] ,3 ");
        assert_eq!(&text[found.inside.0..found.inside.1], r#" "a" , [1,2] ,3 "#);
        assert_eq!(array("[1]", 8, 8).unwrap().rest, (2, 2));
        assert_eq!(array("[]", 8, 8).unwrap().items, 0);
    }

    #[test]
    fn depth_and_items_are_bounded_whatever_the_limits_say() {
        let nested = |depth: usize| format!("[{}{}]", "[".repeat(depth), "]".repeat(depth));
        assert!(array(&nested(DEPTH_MAX), usize::MAX, 1).is_ok());
        assert_eq!(array(&nested(DEPTH_MAX + 1), usize::MAX, 1), Err(JsonError::TooDeep));
        assert_eq!(array("[1]", 0, 1).map(|found| found.items), Ok(1));
        assert_eq!(array("[[]]", 0, 1), Err(JsonError::TooDeep));
        assert_eq!(array("[1,2]", 8, 1), Err(JsonError::TooMany));
    }

    #[test]
    fn values_of_a_list_come_without_the_space_around_them() {
        let list = " 1 ,[2,{\"]\":\"}\"}] , \"\\\",\" ";
        let values: Vec<_> = Values::new(list, 3).collect();
        assert_eq!(values, ["1", r#"[2,{"]":"}"}]"#, r#""\",""#]);
        assert_eq!(Values::new("", 0).next(), None);
    }
}
