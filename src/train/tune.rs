//! Settings by trial: what does best on documents held out of training is kept.
//!
//! The search asks one question after the other, such as "how much smoothing?", and tries the answers that
//! are next to the best settings so far, as long as one is better. It asks all questions twice, since one
//! answer may depend on another. What is tried follows from what was measured, and that from the corpus
//! alone, so a search can be repeated; a limit of time cuts its list short, and changes nothing before that.
//! Folds are worked off side by side, and trials one after the other.
//!
//! What decides is [`Trial::loss`]: log loss sees by how much each document is right or wrong, accuracy
//! which answers are worth it. Macro-F1 jumps with the rarest label, so it has no say.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    Collected, Config, Counts, FeatureCounts, Sample, TrainError, Trained, calibrate, collect,
    documents, estimate,
    held_out::HeldOut,
    labels, log_priors,
    questions::{Answer, Needs, Question},
    select,
    tally::count,
    vocabulary,
    weigh::{Training, TrainingDocument},
};
use crate::{
    corpus::Rows,
    eval::{Metrics, Outcome},
    label::LabelSet,
    model::{Settings, Trial, Tuning, best_two},
};

/// The share of the loss that a change must save to be kept. What saves less may be chance.
const GAIN_MIN: f64 = 0.01;

/// How often all questions are asked.
const ROUNDS: usize = 2;

/// What may be searched, and for how long.
pub struct Search<'a> {
    /// What is asked; other settings stay as they are.
    pub questions: Vec<Question>,
    /// The time after which no trial begins any more. Reading the corpus, and training with what was
    /// chosen, come on top.
    pub budget: Option<Duration>,
    /// Is told each trial when it is measured.
    pub tell: &'a (dyn Fn(&Trial) + Sync),
}

/// Shows no function.
impl std::fmt::Debug for Search<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Search").field("budget", &self.budget).finish_non_exhaustive()
    }
}

/// Trains a model on the `rows` of a corpus, with the settings that did best in a search that starts at those
/// of `config`.
pub fn train_tuned(
    rows: Rows,
    config: &Config,
    search: &Search<'_>,
) -> Result<Trained, TrainError> {
    let mut collected = collect(rows, &config.settings, config.skip_bad_rows)?;
    let counts = Arc::new(std::mem::take(&mut collected.counts));
    let (best, tuning) = Hunt::search(counts, &collected.sample, config, search)?;
    let Best { settings, prepared, .. } = best;
    let counts = Arc::clone(&prepared.counts);
    drop(prepared);
    let counts = Arc::into_inner(counts).expect("the hunt is over, and has let go of them");
    let config = Config { settings, ..config.clone() };
    let mut trained = estimate(Collected { counts, ..collected }, &config, None)?;
    trained.file.model.card.tuning = Some(tuning);
    trained.file.to_bytes();
    Ok(trained)
}

/// The best settings so far.
struct Best {
    settings: Settings,
    loss: f64,
    prepared: Arc<Prepared>,
}

impl Best {
    /// Tells whether other settings differ only by a limit on features that is not reached.
    fn is_same_by(&self, other: &Settings) -> bool {
        let kept = self.prepared.kept.len();
        let mut same = self.settings.clone();
        same.selection.features_max = other.selection.features_max;
        same == *other
            && [&self.settings, other].iter().all(|s| kept < s.selection.features_max as usize)
    }
}

/// A corpus as the vectors that some settings make of it.
struct Prepared {
    counts: Arc<Counts>,
    kept: FeatureCounts,
    documents: Vec<TrainingDocument>,
}

/// A search that is under way.
struct Hunt<'a> {
    bench: Bench<'a>,
    search: &'a Search<'a>,
    started: Instant,
    best: Best,
    tried: Vec<Settings>,
    tuning: Tuning,
}

impl<'a> Hunt<'a> {
    fn search(
        counts: Arc<Counts>,
        sample: &'a Sample,
        config: &'a Config,
        search: &'a Search<'a>,
    ) -> Result<(Best, Tuning), TrainError> {
        let has_sources = 1 < counts.strata.sources();
        let has_all = counts.strata.documents().iter().map(|(_, n)| n).sum::<u64>() == sample.len();
        let mut hunt = Hunt::begin(counts, sample, config, search)?;
        let questions: Vec<&Question> = search
            .questions
            .iter()
            .filter(|question| match question.needs {
                Needs::Nothing => true,
                Needs::Sources => has_sources,
                Needs::AllDocuments => has_all,
            })
            .collect();
        for question in std::iter::repeat_n(questions, ROUNDS).flatten() {
            while hunt.ask(question)? {}
        }
        Ok((hunt.best, hunt.tuning))
    }

