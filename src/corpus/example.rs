//! The fields of a row as an [`Example`], whatever format they were in.

use std::{borrow::Cow, fmt};

use super::{BadRowReason, LABEL_BYTES_MAX};
use crate::text::{Document, DocumentError};

/// A document with its label.
#[derive(Clone, PartialEq, Eq)]
pub struct Example {
    /// What the corpus calls the document.
    pub id: Option<String>,
    /// The title, if it stands apart from the text. Never blank.
    pub title: Option<String>,
    /// The text. Never blank.
    pub text: String,
    /// The label, trimmed. Never blank.
    pub label: String,
    /// Who published it, trimmed. Never blank.
    pub source: Option<String>,
}

/// Shows the sizes of title and text only: documents are private, and `Debug` ends up in logs.
impl fmt::Debug for Example {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Example")
            .field("id", &self.id)
            .field("title_bytes", &self.title.as_ref().map(String::len))
            .field("text_bytes", &self.text.len())
            .field("label", &self.label)
            .field("source", &self.source)
            .finish()
    }
}

/// The fields of a row, unchecked, borrowed from it where possible.
#[derive(Default)]
pub(super) struct Fields<'a> {
    pub(super) id: Option<Cow<'a, str>>,
    pub(super) title: Option<Cow<'a, str>>,
    pub(super) text: Option<Cow<'a, str>>,
    pub(super) label: Option<Cow<'a, str>>,
    pub(super) source: Option<Cow<'a, str>>,
}

impl Fields<'_> {
    /// Checks all fields.
    pub(super) fn example(self) -> Result<Example, BadRowReason> {
        let title = self.title.filter(|title| !title.trim().is_empty());
        let text = checked_text(title.as_deref(), self.text)?;
        let label = self.label.ok_or(BadRowReason::Missing { field: "label" })?;
        Ok(Example {
            id: trimmed(self.id),
            label: checked_label(&label)?.to_owned(),
            title: title.map(Cow::into_owned),
            text: text.into_owned(),
            source: trimmed(self.source),
        })
    }
}

/// Returns the text, if it and the title make a document.
pub(super) fn checked_text<'a>(
    title: Option<&str>,
    text: Option<Cow<'a, str>>,
) -> Result<Cow<'a, str>, BadRowReason> {
    let text = text.ok_or(BadRowReason::Missing { field: "text" })?;
    match Document::with_title(title.unwrap_or_default(), &text) {
        Ok(_) => Ok(text),
        Err(DocumentError::Blank) => Err(BadRowReason::Blank { field: "text" }),
        Err(DocumentError::TooLong { bytes }) => Err(BadRowReason::TextTooLong { bytes }),
    }
}

fn checked_label(label: &str) -> Result<&str, BadRowReason> {
    let label = label.trim();
    if label.is_empty() {
        return Err(BadRowReason::Blank { field: "label" });
    }
    if LABEL_BYTES_MAX < label.len() {
        return Err(BadRowReason::LabelTooLong { bytes: label.len() });
    }
    if label.chars().any(char::is_control) {
        return Err(BadRowReason::LabelControl);
    }
    Ok(label)
}

/// Returns the bytes of a row as a string.
pub(super) fn utf8(row: &[u8]) -> Result<&str, BadRowReason> {
    str::from_utf8(row).map_err(|error| BadRowReason::Utf8 { offset: error.valid_up_to() })
}

fn trimmed(field: Option<Cow<'_, str>>) -> Option<String> {
    field.map(|field| field.trim().to_owned()).filter(|field| !field.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::DOCUMENT_BYTES_MAX;

    fn fields<'a>(text: &'a str, label: &'a str) -> Fields<'a> {
        Fields { text: Some(text.into()), label: Some(label.into()), ..Fields::default() }
    }

    #[track_caller]
    fn check_label(label: &str, expected: Result<&str, BadRowReason>) {
        let label = fields("a text", label).example().map(|example| example.label);
        assert_eq!(label, expected.map(str::to_owned));
    }

    #[test]
    fn trims_the_label_and_refuses_what_cannot_be_a_name() {
        check_label(" other\t", Ok("other"));
        check_label(" ", Err(BadRowReason::Blank { field: "label" }));
        check_label("a\nb", Err(BadRowReason::LabelControl));
        let longest = "a".repeat(LABEL_BYTES_MAX);
        check_label(&longest, Ok(&longest));
        let bytes = LABEL_BYTES_MAX + 1;
        check_label(&"a".repeat(bytes), Err(BadRowReason::LabelTooLong { bytes }));
    }

    #[test]
    fn names_the_field_that_is_missing_or_blank() {
        let missing = |field| Err(BadRowReason::Missing { field });
        assert_eq!(Fields { text: None, ..fields("", "a") }.example(), missing("text"));
        assert_eq!(Fields { label: None, ..fields("a", "") }.example(), missing("label"));
        assert_eq!(fields("\u{a0}\n", "a").example(), Err(BadRowReason::Blank { field: "text" }));
    }

    #[test]
    fn blank_optional_fields_are_none() {
        let blank = || Some(" ".into());
        let row = Fields { id: blank(), title: blank(), source: blank(), ..fields("a", "b") };
        let example = row.example().unwrap();
        assert_eq!((example.id, example.title, example.source), (None, None, None));
    }

    #[test]
    fn the_text_is_kept_as_it_is() {
        assert_eq!(fields(" a\r\nb ", "b").example().unwrap().text, " a\r\nb ");
    }

    #[test]
    fn accepts_the_longest_document_and_refuses_one_byte_more() {
        let text = "a".repeat(DOCUMENT_BYTES_MAX);
        assert!(fields(&text, "b").example().is_ok());
        let titled = Fields { title: Some("t".into()), ..fields(&text, "b") };
        let bytes = DOCUMENT_BYTES_MAX + 1;
        assert_eq!(titled.example(), Err(BadRowReason::TextTooLong { bytes }));
    }

    #[test]
    fn debug_shows_no_text() {
        let row = Fields { title: Some("secret".into()), ..fields("private", "b") };
        let shown = format!("{:?}", row.example().unwrap());
        assert!(!shown.contains("secret") && !shown.contains("private"), "{shown}");
    }
}
