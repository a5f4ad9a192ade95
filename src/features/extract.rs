//! Documents as features.

use serde::{Deserialize, Serialize};

use crate::text::{Document, Field, NormalForm, Span, Token, TokenKind, for_each_token};

/// The longest run of tokens that can be a feature.
pub const NGRAM_MAX: usize = 3;

/// The longest run of characters within a word that can be a feature.
pub const CHARS_MAX: usize = 8;

/// Which things in a text count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeatureSettings {
    /// The longest run of tokens that is a feature: 1 for words alone, 2 for bigrams too.
    pub ngram: usize,
    /// Whether numbers, addresses and signs are tokens, or only words.
    pub shapes: bool,
    /// The length of the runs of characters within words that are features, too (see
    /// [`NormalForm::for_each_run`]): what `trade` and `trading`, or `Handel` and `Handelskrieg`, have in
    /// common. 0 for none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub chars: usize,
}

/// Tells whether words are not taken apart. Then files are the same as those from before they could be.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(chars: &usize) -> bool {
    *chars == 0
}

/// The hash of a feature's name, by which it is found.
///
/// A vocabulary looks at 32 bits of it and those that tell the slot. That one of a million features is
/// hidden behind another has a probability of 10⁻⁴, and does little harm, so it is not looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FeatureKey(pub u64);

impl FeatureKey {
    /// Returns the key of a feature by its name, as [`FeatureName::write_to`] writes it.
    pub fn of(name: &str) -> FeatureKey {
        let keys = name.split(' ').map(|token| FeatureKey(NormalForm::hash_of(token.as_bytes())));
        keys.reduce(FeatureKey::then).expect("a name has a part, if only an empty one")
    }

    /// Returns the key of the run `self` with the token `next` after it: the halves of a 128-bit
    /// product, folded, which is how wyhash mixes.
    #[inline]
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
    last: &'a NormalForm,
    is_word: bool,
}

impl FeatureName<'_> {
    /// Appends the name to `name`, as UTF-8: the normal forms of the tokens, with spaces between them.
    pub fn write_to(&self, name: &mut Vec<u8>) {
        for seen in self.before {
            name.extend_from_slice(seen.normal.as_bytes());
            name.push(b' ');
        }
        name.extend_from_slice(self.last.as_bytes());
    }
}

