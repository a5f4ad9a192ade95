//! A JSON line as the fields of an example, or as a document without a label.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{self, IgnoredAny},
};
use serde_json::{Number, Value};

use super::{
    BadRowReason,
    example::{Fields, checked_text, utf8},
    page::markup,
};
use crate::text::Markup;

/// A document without a label, borrowed from its JSON line where possible.
#[derive(Clone, PartialEq)]
pub struct DocumentRow<'a> {
    /// What the caller calls the document, to be echoed as it came: a string, a number or null.
    pub id: Value,
    /// The title, if it stands apart from the text. Never blank.
    pub title: Option<Cow<'a, str>>,
    /// The text. Never blank.
    pub text: Cow<'a, str>,
    /// Who published it.
    pub source: Option<Cow<'a, str>>,
    /// How it is marked up, if the line says so.
    pub markup: Option<Markup>,
}

/// Shows the sizes of title and text only: documents are private, and `Debug` ends up in logs.
impl fmt::Debug for DocumentRow<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("DocumentRow")
            .field("id", &self.id)
            .field("title_bytes", &self.title.as_ref().map(|title| title.len()))
            .field("text_bytes", &self.text.len())
            .field("source", &self.source)
            .field("markup", &self.markup)
            .finish()
    }
}

/// Returns the document of a JSON line with `text`, and optionally `id`, `title`, `source` and `format`,
/// which is `plain` or `html`.
///
/// Title and text together are at most [`DOCUMENT_BYTES_MAX`](crate::text::DOCUMENT_BYTES_MAX) long.
pub fn parse_document(line: &[u8]) -> Result<DocumentRow<'_>, BadRowReason> {
    let object = object(utf8(line)?)?;
    let title = string("title", object.title)?.filter(|title| !title.trim().is_empty());
    Ok(DocumentRow {
        id: object.id.map_or(Ok(Value::Null), echoed)?,
        text: checked_text(title.as_deref(), string("text", object.text)?)?,
        title,
        source: string("source", object.source)?.filter(|source| !source.trim().is_empty()),
        markup: string("format", object.format)?.map(|format| markup(Some(&format))).transpose()?,
    })
}

/// Returns the fields of a JSON line; the `id` as a string, even if it is a number.
pub(super) fn fields(line: &str) -> Result<Fields<'_>, BadRowReason> {
    let object = object(line)?;
    Ok(Fields {
        id: object.id.map(name).transpose()?,
        title: string("title", object.title)?,
        text: string("text", object.text)?,
        label: string("label", object.label)?,
        source: string("source", object.source)?,
    })
}

/// The known fields of a line, of any kind. What is null is none, like what is missing.
#[derive(Deserialize)]
struct Object<'a> {
    #[serde(borrow)]
    id: Option<Field<'a>>,
    #[serde(borrow)]
    title: Option<Field<'a>>,
    #[serde(borrow)]
    text: Option<Field<'a>>,
    #[serde(borrow)]
    label: Option<Field<'a>>,
    #[serde(borrow)]
    source: Option<Field<'a>>,
    #[serde(borrow)]
    format: Option<Field<'a>>,
}

/// A value that is taken whatever its kind, since serde's own refusal would quote it.
enum Field<'a> {
    String(Cow<'a, str>),
    Number(Number),
    Other(&'static str),
}

fn object(line: &str) -> Result<Object<'_>, BadRowReason> {
    let found = match line.trim_ascii_start().bytes().next() {
        Some(b'{') => return serde_json::from_str(line).map_err(|error| json_reason(&error)),
        Some(b'[') => "an array",
        Some(b'"') => "a string",
        _ => "something else",
    };
    Err(BadRowReason::NotAnObject { found })
}

/// Returns what `serde_json` says, which is about the syntax or a known field that occurs twice:
/// [`Field`] refuses no value, so no value is quoted.
pub(super) fn json_reason(error: &serde_json::Error) -> BadRowReason {
    let reason = error.to_string();
    let position = format!(" at line {} column {}", error.line(), error.column());
    let reason = reason.strip_suffix(&position).unwrap_or(&reason).to_owned();
    BadRowReason::Json { column: error.column(), reason }
}

fn string<'a>(
    field: &'static str,
    value: Option<Field<'a>>,
) -> Result<Option<Cow<'a, str>>, BadRowReason> {
    let found = match value {
        None => return Ok(None),
        Some(Field::String(string)) => return Ok(Some(string)),
        Some(Field::Number(_)) => "a number",
        Some(Field::Other(found)) => found,
    };
    Err(BadRowReason::NotAString { field, found })
}

