//! Documents as tokens.
//!
//! Tokenizing never fails, allocates nothing for ASCII text, and takes time linear in the text: it
//! looks ahead by at most [`TOKEN_BYTES_MAX`] bytes.

use super::{
    NormalForm, Span, Token, TokenKind,
    ascii::Run,
    normal::{WORD_BYTES, word},
    normalize::{is_ideograph, is_word_char, normalize},
    shape,
};

/// The most bytes of a word that count, and of an address that is recognised.
///
/// The longest words of European languages are shorter, so what is cut off is rubbish: base64, a row
/// of dashes, a missing space.
pub const TOKEN_BYTES_MAX: usize = 64;

/// Calls `visit` with each token of `text`, in order.
///
/// A word is a run of letters and digits in any script. An apostrophe within a word belongs to it,
/// but a final `'s` does not; an abbreviation such as `U.S.` is one word. Numbers and addresses are
/// recognised by their shape, and punctuation is skipped but for quotation, exclamation and question
/// marks.
///
/// ```
/// let mut words = Vec::new();
/// newsdesk::text::for_each_token("Italy's 28th fair: 1,700 stands!", |token| {
///     words.push(String::from_utf8_lossy(token.normal.as_bytes()).into_owned());
/// });
/// assert_eq!(words, ["italy", "28th", "fair", "<n4>", "stands", "<!>"]);
/// ```
pub fn for_each_token(text: &str, mut visit: impl FnMut(Token<'_>)) {
    assert!(u32::try_from(text.len()).is_ok(), "spans reach up to 4 GiB");
    let mut tokenizer = Tokenizer::new(text);
    while let Some(kind) = tokenizer.next() {
        let Tokenizer { start, end, normal, .. } = &tokenizer;
        if !normal.as_bytes().is_empty() {
            visit(Token { span: Span::new(*start, *end), kind, normal });
        }
    }
}

/// Returns the length of the `'s` at the start of `rest`, or 0.
fn possessive_len(rest: &str) -> usize {
    let after =
        rest.strip_prefix(['\'', '\u{2019}']).and_then(|tail| tail.strip_prefix(['s', 'S']));
    after.filter(|tail| !tail.starts_with(is_word_char)).map_or(0, |tail| rest.len() - tail.len())
}

struct Tokenizer<'t> {
    text: &'t str,
    /// The first byte that was not looked at.
    at: usize,
    /// The first byte of the token that was found last.
    start: usize,
    /// The byte after it.
    end: usize,
    /// Its normal form.
    normal: NormalForm,
    /// The normal form of a word beyond ASCII, while it is made.
    slow: String,
}

/// A word of ASCII, in lower case.
struct AsciiWord {
    start: usize,
    end: usize,
    buffer: [u8; TOKEN_BYTES_MAX],
    /// Its length, which can be more than the buffer holds.
    len: usize,
}

/// What a token that starts with a byte can be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Skip,
    Letter,
    Digit,
    Sign,
    High,
}

static CLASSES: [Class; 256] = classes();

const fn classes() -> [Class; 256] {
    let mut classes = [Class::Skip; 256];
    let mut byte = 0;
    while byte < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "below 256")]
        let b = byte as u8;
        if b.is_ascii_alphabetic() {
            classes[byte] = Class::Letter;
        } else if b.is_ascii_digit() {
            classes[byte] = Class::Digit;
        } else if matches!(b, b'"' | b'!' | b'?' | b'#' | b'@' | b'$' | b'+' | b'(') {
            classes[byte] = Class::Sign;
        } else if 0x80 <= b {
            classes[byte] = Class::High;
        }
        byte += 1;
    }
    classes
}

/// The byte in lower case if it can stand in an ASCII word, else 0.
static LOWER: [u8; 256] = lower();

const fn lower() -> [u8; 256] {
    let mut lower = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "below 256")]
        let b = byte as u8;
        if b.is_ascii_alphanumeric() {
            lower[byte] = b.to_ascii_lowercase();
        }
        byte += 1;
    }
    lower
}

/// Whether a byte after an ASCII word ends it, whatever comes then.
static ENDS_WORD: [bool; 256] = ends_word();

const fn ends_word() -> [bool; 256] {
    let mut ends = [false; 256];
    let mut byte = 0;
    while byte < 0x80 {
        #[expect(clippy::cast_possible_truncation, reason = "below 256")]
        let b = byte as u8;
        ends[byte] = !matches!(b, b'.' | b'@' | b'-' | b'_' | b'+' | b':' | b'/' | b'\'')
            && LOWER[byte] == 0;
        byte += 1;
    }
    ends
}

