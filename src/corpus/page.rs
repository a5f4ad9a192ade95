//! A JSON line as a page whose passages are labelled.

use serde_json::{Map, Value};

use super::{BadRowReason, example::utf8, json::json_reason};
use crate::text::Markup;

/// The label of passages that are not scored: page furniture.
pub const BOILERPLATE: &str = "boilerplate";

/// A page, its label, and those of its passages.
#[derive(Clone, PartialEq, Eq)]
pub struct PageExample {
    /// The page.
    pub text: String,
    /// How the page is marked up.
    pub markup: Markup,
    /// The label of the page.
    pub label: String,
    /// The passages in their order, as a reader sees them.
    pub passages: Vec<LabelledPassage>,
}

/// A passage, and its label.
#[derive(Clone, PartialEq, Eq)]
pub struct LabelledPassage {
    /// What a reader sees of it.
    pub text: String,
    /// Its label, or [`BOILERPLATE`].
    pub label: String,
}

/// Shows sizes only: documents are private, and `Debug` ends up in logs.
impl std::fmt::Debug for PageExample {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("PageExample")
            .field("text_bytes", &self.text.len())
            .field("label", &self.label)
            .field("passages", &self.passages.len())
            .finish_non_exhaustive()
    }
}

/// Shows the size only, like [`PageExample`].
impl std::fmt::Debug for LabelledPassage {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("LabelledPassage")
            .field("text_bytes", &self.text.len())
            .field("label", &self.label)
            .finish()
    }
}

/// Returns the page of a JSON line: `{"text", "label", "passages": [{"text", "label"}…]}`, and `format`,
/// which is `plain` or `html`.
pub(super) fn parse(line: &[u8]) -> Result<PageExample, BadRowReason> {
    let value: Value = serde_json::from_str(utf8(line)?).map_err(|error| json_reason(&error))?;
    let Value::Object(mut page) = value else {
        return Err(BadRowReason::NotAnObject { found: kind(&value) });
    };
    let markup = match page.get("format") {
        None | Some(Value::Null) => Markup::Plain,
        Some(format) => markup(format.as_str())?,
    };
    let passages = match page.remove("passages") {
        Some(Value::Array(passages)) => passages,
        None | Some(Value::Null) => return Err(BadRowReason::Missing { field: "passages" }),
        Some(other) => {
            return Err(BadRowReason::NotAList { field: "passages", found: kind(&other) });
        }
    };
    Ok(PageExample {
        text: string(&mut page, "text")?,
        markup,
        label: string(&mut page, "label")?,
        passages: passages.into_iter().map(passage).collect::<Result<_, _>>()?,
    })
}

/// Returns the markup that the field `format` names.
pub(super) fn markup(format: Option<&str>) -> Result<Markup, BadRowReason> {
    match format {
        Some("plain") => Ok(Markup::Plain),
        Some("html") => Ok(Markup::Html),
        _ => Err(BadRowReason::PageFormat),
    }
}

fn passage(value: Value) -> Result<LabelledPassage, BadRowReason> {
    let Value::Object(mut passage) = value else {
        return Err(BadRowReason::NotAList { field: "passages", found: kind(&value) });
    };
    Ok(LabelledPassage {
        text: string(&mut passage, "text")?,
        label: string(&mut passage, "label")?,
    })
}

fn string(object: &mut Map<String, Value>, field: &'static str) -> Result<String, BadRowReason> {
    match object.remove(field) {
        Some(Value::String(string)) if string.trim().is_empty() => {
            Err(BadRowReason::Blank { field })
        }
        Some(Value::String(string)) => Ok(string),
        None | Some(Value::Null) => Err(BadRowReason::Missing { field }),
        Some(other) => Err(BadRowReason::NotAString { field, found: kind(&other) }),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_page_with_labelled_passages() {
        let line = br#"{"text": "a\n\nb", "label": "x", "format": "html",
            "passages": [{"text": "a", "label": "x"}, {"text": "b", "label": "boilerplate"}]}"#;
        let page = parse(line).unwrap();
        assert_eq!(page.markup, Markup::Html);
        assert_eq!((page.text.as_str(), page.label.as_str()), ("a\n\nb", "x"));
        let passages = page.passages.iter().map(|p| (p.text.as_str(), p.label.as_str()));
        assert_eq!(passages.collect::<Vec<_>>(), [("a", "x"), ("b", BOILERPLATE)]);
    }

    #[test]
    fn a_line_that_is_no_page_names_the_field() {
        let reason = |line: &str| parse(line.as_bytes()).unwrap_err();
        let missing = BadRowReason::Missing { field: "passages" };
        assert_eq!(reason(r#"{"text": "a", "label": "x"}"#), missing);
        let not_a_list = BadRowReason::NotAList { field: "passages", found: "a string" };
        assert_eq!(reason(r#"{"text": "a", "label": "x", "passages": "a"}"#), not_a_list);
        assert_eq!(
            reason(r#"{"text": "a", "label": "x", "passages": [{"text": "a"}]}"#),
            BadRowReason::Missing { field: "label" }
        );
        assert_eq!(
            reason(r#"{"text": "a", "label": "x", "format": "pdf", "passages": []}"#),
            BadRowReason::PageFormat
        );
    }
}
