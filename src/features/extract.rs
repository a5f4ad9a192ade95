//! Documents as features.

use std::hash::{BuildHasher, Hasher};

use foldhash::fast::FixedState;
use serde::{Deserialize, Serialize};

use crate::text::{Document, Field, Span, TOKEN_BYTES_MAX, Token, TokenKind, for_each_token};

/// The longest run of tokens that can be a feature.
pub const NGRAM_MAX: usize = 3;

/// Which things in a text count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeatureSettings {
    /// The longest run of tokens that is a feature: 1 for words alone, 2 for bigrams too.
    pub ngram: usize,
    /// Whether numbers, addresses and signs are tokens, or only words.
    pub shapes: bool,
}

/// The hash of a feature's name, by which it is found.
///
/// Two of a million features share a key with a probability of 3·10⁻⁸, so a shared key is not looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FeatureKey(pub u64);

impl FeatureKey {
    /// Returns the key of a feature by its name, as [`FeatureName::write_to`] writes it.
    pub fn of(name: &str) -> FeatureKey {
        let mut keys = name.split(' ').map(|token| FeatureKey::of_token(token.as_bytes()));
        let first = keys.next().unwrap_or(FeatureKey(0));
        keys.fold(first, FeatureKey::then)
    }

    fn of_token(normal: &[u8]) -> FeatureKey {
        let mut hasher = FixedState::default().build_hasher();
        hasher.write(normal);
        FeatureKey(hasher.finish())
    }

    /// Returns the key of the run `self` with the token `next` after it: the halves of a 128-bit
    /// product, folded, which is how wyhash mixes.
    fn then(self, next: FeatureKey) -> FeatureKey {
        let product =
            u128::from(self.0 ^ 0x2d35_8dcc_aa6c_78a5) * u128::from(next.0 ^ 0x8bb8_4b93_962e_acc9);
        #[expect(clippy::cast_possible_truncation, reason = "the lower half is meant")]
        FeatureKey((product >> 64) as u64 ^ product as u64)
    }
}

/// A feature, where it stands in a document.
#[derive(Clone, Copy, Debug)]
pub struct Feature<'a> {
    /// The key to find it by.
    pub key: FeatureKey,
    /// The field it stands in.
    pub field: Field,
    /// Where it stands.
    pub span: Span,
    /// Its name.
    pub name: FeatureName<'a>,
}

impl Feature<'_> {
    /// Tells whether the feature is a single token that is a word.
    pub fn is_word(&self) -> bool {
        self.name.is_word
    }
}

/// A feature's name, not yet put together: most names are never asked for.
#[derive(Clone, Copy, Debug)]
pub struct FeatureName<'a> {
    before: &'a [Seen],
    last: &'a [u8],
    is_word: bool,
}

impl FeatureName<'_> {
    /// Appends the name to `name`, as UTF-8: the normal forms of the tokens, with spaces between them.
    pub fn write_to(&self, name: &mut Vec<u8>) {
        for seen in self.before {
            name.extend_from_slice(&seen.normal[..seen.len]);
            name.push(b' ');
        }
        name.extend_from_slice(self.last);
    }
}

/// A token that was seen before the one at hand.
#[derive(Clone, Copy, Debug)]
struct Seen {
    normal: [u8; TOKEN_BYTES_MAX],
    len: usize,
    key: FeatureKey,
    span: Span,
}

impl Seen {
    fn new(token: &Token<'_>, key: FeatureKey) -> Seen {
        let mut normal = [0; TOKEN_BYTES_MAX];
        normal[..token.normal.len()].copy_from_slice(token.normal);
        Seen { normal, len: token.normal.len(), key, span: token.span }
    }
}

/// Calls `visit` with each feature of `document`, field by field and token by token.
///
/// A run of tokens does not reach from the title into the text.
pub fn extract(
    document: &Document<'_>,
    settings: &FeatureSettings,
    mut visit: impl FnMut(Feature<'_>),
) {
    for field in [Field::Title, Field::Text] {
        extract_text(document.field(field), field, settings, &mut visit);
    }
}

/// Calls `visit` with each feature of `text`, a part of `field`, token by token.
pub fn extract_text(
    text: &str,
    field: Field,
    settings: &FeatureSettings,
    mut visit: impl FnMut(Feature<'_>),
) {
    let before_max = settings.ngram.clamp(1, NGRAM_MAX) - 1;
    let mut before: Vec<Seen> = Vec::with_capacity(NGRAM_MAX);
    for_each_token(text, |token| {
        let is_word = token.kind == TokenKind::Word;
        if !is_word && !settings.shapes {
            return;
        }
        let key = FeatureKey::of_token(token.normal);
        for first in 0..=before.len() {
            let run = &before[before.len() - first..];
            let span = run.first().map_or(token.span, |seen| seen.span.to(token.span));
            let name =
                FeatureName { before: run, last: token.normal, is_word: is_word && first == 0 };
            let keys = run.iter().map(|seen| seen.key).chain([key]);
            let key = keys.reduce(FeatureKey::then).expect("a run has a token");
            visit(Feature { key, field, span, name });
        }
        if before.len() == before_max {
            before.rotate_left(usize::from(0 < before_max));
            before.pop();
        }
        if before.len() < before_max {
            before.push(Seen::new(&token, key));
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(title: &str, text: &str, ngram: usize, shapes: bool) -> Vec<String> {
        let document = Document::with_title(title, text).unwrap();
        let mut names = Vec::new();
        extract(&document, &FeatureSettings { ngram, shapes }, |feature| {
            let mut name = Vec::new();
            feature.name.write_to(&mut name);
            let name = String::from_utf8(name).unwrap();
            assert_eq!(FeatureKey::of(&name), feature.key, "name={name:?}");
            names.push(name);
        });
        names
    }

    #[test]
    fn runs_end_at_the_token_at_hand() {
        assert_eq!(names("", "Peace talks fail", 1, true), ["peace", "talks", "fail"]);
        let bigrams = ["peace", "talks", "peace talks", "fail", "talks fail"];
        assert_eq!(names("", "Peace talks fail", 2, true), bigrams);
        let trigrams = ["a", "b", "a b", "c", "b c", "a b c", "d", "c d", "b c d"];
        assert_eq!(names("", "a b c d", 3, true), trigrams);
    }

    #[test]
    fn the_title_comes_first_and_is_a_run_of_its_own() {
        assert_eq!(names("One", "two", 2, true), ["one", "two"]);
    }

    #[test]
    fn shapes_can_be_left_out() {
        assert_eq!(names("", "won $5 now", 2, false), ["won", "now", "won now"]);
        assert_eq!(names("", "won $5", 2, true), ["won", "<money>", "won <money>"]);
    }

    #[test]
    fn the_order_of_a_run_matters() {
        assert_ne!(FeatureKey::of("a b"), FeatureKey::of("b a"));
    }

    #[test]
    fn spans_reach_from_the_first_token_to_the_last() {
        let document = Document::new("the  “Peace talks”").unwrap();
        let mut spans = Vec::new();
        extract(&document, &FeatureSettings { ngram: 2, shapes: false }, |feature| {
            spans.push(&document.field(feature.field)[feature.span.range()]);
        });
        assert_eq!(spans, ["the", "Peace", "the  “Peace", "talks", "Peace talks"]);
    }
}
