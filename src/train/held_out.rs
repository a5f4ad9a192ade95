//! Documents held out in turn: their scores by models that were trained without them.

use std::num::NonZeroUsize;

use rayon::prelude::*;

use super::{
    TrainError,
    pages::FoldModels,
    thresholds,
    thresholds::Sighting,
    weigh::{Training, TrainingDocument, Without},
};
use crate::{
    corpus::{Unit, folds},
    eval::{Metrics, Outcome, reliability},
    features::{FeatureVector, Vocabulary},
    label::LabelId,
    model::{Figures, Model, Thresholds, Weights},
};

/// Documents, and the models of the folds that each is held out of.
pub(super) struct HeldOut<'a> {
    pub(super) method: String,
    training: &'a Training<'a>,
    pub(super) folds: FoldModels,
    pub(super) scores: Vec<Vec<f64>>,
    pub(super) truth: Vec<LabelId>,
}

impl<'a> HeldOut<'a> {
    /// Holds out each fold in turn, and scores its documents by a model of the others. Returns nothing if
    /// there are fewer than two folds, or a label has fewer documents at hand than that.
    pub(super) fn new(
        training: &'a Training<'_>,
        n_folds: usize,
        log_priors: &[f64],
    ) -> Option<HeldOut<'a>> {
        let documents = training.documents;
        let n_folds = n_folds.min(training.fewest_documents());
        let n_folds = NonZeroUsize::new(n_folds).filter(|folds| 1 < folds.get())?;
        let units: Vec<Unit<'_>> = documents.iter().map(TrainingDocument::unit).collect();
        let folds = folds(&units, n_folds);
        let models = (0..n_folds.get()).into_par_iter().map(|fold| {
            let held_out: Vec<bool> = folds.fold_of.iter().map(|&of| of == fold).collect();
            let without = Without { held_out: &held_out };
            Weights::new(log_priors.to_vec(), training.fit_without(&without))
        });
        let models: Vec<Weights> = models.collect();
        let of_fold = documents.par_iter().zip(&folds.fold_of);
        let scores =
            of_fold.map(|(document, &fold)| training.scores(&document.vector, &models[fold]));
        let what = if folds.by_source { "whole sources held out" } else { "documents held out" };
        Some(HeldOut {
            method: format!("{n_folds} folds, {what}"),
            training,
            scores: scores.collect(),
            truth: documents.iter().map(|document| document.label).collect(),
            folds: FoldModels { fold_of: folds.fold_of, models },
        })
    }

    /// Measures the calibrated scores, writes the figures on the model's card, and sets the thresholds that
    /// keep errors at `max_error`.
    pub(super) fn measure(self, model: &mut Model, max_error: f64) -> Result<Metrics, TrainError> {
        let all = self.outcomes(model, &thresholds::UNMEASURED);
        let metrics = Metrics::of(&model.labels, &all);
        let figures = Figures {
            method: self.method.clone(),
            documents: metrics.documents,
            accuracy: metrics.accuracy,
            macro_f1: metrics.macro_f1,
            log_loss: metrics.log_loss,
            ece: metrics.ece,
            reliability: reliability(&all),
            risk: thresholds::risk(&all),
        };
        let words = words(&model.vocabulary);
        let [documents, openings] = self.sightings(model, &words);
        model.thresholds = thresholds::choose(&figures, &documents, &openings, max_error)?;
        model.card.figures = Some(figures);
        Ok(Metrics::of(&model.labels, &self.outcomes(model, &model.thresholds)))
    }

    fn outcomes(&self, model: &Model, thresholds: &Thresholds) -> Vec<Outcome> {
        let documents = self.scores.par_iter().zip(self.training.documents);
        documents
            .map(|(scores, document)| {
                let answer = model.decide(thresholds, scores.clone(), document.vector.extent());
                Outcome::new(&answer, document.label, model.labels.neither())
            })
            .collect()
    }

    /// Returns what the folds' models say of the documents, and of their openings.
    fn sightings(&self, model: &Model, words: &[bool]) -> [Vec<Sighting>; 2] {
        let documents = self.training.documents.par_iter().zip(&self.folds.fold_of);
        let whole = documents.clone().map(|(document, &fold)| {
            self.sighting(model, &document.vector, document.label, &self.folds.models[fold], words)
        });
        let openings = documents.flat_map_iter(|(document, &fold)| {
            document.openings.iter().map(move |vector| {
                self.sighting(model, vector, document.label, &self.folds.models[fold], words)
            })
        });
        [whole.collect(), openings.collect()]
    }

    fn sighting(
        &self,
        model: &Model,
        vector: &FeatureVector,
        truth: LabelId,
        weights: &Weights,
        words: &[bool],
    ) -> Sighting {
        let scores = self.training.scores(vector, weights);
        let answer = model.decide(&thresholds::UNMEASURED, scores, vector.extent());
        let outcome = Outcome::new(&answer, truth, model.labels.neither());
        Sighting {
            words: vector.words,
            known_share: known_share(vector, weights, words),
            margin: outcome.margin(),
            is_right: outcome.best[0] == truth,
        }
    }
}

/// Tells which features are words, by their names: one with a space is a run of words, one with a bracket a
/// shape, one with a star a run of characters.
fn words(vocabulary: &Vocabulary) -> Vec<bool> {
    let is_word = |name: &str| !name.contains([' ', '*']) && !name.starts_with('<');
    vocabulary.ids().map(|feature| is_word(vocabulary.name(feature))).collect()
}

/// Returns the share of the words of a document that `weights` know. What a fold's model does not know
/// weighs nothing in it.
fn known_share(vector: &FeatureVector, weights: &Weights, words: &[bool]) -> f64 {
    let known = vector.features.iter().filter(|(feature, _)| {
        words[feature.index()] && weights.row(*feature).iter().any(|&weight| weight != 0.0)
    });
    f64::from(known.map(|&(_, times)| times).sum::<u32>()) / f64::from(vector.words.max(1))
}
