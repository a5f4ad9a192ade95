//! A fastText line as the fields of an example.

use super::{BadRowReason, example::Fields};

/// What a label begins with, on a line as fastText reads it.
pub(super) const LABEL_MARK: &str = "__label__";

/// Returns the fields of `__label__name and the text`.
///
/// fastText takes a label anywhere in the line, so a marked word in the text is a second label.
pub(super) fn fields(line: &str) -> Result<Fields<'_>, BadRowReason> {
    let marked = line.trim_start().strip_prefix(LABEL_MARK).ok_or(BadRowReason::LabelMark)?;
    let (label, text) = marked.split_once(char::is_whitespace).unwrap_or((marked, ""));
    let more = text.split_whitespace().filter(|word| word.starts_with(LABEL_MARK)).count();
    if 0 < more {
        return Err(BadRowReason::Labels { labels: 1 + more });
    }
    Ok(Fields { text: Some(text.into()), label: Some(label.into()), ..Fields::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: Result<(&str, &str), BadRowReason>) {
        let got = fields(line).and_then(Fields::example);
        let expected = expected.map(|(label, text)| (label.to_owned(), text.to_owned()));
        assert_eq!(got.map(|example| (example.label, example.text)), expected, "line={line}");
    }

    #[test]
    fn the_rest_of_the_line_is_the_text() {
        check("__label__spam Buy  now, friend", Ok(("spam", "Buy  now, friend")));
        check(" __label__spam\tBuy", Ok(("spam", "Buy")));
        check("__label__a my__label__b", Ok(("a", "my__label__b")));
    }

    #[test]
    fn a_line_has_one_label_and_a_text() {
        check("Buy now", Err(BadRowReason::LabelMark));
        check("__label__a __label__b Buy __label__c", Err(BadRowReason::Labels { labels: 3 }));
        check("__label__ Buy", Err(BadRowReason::Blank { field: "label" }));
        check("__label__a", Err(BadRowReason::Blank { field: "text" }));
    }
}
