//! A text, cut to what is shown, with its evidence marked.

use crate::{
    model::{Evidence, Place},
    text::Field,
};

/// A piece of a text, and what the evidence says there: above 0 for the first label, below for the other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Piece<'a> {
    pub(super) text: &'a str,
    pub(super) log_odds: f64,
}

/// Returns the first `bytes_max` bytes of `text` in pieces, and how many bytes are left out.
///
/// Where evidence overlaps, the stronger one is marked.
pub(super) fn pieces<'a>(
    text: &'a str,
    field: Field,
    evidence: &[Evidence],
    bytes_max: usize,
) -> (Vec<Piece<'a>>, usize) {
    let end = text.floor_char_boundary(bytes_max);
    let mut marks: Vec<(usize, usize, f64)> = Vec::new();
    for Evidence { log_odds, places, .. } in evidence {
        for Place { span, .. } in places.iter().filter(|place| place.field == field) {
            let range = span.range();
            let is_free = marks.iter().all(|mark| range.end <= mark.0 || mark.1 <= range.start);
            if range.end <= end && is_free {
                marks.push((range.start, range.end, *log_odds));
            }
        }
    }
    marks.sort_unstable_by_key(|mark| mark.0);
    let mut pieces = Vec::new();
    let mut at = 0;
    for (start, mark_end, log_odds) in marks {
        pieces.push(Piece { text: &text[at..start], log_odds: 0.0 });
        pieces.push(Piece { text: &text[start..mark_end], log_odds });
        at = mark_end;
    }
    pieces.push(Piece { text: &text[at..end], log_odds: 0.0 });
    pieces.retain(|piece| !piece.text.is_empty());
    (pieces, text.len() - end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{features::FeatureId, text::Span};

    fn evidence(log_odds: f64, spans: &[(u32, u32)]) -> Evidence {
        let place = |&(start, end)| Place { field: Field::Text, span: Span { start, end } };
        Evidence { feature: FeatureId(0), log_odds, places: spans.iter().map(place).collect() }
    }

    #[test]
    fn the_stronger_of_two_that_overlap_is_marked_and_the_end_is_cut() {
        let found = [evidence(2.0, &[(0, 5)]), evidence(-1.0, &[(4, 8), (9, 11), (12, 15)])];
        let (pieces, left) = pieces("trade fair, é more", Field::Text, &found, 13);
        let shown: Vec<(&str, f64)> =
            pieces.iter().map(|piece| (piece.text, piece.log_odds)).collect();
        assert_eq!(shown, [("trade", 2.0), (" fai", 0.0), ("r,", -1.0), (" ", 0.0)]);
        assert_eq!(left, 7);
    }
}
