//! The settings of a model as names and values.

use serde_json::Value;

use crate::model::Settings;

/// Returns each setting by name and value, such as `features.ngram` and `2`, sorted by name.
///
/// The names are those of the model file, joined by dots, so a new setting shows up by itself.
pub(super) fn values(settings: &Settings) -> impl Iterator<Item = (String, String)> + use<> {
    let json = serde_json::to_value(settings).expect("settings have string keys");
    let mut values = Vec::new();
    flatten("", json, &mut values);
    values.sort_unstable();
    values.into_iter()
}

fn flatten(name: &str, value: Value, values: &mut Vec<(String, String)>) {
    let simple = match value {
        Value::Object(fields) => {
            let dot = if name.is_empty() { "" } else { "." };
            for (field, value) in fields {
                flatten(&format!("{name}{dot}{field}"), value, values);
            }
            return;
        }
        Value::String(text) => text,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => value.to_string(),
    };
    values.push((name.to_owned(), simple));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_joined_by_dots_and_texts_have_no_quotes() {
        let json = serde_json::json!({"b": {"d": "x", "c": 1.5}, "a": true, "e": [1, 2]});
        let mut values = Vec::new();
        flatten("", json, &mut values);
        values.sort_unstable();
        let names = values.iter().map(|(name, value)| format!("{name}={value}"));
        assert_eq!(names.collect::<Vec<_>>(), ["a=true", "b.c=1.5", "b.d=x", "e=[1,2]"]);
    }
}