impl Tokenizer<'_> {
    fn new(text: &str) -> Tokenizer<'_> {
        let normal = NormalForm::default();
        Tokenizer { text, at: 0, start: 0, end: 0, normal, slow: String::new() }
    }

    /// Finds the next token, and returns what it is.
    #[inline]
    fn next(&mut self) -> Option<TokenKind> {
        loop {
            let byte = self.byte(self.at)?;
            let class = CLASSES[usize::from(byte)];
            if class == Class::Skip {
                self.at += 1;
                continue;
            }
            if class == Class::Letter && self.plain_word() {
                return Some(TokenKind::Word);
            }
            match self.other(class) {
                Some(kind) => return Some(kind),
                None => self.at += self.char_len(byte),
            }
        }
    }

    /// Finds the token that starts with the byte of `class` at hand, if one does.
    #[inline(never)]
    fn other(&mut self, class: Class) -> Option<TokenKind> {
        match class {
            Class::Skip => None,
            Class::Letter => Some(self.word()),
            Class::Digit => Some(self.digits()),
            Class::Sign => self.sign(),
            Class::High => self.high(),
        }
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    fn char_len(&self, byte: u8) -> usize {
        if byte < 0x80 { 1 } else { self.text[self.at..].chars().next().map_or(1, char::len_utf8) }
    }

    /// Finds the ASCII word that starts with the letter at hand, if its end is plain to see: most are.
    #[inline]
    fn plain_word(&mut self) -> bool {
        let bytes = self.text.as_bytes();
        let start = self.at;
        let mut run = Run::of(word(&bytes[start..]));
        self.normal.set_word(run.lower, run.len);
        let mut end = start + run.len;
        while run.len == WORD_BYTES {
            run = Run::of(word(&bytes[end..]));
            if run.len != 0 {
                self.normal.push_word(run.lower, run.len);
            }
            end += run.len;
        }
        let next = self.byte(end).unwrap_or(b' ');
        let is_plain = ENDS_WORD[usize::from(next)]
            // Few sentences end with `www`.
            || (next == b'.' && self.ends_sentence(end) && self.normal.as_bytes() != b"www");
        if is_plain {
            (self.start, self.end) = (start, end);
            self.at = end + usize::from(next == b' ');
        }
        is_plain
    }

    /// Tells whether the full stop at `at` stands before white space or at the end of the text.
    fn ends_sentence(&self, at: usize) -> bool {
        self.byte(at + 1).is_none_or(|byte| byte.is_ascii_whitespace())
    }

    /// Returns the word or the address that starts with the letter at hand.
    fn word(&mut self) -> TokenKind {
        let start = self.at;
        let mut buffer = [0; TOKEN_BYTES_MAX];
        let len = self.ascii_run(start, &mut buffer, 0);
        let end = start + len;
        let word = AsciiWord { start, end, buffer, len };
        let Some(next) = self.byte(end) else { return self.word_found(&word) };
        match next {
            b'.' | b'@' | b'-' | b'_' | b'+' | b':' | b'/' => self.compound(word),
            b'\'' => self.after_apostrophe(word, 1),
            0x80.. => self.before_high(word),
            _ => self.word_found(&word),
        }
    }

    /// Copies the ASCII letters and digits from `from` on to the buffer at `to`, in lower case.
    /// Returns how many there are, which can be more than the buffer holds.
    fn ascii_run(&self, from: usize, buffer: &mut [u8; TOKEN_BYTES_MAX], to: usize) -> usize {
        let mut len = 0;
        for &byte in &self.text.as_bytes()[from..] {
            let lower = LOWER[usize::from(byte)];
            if lower == 0 {
                break;
            }
            if let Some(slot) = buffer.get_mut(to + len) {
                *slot = lower;
            }
            len += 1;
        }
        len
    }

    fn word_found(&mut self, word: &AsciiWord) -> TokenKind {
        self.normal.set(&word.buffer[..word.len.min(TOKEN_BYTES_MAX)]);
        self.found(word.start, word.end, TokenKind::Word)
    }

    fn found(&mut self, start: usize, end: usize, kind: TokenKind) -> TokenKind {
        (self.start, self.end, self.at) = (start, end, end);
        kind
    }

    /// Returns the abbreviation or the address that goes on after the word at hand, or the word.
    fn compound(&mut self, word: AsciiWord) -> TokenKind {
        let start = word.start;
        if self.byte(word.end) == Some(b'/') {
            return self.word_found(&word);
        }
        if let Some((kind, len)) = shape::address(&self.text.as_bytes()[start..]) {
            return self.shape_found(start, start + len, kind);
        }
        if word.len == 1 && self.byte(word.end) == Some(b'.') {
            return self.abbreviation(word);
        }
        self.word_found(&word)
    }

    /// Returns the abbreviation, such as `U.S.`, whose first letter is at hand, or that letter.
    fn abbreviation(&mut self, mut word: AsciiWord) -> TokenKind {
        let bytes = self.text.as_bytes();
        let is_letter = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_alphabetic);
        let AsciiWord { end, buffer, len, .. } = &mut word;
        while bytes.get(*end) == Some(&b'.')
            && is_letter(*end + 1)
            && !bytes
                .get(*end + 2)
                .is_some_and(|&byte| LOWER[usize::from(byte)] != 0 || 0x7f < byte)
            && *len + 1 < TOKEN_BYTES_MAX
        {
            buffer[*len] = b'.';
            buffer[*len + 1] = bytes[*end + 1].to_ascii_lowercase();
            *len += 2;
            *end += 2;
        }
        self.word_found(&word)
    }

    /// Returns the word at hand, which an apostrophe of `width` bytes follows.
    fn after_apostrophe(&mut self, mut word: AsciiWord, width: usize) -> TokenKind {
        let tail_start = word.end + width;
        let tail = self.text.get(tail_start..).unwrap_or_default();
        let tail_len = tail.bytes().take_while(u8::is_ascii_alphabetic).count();
        let ends = !tail[tail_len..].starts_with(is_word_char);
        if tail_len == 0 || !ends || TOKEN_BYTES_MAX <= word.len + tail_len {
            return self.word_found(&word);
        }
        if possessive_len(&self.text[word.end..]) != 0 {
            let kind = self.word_found(&word);
            self.at = tail_start + tail_len;
            return kind;
        }
        word.buffer[word.len] = b'\'';
        self.ascii_run(tail_start, &mut word.buffer, word.len + 1);
        (word.end, word.len) = (tail_start + tail_len, word.len + 1 + tail_len);
        self.word_found(&word)
    }

    /// Returns the word at hand, which goes on with, or ends before, a character beyond ASCII.
    fn before_high(&mut self, word: AsciiWord) -> TokenKind {
        let next = self.text[word.end..].chars().next();
        match next {
            Some('\u{2019}') => self.after_apostrophe(word, '\u{2019}'.len_utf8()),
            Some(c) if is_word_char(c) && !is_ideograph(c) => self.slow_word(word.start),
            _ => self.word_found(&word),
        }
    }

    /// Returns the word of any script that starts at `start`.
    fn slow_word(&mut self, start: usize) -> TokenKind {
        let rest = &self.text[start..];
        let len = rest.find(|c| !is_word_char(c) || is_ideograph(c)).unwrap_or(rest.len());
        self.slow_found(start, start + len)
    }

    fn slow_found(&mut self, start: usize, end: usize) -> TokenKind {
        self.slow.clear();
        let word = &self.text[start..end];
        // Four times as much as can count, since a normal form can be shorter.
        let head = &word[..word.floor_char_boundary(4 * TOKEN_BYTES_MAX)];
        normalize(head, &mut self.slow);
        let whole = self.slow.floor_char_boundary(TOKEN_BYTES_MAX);
        self.normal.set(&self.slow.as_bytes()[..whole]);
        let kind = self.found(start, end, TokenKind::Word);
        self.at = end + possessive_len(&self.text[end..]);
        kind
    }

    /// Returns the number, or the word, that starts with the digit at hand.
    fn digits(&mut self) -> TokenKind {
        let start = self.at;
        let rest = &self.text.as_bytes()[start..];
        if let Some((kind, len)) = shape::address(rest) {
            return self.shape_found(start, start + len, kind);
        }
        let number = shape::number(rest);
        let next = self.byte(start + number.len);
        // `28th`, `5G`, `3D`: letters go on where the digits end.
        let is_plain = matches!(number.kind, TokenKind::Number | TokenKind::Year);
        if is_plain && next.is_some_and(|byte| byte.is_ascii_alphabetic()) {
            let mut buffer = [0; TOKEN_BYTES_MAX];
            let len = self.ascii_run(start, &mut buffer, 0);
            return self.word_found(&AsciiWord { start, end: start + len, buffer, len });
        }
        self.number_found(start, &number)
    }

    fn number_found(&mut self, start: usize, number: &shape::Number) -> TokenKind {
        self.normal.set(number.name.as_bytes());
        self.found(start, start + number.len, number.kind)
    }

    fn shape_found(&mut self, start: usize, end: usize, kind: TokenKind) -> TokenKind {
        self.normal.set(shape::name(kind).as_bytes());
        self.found(start, end, kind)
    }

    /// Returns the token that starts with the ASCII sign at hand, if one does.
    fn sign(&mut self) -> Option<TokenKind> {
        let start = self.at;
        let (kind, len) = shape::sign(&self.text.as_bytes()[start..])?;
        Some(self.shape_found(start, start + len, kind))
    }

    /// Returns the token that starts with the character beyond ASCII at hand, if one does.
    fn high(&mut self) -> Option<TokenKind> {
        let start = self.at;
        let c = self.text[start..].chars().next()?;
        let end = start + c.len_utf8();
        if is_ideograph(c) {
            return Some(self.slow_found(start, end));
        }
        if is_word_char(c) {
            return Some(self.slow_word(start));
        }
        let (kind, more) = shape::high_sign(c, &self.text.as_bytes()[end..])?;
        Some(self.shape_found(start, end + more, kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let mut got = Vec::new();
        for_each_token(text, |token| {
            got.push(String::from_utf8(token.normal.as_bytes().to_vec()).unwrap());
        });
        assert_eq!(got, expected, "text={text:?}");
    }

    #[test]
    fn words_are_runs_of_letters_and_digits_in_lower_case() {
        check("U-turn on Tariffs; G20 talks", &["u", "turn", "on", "tariffs", "g20", "talks"]);
        check("the 28th, 5G and 3D", &["the", "28th", "5g", "and", "3d"]);
    }

    #[test]
    fn apostrophes_stay_within_words_and_the_possessive_goes() {
        check(
            "Italy's don't l\u{2019}ONU Iran\u{2019}s '90s",
            &["italy", "don't", "l'onu", "iran", "90s"],
        );
        check("rock 'n' roll states' rights", &["rock", "n", "roll", "states", "rights"]);
    }

    #[test]
    fn abbreviations_are_one_word() {
        check("The U.S. and the E.U.\nJ. Doe", &["the", "u.s", "and", "the", "e.u", "j", "doe"]);
    }

    #[test]
    fn shapes_have_a_name_of_their_own() {
        check(
            "Book at www.example.org or mail a.b@example.org: 20% off $99, 18:30 on 2026-11-23!",
            &[
                "book",
                "at",
                "<url>",
                "or",
                "mail",
                "<email>",
                "<percent>",
                "off",
                "<money>",
                "<time>",
                "on",
                "<date>",
                "<!>",
            ],
        );
    }

    #[test]
    fn other_scripts_have_words_too() {
        check("Санкции против Ирана", &["санкции", "против", "ирана"]);
        check("प्रधानमंत्री का दौरा", &["प्रधानमंत्री", "का", "दौरा"]);
        check("naïve Erdoğan coöperates", &["naive", "erdogan", "cooperates"]);
    }

    #[test]
    fn scripts_without_spaces_give_a_token_a_character() {
        check("中国 外交abc", &["中", "国", "外", "交", "abc"]);
        check("abc外", &["abc", "外"]);
    }

    #[test]
    fn spans_are_those_of_the_source() {
        let text = "“Iran’s” É’s!";
        let mut got = Vec::new();
        for_each_token(text, |token| got.push(&text[token.span.range()]));
        assert_eq!(got, ["“", "Iran", "”", "É", "!"]);
    }

    #[test]
    fn long_words_are_cut_at_the_limit() {
        let long = "a".repeat(TOKEN_BYTES_MAX + 1);
        check(&long, &[&long[1..]]);
        check(&long[1..], &[&long[1..]]);
        let long = "ж".repeat(TOKEN_BYTES_MAX);
        check(&long, &[&long[..TOKEN_BYTES_MAX]]);
    }

    proptest::proptest! {
        #[test]
        fn plain_words_are_found_as_all_others_are(
            text in "(www\\. |[aZ7]{1,9}|[ .,'@:/_-]|\n|\u{2019}s|é|外){0,40}"
        ) {
            let mut by_word = Vec::new();
            for_each_token(&text, |token| {
                by_word.push((token.span, token.kind, token.normal.as_bytes().to_vec()));
            });
            let mut tokenizer = Tokenizer::new(&text);
            let mut by_byte = Vec::new();
            while let Some(byte) = tokenizer.byte(tokenizer.at) {
                match tokenizer.other(CLASSES[usize::from(byte)]) {
                    Some(kind) => {
                        let span = Span::new(tokenizer.start, tokenizer.end);
                        by_byte.push((span, kind, tokenizer.normal.as_bytes().to_vec()));
                    }
                    None => tokenizer.at += tokenizer.char_len(byte),
                }
            }
            assert_eq!(by_word, by_byte, "text={text:?}");
        }
    }

    #[test]
    fn signs_alone_are_no_tokens() {
        check("--- ... *** ' ’ $ # @ + ( \u{301}\u{301}", &[]);
    }
}
