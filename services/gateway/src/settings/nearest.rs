//! The known name that a mistyped one most likely meant.

/// Names further away than this are not worth suggesting.
fn tolerance(typed: &str) -> usize {
    (typed.chars().count() / 3).clamp(1, 4)
}

/// The name among `known` with the fewest edits to `typed`, or the only one that goes on where it ends; none when even
/// the nearest is another word.
pub fn nearest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let known: Vec<&str> = known.into_iter().collect();
    let goes_on = |name: &&&str| name.strip_prefix(typed).is_some_and(|rest| rest.starts_with('_'));
    if let [name] = known.iter().filter(goes_on).collect::<Vec<_>>()[..] {
        return Some(name);
    }
    known
        .into_iter()
        .map(|name| (edits(typed, name), name))
        .min()
        .filter(|(distance, _)| *distance <= tolerance(typed))
        .map(|(_, name)| name)
}

/// Edit distance where swapping two neighbours counts once: the commonest slip of fingers.
fn edits(from: &str, to: &str) -> usize {
    let from: Vec<char> = from.chars().collect();
    let to: Vec<char> = to.chars().collect();
    let mut before_last = vec![0; to.len() + 1];
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.iter().enumerate() {
        let mut row = vec![i + 1; to.len() + 1];
        for (j, b) in to.iter().enumerate() {
            let replaced = last[j] + usize::from(a != b);
            row[j + 1] = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == to[j - 1] && from[i - 1] == *b {
                row[j + 1] = row[j + 1].min(before_last[j - 1] + 1);
            }
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 4] = ["port", "path", "ping_interval", "ping_timeout"];

    #[test]
    fn a_missing_doubled_wrong_or_swapped_letter_finds_its_name() {
        for typed in ["ping_intervl", "ping_intervall", "ping_intorval", "ping_intevral", "ping-interval"] {
            assert_eq!(nearest(typed, KNOWN), Some("ping_interval"), "{typed}");
        }
        assert_eq!(nearest("prot", KNOWN), Some("port"));
    }

    #[test]
    fn another_word_finds_nothing() {
        assert_eq!(nearest("colour", KNOWN), None);
        assert_eq!(nearest("", KNOWN), None);
    }

    #[test]
    fn distances_count_characters_and_not_bytes() {
        assert_eq!(edits("größe", "große"), 1);
        assert_eq!(edits("", "abc"), 3);
        assert_eq!(edits("abc", "acb"), 1);
    }
}
