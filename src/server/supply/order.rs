//! Which of two versions is the newer one.

use std::cmp::Ordering;

/// Compares two versions, so that the greater one is the newer one: numbers in them by their value, all
/// else byte by byte. So `10` comes after `9`, `1.10` after `1.9`, and dates as they come.
pub(super) fn compare(a: &str, b: &str) -> Ordering {
    let (mut a_rest, mut b_rest) = (a, b);
    while !a_rest.is_empty() && !b_rest.is_empty() {
        let (a_part, b_part) = (part(a_rest), part(b_rest));
        let order = match (is_number(a_part), is_number(b_part)) {
            (true, true) => compare_numbers(a_part, b_part),
            _ => a_part.cmp(b_part),
        };
        if order.is_ne() {
            return order;
        }
        (a_rest, b_rest) = (&a_rest[a_part.len()..], &b_rest[b_part.len()..]);
    }
    a_rest.len().cmp(&b_rest.len()).then_with(|| a.cmp(b))
}

/// Returns the digits, or else the one sign, that `text` begins with. Versions are ASCII.
fn part(text: &str) -> &str {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    &text[..digits.max(1)]
}

fn is_number(part: &str) -> bool {
    part.as_bytes()[0].is_ascii_digit()
}

fn compare_numbers(a: &str, b: &str) -> Ordering {
    let (a, b) = (a.trim_start_matches('0'), b.trim_start_matches('0'));
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_as_people_count() {
        let ordered = [
            "1",
            "01",
            "2",
            "2-rc",
            "9",
            "10",
            "10.2",
            "10.10",
            "100000000000000000000000",
            "2026-11-09",
            "a",
            "a1",
            "b",
        ];
        let mut sorted = ordered;
        sorted.reverse();
        sorted.sort_by(|a, b| compare(a, b));
        let expected = [
            "01",
            "1",
            "2",
            "2-rc",
            "9",
            "10",
            "10.2",
            "10.10",
            "2026-11-09",
            "100000000000000000000000",
            "a",
            "a1",
            "b",
        ];
        assert_eq!(sorted, expected);
        assert_eq!(ordered.len(), expected.len());
    }
}
