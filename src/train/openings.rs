//! Documents cut to their first words, which tell how short a document can be and still be decided.

use crate::{
    features::{FeatureSettings, FeatureVector, VectorScratch, Vocabulary},
    text::{Document, TokenKind, for_each_token},
};

/// The lengths that documents are cut to, in words. A longer one is no short document.
const LENGTHS: [u32; 10] = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32];

/// The documents that are cut. More would not change what is learned from them.
pub(super) const DOCUMENTS_MAX: usize = 4096;

/// Returns the features of the first words of `text`, for each length that it is longer than.
pub(super) fn openings(
    text: &str,
    scratch: &mut VectorScratch,
    settings: &FeatureSettings,
    vocabulary: &Vocabulary,
) -> Vec<FeatureVector> {
    let mut words = 0;
    let mut ends = Vec::new();
    for_each_token(text, |token| {
        words += u32::from(token.kind == TokenKind::Word);
        if token.kind == TokenKind::Word && LENGTHS.contains(&words) {
            ends.push(token.span.range().end);
        }
    });
    let vector = |end: usize| {
        let document = Document::new(&text[..end]).expect("it has a word, and is shorter");
        scratch.count(&document, settings, vocabulary).clone()
    };
    ends.into_iter().map(vector).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_after_words_not_after_other_tokens() {
        let vocabulary = Vocabulary::of_sorted(["a", "b", "c"]).unwrap();
        let settings = FeatureSettings { ngram: 1, shapes: true, chars: 0 };
        let openings =
            openings("a, 12 b! c a b c", &mut VectorScratch::default(), &settings, &vocabulary);
        let words: Vec<u32> = openings.iter().map(|vector| vector.words).collect();
        assert_eq!(words, [1, 2, 3, 4, 6]);
        assert_eq!(openings[1].words_known, 2);
    }
}
