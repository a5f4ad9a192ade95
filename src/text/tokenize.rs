//! Documents as tokens.
//!
//! Tokenizing never fails, allocates nothing for ASCII text, and takes time linear in the text: it
//! looks ahead by at most [`TOKEN_BYTES_MAX`] bytes.

use super::{
    Span, Token, TokenKind,
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
///     words.push(String::from_utf8_lossy(token.normal).into_owned());
/// });
/// assert_eq!(words, ["italy", "28th", "fair", "<n4>", "stands", "<!>"]);
/// ```
pub fn for_each_token(text: &str, mut visit: impl FnMut(Token<'_>)) {
    let mut tokenizer =
        Tokenizer { text, at: 0, buffer: [0; TOKEN_BYTES_MAX], slow: String::new() };
    while let Some(found) = tokenizer.next() {
        let Found { start, end, kind, normal } = found;
        let normal = match normal {
            Normal::Buffer(len) => &tokenizer.buffer[..len],
            Normal::Slow => cut(tokenizer.slow.as_bytes(), &tokenizer.slow),
            Normal::Name(name) => name.as_bytes(),
        };
        if !normal.is_empty() {
            visit(Token { span: Span::new(start, end), kind, normal });
        }
    }
}

/// Returns at most the first [`TOKEN_BYTES_MAX`] bytes of `word`, whole characters only.
fn cut<'a>(bytes: &'a [u8], word: &str) -> &'a [u8] {
    &bytes[..word.floor_char_boundary(TOKEN_BYTES_MAX)]
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
    /// The normal form of an ASCII word.
    buffer: [u8; TOKEN_BYTES_MAX],
    /// The normal form of another word.
    slow: String,
}

/// A token whose normal form is still where it was made.
struct Found {
    start: usize,
    end: usize,
    kind: TokenKind,
    normal: Normal,
}