fn name(id: Field<'_>) -> Result<Cow<'_, str>, BadRowReason> {
    match id {
        Field::String(string) => Ok(string),
        Field::Number(number) => Ok(Cow::Owned(number.to_string())),
        Field::Other(found) => Err(BadRowReason::NotAString { field: "id", found }),
    }
}

fn echoed(id: Field<'_>) -> Result<Value, BadRowReason> {
    match id {
        Field::String(string) => Ok(Value::String(string.into_owned())),
        Field::Number(number) => Ok(Value::Number(number)),
        Field::Other(found) => Err(BadRowReason::NotAString { field: "id", found }),
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Field<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Field<'a>, D::Error> {
        deserializer.deserialize_any(FieldVisitor)
    }
}

struct FieldVisitor;

impl<'de> de::Visitor<'de> for FieldVisitor {
    type Value = Field<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any value")
    }

    fn visit_borrowed_str<E: de::Error>(self, string: &'de str) -> Result<Field<'de>, E> {
        Ok(Field::String(Cow::Borrowed(string)))
    }

    fn visit_str<E: de::Error>(self, string: &str) -> Result<Field<'de>, E> {
        Ok(Field::String(Cow::Owned(string.to_owned())))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Field<'de>, E> {
        Ok(Field::Number(number.into()))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Field<'de>, E> {
        Ok(Field::Number(number.into()))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Field<'de>, E> {
        Ok(Number::from_f64(number).map_or(Field::Other("a number"), Field::Number))
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Field<'de>, E> {
        Ok(Field::Other("a boolean"))
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut items: A) -> Result<Field<'de>, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Field::Other("an array"))
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut entries: A) -> Result<Field<'de>, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Field::Other("an object"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check_bad(line: &str, expected: &str) {
        let reason = fields(line).and_then(Fields::example).unwrap_err().to_string();
        assert_eq!(reason, expected, "line={line}");
        let reason = parse_document(line.as_bytes());
        assert!(!format!("{reason:?}").contains("secret"), "line={line} reason={reason:?}");
    }

    #[test]
    fn reads_known_fields_and_ignores_others() {
        let line =
            r#"{"lang":"en","id":7,"title":"T","text":"a\nb","label":"x","source":"s","y":[1]}"#;
        let example = fields(line).and_then(Fields::example).unwrap();
        assert_eq!(example.id.as_deref(), Some("7"));
        assert_eq!(example.title.as_deref(), Some("T"));
        assert_eq!(example.text, "a\nb");
        assert_eq!(example.label, "x");
        assert_eq!(example.source.as_deref(), Some("s"));
    }

    #[test]
    fn says_what_is_wrong_without_quoting_it() {
        let not_an_object =
            |found| format!("the line is not a JSON object but {found}; write one object a line");
        check_bad(r#"["secret","b","c","d","e"]"#, &not_an_object("an array"));
        check_bad(r#""secret""#, &not_an_object("a string"));
        check_bad("secret", &not_an_object("something else"));
        check_bad(r#"{"text":"secret","label":5}"#, "`label` is a number, not a string");
        check_bad(r#"{"text":{"secret":1},"label":"a"}"#, "`text` is an object, not a string");
        check_bad(r#"{"text":["secret"],"label":"a"}"#, "`text` is an array, not a string");
        check_bad(r#"{"id":true,"text":"secret"}"#, "`id` is a boolean, not a string");
        check_bad(r#"{"title":"secret"}"#, "`text` is missing");
        check_bad(r#"{"text":null,"label":"secret"}"#, "`text` is missing");
    }

    #[test]
    fn bad_json_is_named_by_its_place_and_never_quoted() {
        check_bad(r#"{"text":"secret"#, "bad JSON at byte 15: EOF while parsing a string");
        check_bad(
            r#"{"text":"secret","text":"secret"}"#,
            "bad JSON at byte 23: duplicate field `text`",
        );
        check_bad(
            r#"{"text":"secret"} {"label":"secret"}"#,
            "bad JSON at byte 19: trailing characters",
        );
        for line in [
            r#"{"text":secret}"#,
            r#"{"text":"\secret"}"#,
            "{\"text\":\"secret\u{1}\"}",
            r#"{"text":"secret\ud800"}"#,
            r#"{"secret":1,"id":1e999}"#,
            r"{secret:1}",
        ] {
            let reason = parse_document(line.as_bytes()).unwrap_err();
            assert!(matches!(reason, BadRowReason::Json { .. }), "line={line}");
            assert!(!reason.to_string().contains("secret"), "{reason}");
        }
    }

    #[test]
    fn a_document_echoes_its_id_as_it_came_and_needs_no_label() {
        for id in [json!("a"), json!(12), json!(-1), json!(1.5), Value::Null] {
            let line = json!({"id": id, "text": "b", "label": 3}).to_string();
            assert_eq!(parse_document(line.as_bytes()).unwrap().id, id);
        }
        assert_eq!(parse_document(br#"{"text":"b"}"#).unwrap().id, Value::Null);
    }

    #[test]
    fn a_text_without_escapes_is_borrowed() {
        let row =
            parse_document(b"{\"text\":\"a\",\"title\":\"b\\n\",\"source\":\" \"}\r").unwrap();
        assert!(matches!(row.text, Cow::Borrowed("a")));
        assert_eq!(row.title.as_deref(), Some("b\n"));
        assert_eq!(row.source, None);
    }

    #[test]
    fn a_document_that_is_blank_or_no_text_is_refused() {
        let blank = BadRowReason::Blank { field: "text" };
        assert_eq!(parse_document(br#"{"text":" "}"#), Err(blank));
        let offset = BadRowReason::Utf8 { offset: 9 };
        assert_eq!(parse_document(b"{\"text\":\"\xff\"}"), Err(offset));
    }
}