/// A token that was seen before the one at hand.
#[derive(Clone, Copy, Debug)]
struct Seen {
    normal: NormalForm,
    span: Span,
    /// The key of the run that starts with this token and ends before the one at hand.
    key: FeatureKey,
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

/// Calls `visit` with each feature of `text`, a part of `field`, token by token, and then with the runs of
/// characters within its words.
pub fn extract_text(
    text: &str,
    field: Field,
    settings: &FeatureSettings,
    mut visit: impl FnMut(Feature<'_>),
) {
    // With the number known, the compiler leaves out what a visitor does not look at.
    match settings.ngram {
        0 | 1 => extract_runs(text, field, settings.shapes, Before::<0>::new(), &mut visit),
        2 => extract_runs(text, field, settings.shapes, Before::<1>::new(), &mut visit),
        _ => extract_runs(
            text,
            field,
            settings.shapes,
            Before::<{ NGRAM_MAX - 1 }>::new(),
            &mut visit,
        ),
    }
    if settings.chars != 0 {
        extract_chars(text, field, settings.chars.min(CHARS_MAX), &mut visit);
    }
}

#[inline]
fn extract_runs<const BEFORE: usize>(
    text: &str,
    field: Field,
    shapes: bool,
    mut before: Before<BEFORE>,
    visit: &mut impl FnMut(Feature<'_>),
) {
    for_each_token(text, |token| {
        let is_word = token.kind == TokenKind::Word;
        if !is_word && !shapes {
            return;
        }
        let key = FeatureKey(token.normal.hash());
        let name = FeatureName { before: &[], last: token.normal, is_word };
        visit(Feature { key, field, span: token.span, name });
        for first in (BEFORE - before.len..BEFORE).rev() {
            let run = &before.seen[first..];
            let name = FeatureName { before: run, last: token.normal, is_word: false };
            let span = run[0].span.to(token.span);
            visit(Feature { key: run[0].key.then(key), field, span, name });
        }
        before.push(&token, key);
    });
}

/// Calls `visit` with the runs of `chars` characters within each word. Each stands where its word does.
///
/// Tokens are read once more for it, so that models without such runs pay nothing.
#[inline(never)]
fn extract_chars(text: &str, field: Field, chars: usize, visit: &mut impl FnMut(Feature<'_>)) {
    for_each_token(text, |token| {
        if token.kind == TokenKind::Word {
            token.normal.for_each_run(chars, |run| {
                let name = FeatureName { before: &[], last: run, is_word: false };
                visit(Feature { key: FeatureKey(run.hash()), field, span: token.span, name });
            });
        }
    });
}

/// The tokens before the one at hand, as far back as runs reach.
struct Before<const MAX: usize> {
    /// The last of them at the end.
    seen: [Seen; MAX],
    /// How many there are.
    len: usize,
}

impl<const MAX: usize> Before<MAX> {
    fn new() -> Before<MAX> {
        let none =
            Seen { normal: NormalForm::default(), span: Span::default(), key: FeatureKey(0) };
        Before { seen: [none; MAX], len: 0 }
    }

    #[inline]
    fn push(&mut self, token: &Token<'_>, key: FeatureKey) {
        for place in 1..MAX {
            let Seen { normal, span, key: run } = self.seen[place];
            self.seen[place - 1] = Seen { normal, span, key: run.then(key) };
        }
        if let Some(last) = self.seen.last_mut() {
            *last = Seen { normal: *token.normal, span: token.span, key };
            self.len = (self.len + 1).min(MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(title: &str, text: &str, ngram: usize, shapes: bool) -> Vec<String> {
        names_with(title, text, &FeatureSettings { ngram, shapes, chars: 0 })
    }

    fn names_with(title: &str, text: &str, settings: &FeatureSettings) -> Vec<String> {
        let document = Document::with_title(title, text).unwrap();
        let mut names = Vec::new();
        extract(&document, settings, |feature| {
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
    fn words_are_taken_apart_and_shapes_are_not() {
        let settings = FeatureSettings { ngram: 2, shapes: true, chars: 4 };
        let runs = ["trade", "санкт", "trade санкт", "for", "санкт for", "us", "for us"];
        let trade = ["tra*", "*trad*", "*rade*", "*ade"];
        let others = ["сан*", "*санк*", "*анкт*", "*нкт", "for*", "*for"];
        let expected = [&runs[..], &trade, &others].concat();
        assert_eq!(names_with("", "Trade Санкт for us", &settings), expected);
        assert_eq!(names_with("", "$5,000", &settings), ["<money>"]);
    }

    #[test]
    fn settings_without_runs_of_characters_are_written_as_they_were() {
        let none = FeatureSettings { ngram: 2, shapes: true, chars: 0 };
        let json = r#"{"ngram":2,"shapes":true}"#;
        assert_eq!(serde_json::to_string(&none).unwrap(), json);
        assert_eq!(serde_json::from_str::<FeatureSettings>(json).unwrap(), none);
    }

    #[test]
    fn the_order_of_a_run_matters() {
        assert_ne!(FeatureKey::of("a b"), FeatureKey::of("b a"));
    }

    #[test]
    fn spans_reach_from_the_first_token_to_the_last() {
        let document = Document::new("the  “Peace talks”").unwrap();
        let mut spans = Vec::new();
        extract(&document, &FeatureSettings { ngram: 2, shapes: false, chars: 0 }, |feature| {
            spans.push(&document.field(feature.field)[feature.span.range()]);
        });
        assert_eq!(spans, ["the", "Peace", "the  “Peace", "talks", "Peace talks"]);
    }
}
