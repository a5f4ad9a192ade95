//! Held-out passages as what a model knows of pages.
//!
//! A page is read passage by passage, and passages are short. So a few passages of each document, and
//! all examples of furniture, are scored by models that were trained without them; how sure the model may
//! be of a passage, and what furniture looks like, is fitted on those scores.

use super::{
    calibrate::{self, Weighted},
    fit::{self, Method},
    weigh::{Training, Without},
};
use crate::{
    features::{FeatureId, FeatureVector, ValueSettings, VectorScratch, Vocabulary},
    model::{Furniture, FurnitureCalibration, PageReader, Settings, Weights},
    text::{Passage, PassageKind, passages},
};

/// A passage of a training document, or an example of furniture.
pub(super) struct TrainingPassage {
    pub(super) vector: FeatureVector,
    pub(super) is_closed: bool,
}

/// An example of page furniture.
pub(super) struct FurnitureExample {
    pub(super) passage: TrainingPassage,
    /// A hash of the content.
    pub(super) key: u64,
}

/// Returns the first passage of `text`, the middle one and the last: what a page shows of it most.
pub(super) fn sample_passages(
    text: &str,
    scratch: &mut VectorScratch,
    vocabulary: &Vocabulary,
    settings: &Settings,
) -> Vec<TrainingPassage> {
    let all: Vec<Passage> =
        passages(text).into_iter().filter(|passage| passage.kind != PassageKind::Rule).collect();
    let Some(last) = all.len().checked_sub(1) else { return Vec::new() };
    let mut places = vec![0, last / 2, last];
    places.dedup();
    places
        .into_iter()
        .map(|place| {
            let Passage { span, is_closed, .. } = all[place];
            let text = &text[span.range()];
            let vector = scratch.count_text(text, &settings.features, vocabulary).clone();
            TrainingPassage { vector, is_closed }
        })
        .filter(|passage| !passage.vector.features.is_empty())
        .collect()
}

/// Models that were trained without a part of the documents each.
pub(super) struct FoldModels {
    /// The fold that each document is held out in.
    pub(super) fold_of: Vec<usize>,
    /// The model of each fold.
    pub(super) models: Vec<Weights>,
}

/// Returns what the held-out passages tell of pages.
pub(super) fn reader(
    training: &Training<'_>,
    furniture: &[FurnitureExample],
    folds: &FoldModels,
) -> PageReader {
    let values = training.settings.values;
    let (mut scores, mut truth) = (Vec::new(), Vec::new());
    for (document, &fold) in training.documents.iter().zip(&folds.fold_of) {
        for passage in &document.passages {
            scores.push(folds.models[fold].scores(&passage.vector, values));
            truth.push(document.label);
        }
    }
    let calibration = calibrate::fit(&scores, &truth, training.labels);
    let furniture = match furniture {
        [] => None,
        examples => Some(learn_furniture(training, examples, folds)),
    };
    PageReader { calibration, furniture }
}

/// Returns what `base` knows of pages, with furniture by the counts of now.
pub(super) fn handed_on(training: &Training<'_>, base: &PageReader) -> PageReader {
    let known = base.furniture.as_ref().filter(|_| training.furniture_examples() != 0);
    let furniture = known.map(|known| Furniture {
        weights: weights(training, None, &[], |_| false),
        calibration: known.calibration,
    });
    PageReader { calibration: base.calibration.clone(), furniture }
}

fn learn_furniture(
    training: &Training<'_>,
    examples: &[FurnitureExample],
    folds: &FoldModels,
) -> Furniture {
    let n_folds = folds.models.len();
    let mut points: Vec<Weighted<3>> = Vec::new();
    for fold in 0..n_folds {
        let held_out: Vec<bool> = folds.fold_of.iter().map(|&of| of == fold).collect();
        let is_held_out = |example: &FurnitureExample| example.key % n_folds as u64 == fold as u64;
        let without = Without { held_out: &held_out };
        let weights = weights(training, Some(&without), examples, is_held_out);
        let found = uncalibrated(weights);
        let mut add = |passage: &TrainingPassage, is_furniture: bool| {
            let inputs = found.inputs(&passage.vector, training.settings.values, passage.is_closed);
            points.push(Weighted { inputs, is_true: is_furniture });
        };
        let documents = training.documents.iter().zip(&held_out).filter(|(_, out)| **out);
        documents
            .flat_map(|(document, _)| &document.passages)
            .for_each(|passage| add(passage, false));
        examples.iter().filter(|example| is_held_out(example)).for_each(|e| add(&e.passage, true));
    }
    let ([slope, words, closed], bias) = calibrate::fit_balanced(&points);
    let calibration = FurnitureCalibration { slope, words, closed, bias };
    Furniture { calibration, ..uncalibrated(weights(training, None, examples, |_| false)) }
}

fn uncalibrated(weights: Vec<f32>) -> Furniture {
    let calibration = FurnitureCalibration { slope: 1.0, words: 0.0, closed: 0.0, bias: 0.0 };
    Furniture { weights, calibration }
}

/// Returns the log-odds of each feature between furniture and content, by naive Bayes.
fn weights(
    training: &Training<'_>,
    without: Option<&Without<'_>>,
    examples: &[FurnitureExample],
    is_held_out: impl Fn(&FurnitureExample) -> bool,
) -> Vec<f32> {
    let Settings { values, smoothing, .. } = *training.settings;
    let mut sums = training.content_and_furniture_sums(without);
    for example in examples.iter().filter(|example| is_held_out(example)) {
        for (feature, steps) in steps(&example.passage.vector, values) {
            let sum = &mut sums[2 * feature.index() + 1];
            *sum = sum.saturating_sub(steps);
        }
    }
    let (kept, mut by_label) = (vec![true; sums.len() / 2], Vec::new());
    let method = Method { own: 1.0, others: 1.0, smoothing };
    fit::weights_by_formula(method, &sums, 2, &kept, &mut by_label);
    by_label.chunks_exact(2).map(|row| row[1]).collect()
}

/// Returns each feature and its value in steps.
pub(super) fn steps(
    vector: &FeatureVector,
    values: ValueSettings,
) -> impl Iterator<Item = (FeatureId, u64)> {
    let scale = values.scale(vector.occurrences);
    vector.features.iter().map(move |&(feature, tf)| (feature, values.steps(tf, scale)))
}