    /// Measures the settings that the search starts at.
    fn begin(
        counts: Arc<Counts>,
        sample: &'a Sample,
        config: &'a Config,
        search: &'a Search<'a>,
    ) -> Result<Hunt<'a>, TrainError> {
        let started = Instant::now();
        let bench = Bench::new(&counts, sample, config)?;
        let settings = config.settings.clone();
        let prepared = bench.select(counts, &settings)?;
        let (method, metrics) = bench.measure(&prepared, &settings)?;
        let trial = Trial { is_kept: true, ..trial("as given".into(), &metrics) };
        (search.tell)(&trial);
        if let Some(budget) = search.budget.filter(|budget| *budget <= started.elapsed()) {
            return Err(TrainError::Budget { budget, first: started.elapsed() });
        }
        let best = Best { settings: settings.clone(), loss: trial.loss(), prepared };
        let tuning = Tuning { method, trials: vec![trial], is_complete: true };
        Ok(Hunt { bench, search, started, best, tried: vec![settings], tuning })
    }

    /// Tries the answers to a question that are next to the best settings, and tells whether one is better.
    fn ask(&mut self, question: &Question) -> Result<bool, TrainError> {
        let mut better: Option<(usize, Best)> = None;
        for Answer { change, settings } in question.answers(&self.best.settings) {
            if self.tried.contains(&settings) || self.best.is_same_by(&settings) {
                continue;
            }
            if self.search.budget.is_some_and(|budget| budget <= self.started.elapsed()) {
                self.tuning.is_complete = false;
                break;
            }
            self.tried.push(settings.clone());
            let prepared = match self.bench.prepare(&self.best, &settings) {
                // Settings that leave no feature are no answer.
                Err(TrainError::NoFeature { .. }) => continue,
                prepared => prepared?,
            };
            let (_, metrics) = self.bench.measure(&prepared, &settings)?;
            let trial = trial(change, &metrics);
            (self.search.tell)(&trial);
            let loss = trial.loss();
            let limit = self.best.loss * (1.0 - GAIN_MIN);
            if loss < better.as_ref().map_or(limit, |(_, best)| best.loss) {
                better = Some((self.tuning.trials.len(), Best { settings, loss, prepared }));
            }
            self.tuning.trials.push(trial);
        }
        let Some((place, best)) = better else { return Ok(false) };
        self.tuning.trials[place].is_kept = true;
        self.best = best;
        Ok(true)
    }
}

/// What all trials have in common.
struct Bench<'a> {
    sample: &'a Sample,
    config: &'a Config,
    labels: LabelSet,
}

impl<'a> Bench<'a> {
    fn new(
        counts: &Counts,
        sample: &'a Sample,
        config: &'a Config,
    ) -> Result<Bench<'a>, TrainError> {
        let labels = labels(&counts.strata, config)?;
        let (sources, folds) = (counts.strata.sources(), config.folds);
        if 0 < sources && (sources as usize) < folds {
            return Err(TrainError::FewSources { sources, folds });
        }
        Ok(Bench { sample, config, labels })
    }

    /// Returns the corpus as `settings` make it, with what `best` has of it.
    fn prepare(&self, best: &Best, settings: &Settings) -> Result<Arc<Prepared>, TrainError> {
        let old = &best.settings;
        if (&old.features, old.values) != (&settings.features, settings.values) {
            let counts = count(&self.sample.examples(), settings);
            return self.select(Arc::new(counts), settings);
        }
        if old.selection != settings.selection {
            return self.select(Arc::clone(&best.prepared.counts), settings);
        }
        Ok(Arc::clone(&best.prepared))
    }

    fn select(
        &self,
        counts: Arc<Counts>,
        settings: &Settings,
    ) -> Result<Arc<Prepared>, TrainError> {
        let kept = select::select(&counts, &settings.selection)?;
        let vocabulary = vocabulary(&kept);
        let (documents, _) = documents(self.sample, &vocabulary, &self.labels, settings, false);
        Ok(Arc::new(Prepared { counts, kept, documents }))
    }

    /// Returns how documents were held out, and what was measured on them.
    fn measure(
        &self,
        prepared: &Prepared,
        settings: &Settings,
    ) -> Result<(String, Metrics), TrainError> {
        let Prepared { counts, kept, documents } = prepared;
        let training = Training::new(&counts.strata, kept, &self.labels, settings, documents);
        let log_priors =
            log_priors(&settings.prior, &self.labels, &training.label_documents(None))?;
        let held_out = HeldOut::new(&training, self.config.folds, &log_priors)
            .ok_or(TrainError::Unmeasured { what: "--tune" })?;
        let calibration = calibrate::fit(&held_out.scores, &held_out.truth, self.labels.len());
        let outcomes = held_out.scores.iter().zip(&held_out.truth).map(|(scores, &truth)| {
            let probabilities = calibration.probabilities(scores);
            let best = best_two(&probabilities);
            Outcome { truth, answer: best[0], abstained: None, best, probabilities }
        });
        let metrics = Metrics::of(&self.labels, &outcomes.collect::<Vec<_>>());
        Ok((held_out.method, metrics))
    }
}

fn trial(change: String, metrics: &Metrics) -> Trial {
    let Metrics { log_loss, macro_f1, accuracy, .. } = *metrics;
    Trial { change, log_loss, macro_f1, accuracy, is_kept: false }
}
