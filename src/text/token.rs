//! A piece of a document, and where it was.

use super::NormalForm;

/// A part of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// The headline, when it came apart from the text.
    Title,
    /// The text.
    Text,
}

/// A run of bytes of one field, on character boundaries: from `start` up to, and without, `end`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The first byte.
    pub start: u32,
    /// The byte after the last.
    pub end: u32,
}

impl Span {
    /// Returns the span from `start` up to, and without, `end`, which are below 4 GiB.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the tokenizer checks the text's length")]
    pub(super) fn new(start: usize, end: usize) -> Span {
        Span { start: start as u32, end: end as u32 }
    }

    /// Returns the span from the start of `self` to the end of `other`.
    #[must_use]
    pub fn to(self, other: Span) -> Span {
        Span { start: self.start, end: other.end }
    }

    /// Returns the span in a text that starts `bytes` earlier.
    #[must_use]
    pub fn shifted(self, bytes: u32) -> Span {
        Span { start: self.start + bytes, end: self.end + bytes }
    }

    /// Returns the span as a range that slices the field it was taken from.
    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// What a token is, as its shape tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// A word, or an abbreviation such as `U.S.`
    Word,
    /// A number that is none of the kinds below. Its normal form tells how many digits it has.
    Number,
    /// A year from 1900 to 2099.
    Year,
    /// A day written in digits, such as `2026-11-23` or `23/11/26`.
    Date,
    /// A time of day, such as `18:30` or `7pm`.
    Time,
    /// A share, such as `12.5%`.
    Percent,
    /// A sum of money, such as `$1,200`.
    Money,
    /// A telephone number.
    Phone,
    /// A web address or a domain.
    Url,
    /// An e-mail address.
    Email,
    /// A `#word`.
    Hashtag,
    /// An `@name`.
    Mention,
    /// A sign such as `®`, `™` or `©`.
    Mark,
    /// A double quotation mark.
    Quote,
    /// An exclamation mark.
    Exclamation,
    /// A question mark.
    Question,
}

/// A piece of a document, and where it was.
#[derive(Clone, Copy, Debug)]
pub struct Token<'a> {
    /// Where the token stood.
    pub span: Span,
    /// What it is.
    pub kind: TokenKind,
    /// What equal tokens have in common.
    pub normal: &'a NormalForm,
}
