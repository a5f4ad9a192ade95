//! A score, left unsummed.

use hashbrown::HashMap;

use super::Model;
use crate::{
    features::{FeatureId, FeatureVector, extract_text},
    label::LabelId,
    text::{Document, Field, Span},
};

/// The most places that are given for one feature: enough to mark it in a text.
pub const PLACES_MAX: usize = 16;

/// One feature's share of the log-odds between two labels.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// The feature.
    pub feature: FeatureId,
    /// How much it adds to the score of the best label over that of the second.
    pub log_odds: f64,
    /// Where it stands, in order; at most the first [`PLACES_MAX`].
    pub places: Vec<Place>,
}

/// Where a feature stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The field.
    pub field: Field,
    /// The bytes of the field.
    pub span: Span,
}

/// A run of a document whose features were counted by themselves.
#[derive(Clone, Copy)]
pub(super) struct Part<'a> {
    text: &'a str,
    field: Field,
    /// Where it starts in its field.
    start: u32,
}

impl<'a> Part<'a> {
    /// Returns the title and the text of `document`.
    pub(super) fn fields(document: &Document<'a>) -> [Part<'a>; 2] {
        [Field::Title, Field::Text].map(|field| Part::whole(document.field(field), field))
    }

    /// Returns the whole `text` of `field`.
    pub(super) fn whole(text: &'a str, field: Field) -> Part<'a> {
        Part { text, field, start: 0 }
    }

    /// Returns the run `span` of the text.
    pub(super) fn of(text: &'a str, span: Span) -> Part<'a> {
        Part { text: &text[span.range()], field: Field::Text, start: span.start }
    }
}

/// Returns the `max` strongest features of `parts` between the labels `best`, strongest first.
///
/// The prior's difference plus the log-odds of all features is the difference of the scores.
pub(super) fn find(
    model: &Model,
    parts: &[Part<'_>],
    vector: &FeatureVector,
    best: [LabelId; 2],
    max: usize,
) -> Vec<Evidence> {
    let mut found = shares(model, vector, best);
    // Names break ties, and features are sorted by name: the order does not depend on the text.
    found.sort_unstable_by(|a, b| {
        b.log_odds.abs().total_cmp(&a.log_odds.abs()).then(a.feature.cmp(&b.feature))
    });
    found.truncate(max);
    add_places(model, parts, &mut found);
    found
}

fn shares(model: &Model, vector: &FeatureVector, [best, second]: [LabelId; 2]) -> Vec<Evidence> {
    let scale = model.settings.values.scale(vector.occurrences);
    let values = model.settings.values.values();
    let features = vector.features.iter();
    features
        .map(|&(feature, tf)| {
            let row = model.weights.row(feature);
            let weight = f64::from(row[best.index()]) - f64::from(row[second.index()]);
            Evidence { feature, log_odds: scale * values.of(tf) * weight, places: Vec::new() }
        })
        .collect()
}

fn add_places(model: &Model, parts: &[Part<'_>], found: &mut [Evidence]) {
    let by_feature: HashMap<FeatureId, usize> =
        found.iter().enumerate().map(|(index, evidence)| (evidence.feature, index)).collect();
    for part in parts {
        extract_text(part.text, part.field, &model.settings.features, |feature| {
            let Some(id) = model.vocabulary.find(feature.key) else { return };
            let Some(&index) = by_feature.get(&id) else { return };
            let places = &mut found[index].places;
            if places.len() < PLACES_MAX {
                places.push(Place { field: feature.field, span: feature.span.shifted(part.start) });
            }
        });
    }
}
