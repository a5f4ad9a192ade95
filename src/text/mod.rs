//! How does a text become tokens?
//!
//! A [`Document`] is a text that was checked once, so that no later stage can fail. Its tokens know
//! where they stood in it, byte for byte. This module knows nothing of labels, features or models.

mod html;
mod ascii;
mod normal;
mod normalize;
mod passage;
mod reading;
mod shape;
mod token;
mod tokenize;

pub use normal::NormalForm;
pub use passage::{PASSAGE_BYTES_MAX, Passage, PassageKind, Region, ends_sentence, passages};
pub use reading::{Markup, Reading};
pub use token::{Field, Span, Token, TokenKind};
pub use tokenize::{TOKEN_BYTES_MAX, for_each_token};

/// The longest document that is classified, in bytes of title and text together.
///
/// The longest article in a hundred thousand is a tenth of it, while a scraped page can reach it. It
/// takes some ten milliseconds to classify, so one document cannot hold a worker for long.
pub const DOCUMENT_BYTES_MAX: usize = 1024 * 1024;

/// The most passages of a document that is read as a page.
///
/// The longest pages have some hundreds; a text with more is a list or rubbish, and each passage takes
/// an answer of its own.
pub const PASSAGES_MAX: usize = 4096;

/// A text that is known to be classifiable: its source is not blank, and at most [`DOCUMENT_BYTES_MAX`]
/// long.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Document<'a> {
    title: &'a str,
    text: &'a str,
}

impl<'a> Document<'a> {
    /// Checks `text` once, so that no later stage has to.
    pub fn new(text: &'a str) -> Result<Document<'a>, DocumentError> {
        Document::with_title("", text)
    }

    /// Checks a `text` whose `title` is known apart from it. The title may be empty, the text not.
    pub fn with_title(title: &'a str, text: &'a str) -> Result<Document<'a>, DocumentError> {
        if text.trim().is_empty() {
            return Err(DocumentError::Blank);
        }
        Document::check_bytes(title, text)?;
        Ok(Document { title, text })
    }

    /// Checks that `title` and the source of a text are not longer together than a document may be.
    pub fn check_bytes(title: &str, source: &str) -> Result<(), DocumentError> {
        let bytes = title.len().saturating_add(source.len());
        if bytes <= DOCUMENT_BYTES_MAX { Ok(()) } else { Err(DocumentError::TooLong { bytes }) }
    }

    /// Checks what a reader sees of a text, whose `title` is known apart from it. The source may not be
    /// blank; markup alone is a document in which there is nothing to see.
    pub fn of_reading(
        title: &'a str,
        reading: &'a Reading<'_>,
    ) -> Result<Document<'a>, DocumentError> {
        let bytes = title.len().saturating_add(reading.source_bytes());
        if DOCUMENT_BYTES_MAX < bytes {
            return Err(DocumentError::TooLong { bytes });
        }
        if reading.is_blank_source() {
            return Err(DocumentError::Blank);
        }
        Ok(Document { title, text: reading.text() })
    }

    /// Tells whether there is nothing to see of title and text.
    pub fn is_blank(&self) -> bool {
        self.text.trim().is_empty() && self.title.trim().is_empty()
    }

    /// Returns the text of `field`.
    pub fn field(&self, field: Field) -> &'a str {
        match field {
            Field::Title => self.title,
            Field::Text => self.text,
        }
    }
}

/// Shows sizes only: documents are private, and `Debug` ends up in logs.
impl std::fmt::Debug for Document<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Document")
            .field("title_bytes", &self.title.len())
            .field("text_bytes", &self.text.len())
            .finish()
    }
}

/// Why a text is not a [`Document`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// The text is empty, or white space only.
    #[error("the text is empty or blank; send at least one word")]
    Blank,
    /// Title and text are too long.
    #[error(
        "title and text have {bytes} bytes, at most {DOCUMENT_BYTES_MAX} are possible; send the \
         article in parts"
    )]
    TooLong {
        /// The bytes of title and text.
        bytes: usize,
    },
}

/// A text that has too many passages to be read as a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the text has {passages} passages, at most {PASSAGES_MAX} are possible; send it in parts, or \
     classify it without its passages"
)]
pub struct TooManyPassages {
    /// The number of passages.
    pub passages: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_blank_texts() {
        for text in ["", " ", "\n\t\u{a0}\u{2003}"] {
            assert_eq!(Document::with_title("a title", text), Err(DocumentError::Blank));
        }
    }

    #[test]
    fn accepts_the_longest_text_and_refuses_one_byte_more() {
        let text = "a".repeat(DOCUMENT_BYTES_MAX);
        assert!(Document::new(&text).is_ok());
        let bytes = DOCUMENT_BYTES_MAX + 1;
        assert_eq!(Document::with_title("b", &text), Err(DocumentError::TooLong { bytes }));
    }

    #[test]
    fn debug_shows_no_text() {
        let document = Document::with_title("secret", "private").unwrap();
        assert_eq!(format!("{document:?}"), "Document { title_bytes: 6, text_bytes: 7 }");
    }
}