enum Normal {
    Buffer(usize),
    Slow,
    Name(&'static str),
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

impl Tokenizer<'_> {
    fn next(&mut self) -> Option<Found> {
        loop {
            let byte = self.byte(self.at)?;
            let found = match CLASSES[usize::from(byte)] {
                Class::Skip => None,
                Class::Letter => Some(self.word()),
                Class::Digit => Some(self.digits()),
                Class::Sign => self.sign(),
                Class::High => self.high(),
            };
            match found {
                Some(found) => {
                    debug_assert!(found.start < found.end && found.end <= self.at);
                    return Some(found);
                }
                None => self.at += self.char_len(byte),
            }
        }
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    fn char_len(&self, byte: u8) -> usize {
        if byte < 0x80 { 1 } else { self.text[self.at..].chars().next().map_or(1, char::len_utf8) }
    }

    /// Returns the word or the address that starts with the letter at hand.
    fn word(&mut self) -> Found {
        let start = self.at;
        let len = self.ascii_run(start, 0);
        let end = start + len;
        let Some(next) = self.byte(end) else { return self.word_found(start, end, len) };
        match next {
            b'.' | b'@' | b'-' | b'_' | b'+' | b':' | b'/' => self.compound(start, end, len),
            b'\'' => self.after_apostrophe(start, end, len, 1),
            0x80.. => self.before_high(start, end, len),
            _ => self.word_found(start, end, len),
        }
    }

    /// Copies the ASCII letters and digits from `from` on to the buffer at `to`, in lower case.
    /// Returns how many there are, which can be more than the buffer holds.
    fn ascii_run(&mut self, from: usize, to: usize) -> usize {
        let mut len = 0;
        for &byte in &self.text.as_bytes()[from..] {
            let lower = LOWER[usize::from(byte)];
            if lower == 0 {
                break;
            }
            if let Some(slot) = self.buffer.get_mut(to + len) {
                *slot = lower;
            }
            len += 1;
        }
        len
    }

    fn word_found(&mut self, start: usize, end: usize, len: usize) -> Found {
        self.at = end;
        let normal = Normal::Buffer(len.min(TOKEN_BYTES_MAX));
        Found { start, end, kind: TokenKind::Word, normal }
    }

    /// Returns the abbreviation or the address that goes on after the word at hand, or the word.
    fn compound(&mut self, start: usize, end: usize, len: usize) -> Found {
        if let Some((kind, len)) = shape::address(&self.text.as_bytes()[start..]) {
            return self.shape_found(start, start + len, kind);
        }
        if len == 1 && self.byte(end) == Some(b'.') {
            return self.abbreviation(start);
        }
        self.word_found(start, end, len)
    }

    /// Returns the abbreviation, such as `U.S.`, whose first letter is at hand, or that letter.
    fn abbreviation(&mut self, start: usize) -> Found {
        let bytes = self.text.as_bytes();
        let is_letter = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_alphabetic);
        let mut end = start + 1;
        let mut len = 1;
        while bytes.get(end) == Some(&b'.')
            && is_letter(end + 1)
            && !bytes.get(end + 2).is_some_and(|&byte| LOWER[usize::from(byte)] != 0 || 0x7f < byte)
            && len + 1 < TOKEN_BYTES_MAX
        {
            self.buffer[len] = b'.';
            self.buffer[len + 1] = bytes[end + 1].to_ascii_lowercase();
            len += 2;
            end += 2;
        }
        self.word_found(start, end, len)
    }

    /// Returns the word at hand, which an apostrophe of `width` bytes follows.
    fn after_apostrophe(&mut self, start: usize, end: usize, len: usize, width: usize) -> Found {
        let tail_start = end + width;
        let tail = self.text.get(tail_start..).unwrap_or_default();
        let tail_len = tail.bytes().take_while(u8::is_ascii_alphabetic).count();
        let ends = !tail[tail_len..].starts_with(is_word_char);
        if tail_len == 0 || !ends || TOKEN_BYTES_MAX <= len + tail_len {
            return self.word_found(start, end, len);
        }
        if possessive_len(&self.text[end..]) != 0 {
            let found = self.word_found(start, end, len);
            self.at = tail_start + tail_len;
            return found;
        }
        self.buffer[len] = b'\'';
        self.ascii_run(tail_start, len + 1);
        self.word_found(start, tail_start + tail_len, len + 1 + tail_len)
    }

    /// Returns the word at hand, which goes on with, or ends before, a character beyond ASCII.
    fn before_high(&mut self, start: usize, end: usize, len: usize) -> Found {
        let next = self.text[end..].chars().next();
        match next {
            Some('\u{2019}') => self.after_apostrophe(start, end, len, '\u{2019}'.len_utf8()),
            Some(c) if is_word_char(c) && !is_ideograph(c) => self.slow_word(start),
            _ => self.word_found(start, end, len),
        }
    }

    /// Returns the word of any script that starts at `start`.
    fn slow_word(&mut self, start: usize) -> Found {
        let rest = &self.text[start..];
        let len = rest.find(|c| !is_word_char(c) || is_ideograph(c)).unwrap_or(rest.len());
        self.slow_found(start, start + len)
    }

    fn slow_found(&mut self, start: usize, end: usize) -> Found {
        self.slow.clear();
        let word = &self.text[start..end];
        // Four times as much as can count, since a normal form can be shorter.
        let head = &word[..word.floor_char_boundary(4 * TOKEN_BYTES_MAX)];
        normalize(head, &mut self.slow);
        self.at = end + possessive_len(&self.text[end..]);
        Found { start, end, kind: TokenKind::Word, normal: Normal::Slow }
    }

    /// Returns the number, or the word, that starts with the digit at hand.
    fn digits(&mut self) -> Found {
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
            let len = self.ascii_run(start, 0);
            return self.word_found(start, start + len, len);
        }
        self.number_found(start, &number)
    }

    fn number_found(&mut self, start: usize, number: &shape::Number) -> Found {
        self.at = start + number.len;
        let normal = Normal::Name(number.name);
        Found { start, end: self.at, kind: number.kind, normal }
    }

    fn shape_found(&mut self, start: usize, end: usize, kind: TokenKind) -> Found {
        self.at = end;
        Found { start, end, kind, normal: Normal::Name(shape::name(kind)) }
    }

    /// Returns the token that starts with the ASCII sign at hand, if one does.
    fn sign(&mut self) -> Option<Found> {
        let start = self.at;
        let (kind, len) = shape::sign(&self.text.as_bytes()[start..])?;
        Some(self.shape_found(start, start + len, kind))
    }

    /// Returns the token that starts with the character beyond ASCII at hand, if one does.
    fn high(&mut self) -> Option<Found> {
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
            got.push(String::from_utf8(token.normal.to_vec()).unwrap());
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

    #[test]
    fn signs_alone_are_no_tokens() {
        check("--- ... *** ' ’ $ # @ + ( \u{301}\u{301}", &[]);
    }
}
