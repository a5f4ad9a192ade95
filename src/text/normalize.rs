//! Words as their normal form: what equal words have in common.

use unicode_normalization::UnicodeNormalization;

/// Appends the normal form of `word` to `normal`: lower case, compatibility forms unified, accents
/// of European scripts dropped, so that `Erdoğan` and `Erdogan`, or `ﬁnance` and `finance`, are one.
///
/// Marks of other scripts stay: in Hindi they are vowels.
pub(super) fn normalize(word: &str, normal: &mut String) {
    let lower = word.nfkd().filter(|&c| !is_accent(c)).nfc().flat_map(char::to_lowercase);
    // A compatibility form can hold spaces and signs, and lower case can bring accents.
    normal.extend(lower.filter(|&c| is_word_char(c) && !is_accent(c)));
}

/// Tells whether `c` can stand in a word.
pub(super) fn is_word_char(c: char) -> bool {
    c.is_alphanumeric() || unicode_normalization::char::is_combining_mark(c)
}

/// Tells whether `c` is a word of its own, since its script puts no spaces between words.
///
/// Two that follow one another then make a bigram, which is how such scripts are commonly indexed.
pub(super) fn is_ideograph(c: char) -> bool {
    matches!(c,
        '\u{3040}'..='\u{30ff}'       // Hiragana, Katakana
        | '\u{3400}'..='\u{4dbf}'     // CJK extension A
        | '\u{4e00}'..='\u{9fff}'     // CJK
        | '\u{f900}'..='\u{faff}'     // CJK compatibility
        | '\u{20000}'..='\u{3ffff}'   // CJK extensions B and later
    )
}

fn is_accent(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(word: &str, expected: &str) {
        let mut normal = String::new();
        normalize(word, &mut normal);
        assert_eq!(normal, expected, "word={word:?}");
    }

    #[test]
    fn unifies_case_accents_and_compatibility_forms() {
        check("Erdoğan", "erdogan");
        check("ﬁnance", "finance");
        check("ＮＡＴＯ", "nato");
        check("ÉTATS", "etats");
        check("İstanbul", "istanbul");
    }

    #[test]
    fn composed_and_decomposed_letters_are_one() {
        check("e\u{301}tat", "etat");
        check("한국", "한국");
    }

    #[test]
    fn marks_that_are_vowels_stay() {
        check("हिन्दी", "हिन्दी");
    }

    #[test]
    fn spaces_and_signs_in_a_compatibility_form_go() {
        check("\u{fdfa}", "صلىاللهعليهوسلم");
    }
}
