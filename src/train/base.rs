//! Training that goes on from a model or from counts.

use super::{
    Collected, Config, Counts, TrainError, Trained,
    additive::{self, AdditiveError},
    collect, estimate,
};
use crate::{
    corpus::{BadRow, Rows},
    features::FeatureKey,
    label::LabelSet,
    model::{
        BaseFile, CountsFile, Model, ModelFile, SelectionSettings, Settings, StratumDocuments,
        WholeCounts,
    },
};

/// What to go on from, and what to learn and forget.
#[derive(Debug)]
pub struct Changes {
    /// The model or the counts to go on from.
    pub base: Option<BaseFile>,
    /// The documents to forget.
    pub forget: Option<Rows>,
    /// The documents to learn, after those.
    pub learn: Option<Rows>,
}

/// Why training cannot go on from a model or counts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BaseError {
    /// A model's calibration is of its own labels.
    #[error(
        "the base knows the labels {known}, with the documents they would be {found}; mend the labels, or \
         train without --base"
    )]
    OtherLabels {
        /// The labels of the model.
        known: String,
        /// The labels that there would be.
        found: String,
    },
    /// The model was pruned.
    #[error(
        "the base is a pruned model: which features it kept, and how it weighed them, depended on the \
         documents to forget, so they cannot be taken out without a trace; models trained with --whole can \
         forget"
    )]
    Pruned,
    /// Whole counts and passes contradict each other.
    #[error(
        "counts that are kept whole have no documents to weigh one by one: leave out --whole, or set \
         --passes 0"
    )]
    Weighed,
    /// The counts do not add or subtract.
    #[error(transparent)]
    Counts(#[from] AdditiveError),
}

/// Counts, and what counting met.
#[derive(Clone, Debug)]
pub struct Counted {
    /// The counts.
    pub file: CountsFile,
    /// The number of rows that were skipped.
    pub bad_rows: u64,
    /// The first of them.
    pub first_bad_row: Option<BadRow>,
}

/// Counts what `changes` make of their base, without estimating a model.
pub fn count(changes: Changes, config: &Config) -> Result<Counted, TrainError> {
    let Changes { base, forget, learn } = changes;
    let base = match base {
        None => additive::file(&Counts::default(), &config.settings)?,
        Some(BaseFile::Counts(file)) => *file,
        Some(BaseFile::Model(file)) => counts_of(&file).ok_or(BaseError::Pruned)?,
    };
    let (file, learned) = changed(base, forget, learn, config)?;
    let Collected { bad_rows, first_bad_row, .. } = learned;
    Ok(Counted { file, bad_rows, first_bad_row })
}

/// Trains a model on what `changes` make of their base.
///
/// Documents of the base are known by their sums alone: each weighs what its source and label do, and none
/// is held out. A model hands on its calibration, thresholds and figures.
pub fn train_changes(changes: Changes, config: &Config) -> Result<Trained, TrainError> {
    let Changes { base, forget, learn } = changes;
    match base {
        None => estimate(collected(learn, config)?, config, None),
        Some(BaseFile::Counts(file)) => on_counts(*file, forget, learn, config, None),
        Some(BaseFile::Model(base)) => match counts_of(&base) {
            Some(file) => {
                let whole = Config { whole: true, ..config.clone() };
                on_counts(file, forget, learn, &whole, Some(&base.model))
            }
            None if forget.is_some() => Err(BaseError::Pruned.into()),
            None => on_pruned(&base, learn, config),
        },
    }
}

fn on_counts(
    base: CountsFile,
    forget: Option<Rows>,
    learn: Option<Rows>,
    config: &Config,
    model: Option<&Model>,
) -> Result<Trained, TrainError> {
    let (file, learned) = changed(base, forget, learn, config)?;
    estimate(Collected { counts: additive::counts(&file)?, ..learned }, config, model)
}

/// Goes on from a model whose features are all that is known of its corpus: it learns no others.
fn on_pruned(
    base: &ModelFile,
    learn: Option<Rows>,
    config: &Config,
) -> Result<Trained, TrainError> {
    let learned = collected(learn, config)?;
    let mut new = additive::file(&learned.counts, &config.settings)?;
    let vocabulary = &base.model.vocabulary;
    new.whole = additive::only(&new.whole, |name| vocabulary.find(FeatureKey::of(name)).is_some())?;
    let counts =
        additive::counts(&additive::merge(&counts_of_pruned(base, &config.furniture), &new)?)?;
    let all = SelectionSettings { documents_min: 0, sources_min: 0, features_max: u32::MAX };
    let settings = Settings { selection: all, ..config.settings.clone() };
    let own = Config { settings, ..config.clone() };
    let mut trained = estimate(Collected { counts, ..learned }, &own, Some(&base.model))?;
    let file = &mut trained.file;
    file.model.settings.selection = config.settings.selection.clone();
    // Whether a source is one of the base's is not known, so what is said of sources stays the base's.
    file.model.card.sources = base.model.card.sources;
    file.counts.sources.clone_from(&base.counts.sources);
    file.to_bytes();
    Ok(trained)
}

fn collected(rows: Option<Rows>, config: &Config) -> Result<Collected, TrainError> {
    let collect = |rows| collect(rows, &config.settings, config.skip_bad_rows);
    Ok(rows.map(collect).transpose()?.unwrap_or_default())
}

/// Returns `base` without what is to be forgotten, and with what is to be learned.
fn changed(
    mut base: CountsFile,
    forget: Option<Rows>,
    learn: Option<Rows>,
    config: &Config,
) -> Result<(CountsFile, Collected), TrainError> {
    let counted = |collected: &Collected| additive::file(&collected.counts, &config.settings);
    if forget.is_some() {
        // A row that cannot be read is not forgotten, so it must not be passed over.
        let strict = Config { skip_bad_rows: false, ..config.clone() };
        base = additive::forget(&base, &counted(&collected(forget, &strict)?)?)?;
    }
    let learned = collected(learn, config)?;
    Ok((additive::merge(&base, &counted(&learned)?)?, learned))
}

/// Refuses `labels` that are not those of the base, whose calibration has a number for each.
pub(super) fn check_labels(base: &Model, labels: &LabelSet) -> Result<(), BaseError> {
    let [known, found] = [base.labels.names(), labels.names()];
    if known == found {
        return Ok(());
    }
    Err(BaseError::OtherLabels { known: known.join(", "), found: found.join(", ") })
}

/// Gives a model the thresholds and the figures of its base.
pub(super) fn hand_on(base: &Model, model: &mut Model, max_error: f64) -> Result<(), TrainError> {
    model.card.figures.clone_from(&base.card.figures);
    model.card.tuning.clone_from(&base.card.tuning);
    model.thresholds = base.thresholds;
    if max_error < 1.0 {
        let figures =
            base.card.figures.as_ref().ok_or(TrainError::Unmeasured { what: "--max-error" })?;
        let margin = figures.margin_min(max_error);
        model.thresholds.margin_min =
            margin.map_err(|fewest| TrainError::Risk { max_error, fewest })?;
    }
    Ok(())
}

/// Returns the whole counts of a model, if it kept them.
fn counts_of(file: &ModelFile) -> Option<CountsFile> {
    Some(counts_file(&file.model, file.whole.clone()?))
}

fn counts_file(model: &Model, whole: WholeCounts) -> CountsFile {
    CountsFile {
        features: model.settings.features.clone(),
        values: model.settings.values,
        corpus_digest: model.card.corpus_digest.clone(),
        whole,
    }
}

/// Returns what is known of a pruned model's counts: a stratum a label, and one of furniture, as heavy as
/// they were in training.
fn counts_of_pruned(file: &ModelFile, furniture: &str) -> CountsFile {
    let ModelFile { model, counts, whole: _ } = file;
    let card = &model.card;
    let labels = model.labels.names().iter().zip(card.label_documents.iter().copied());
    let mut columns: Vec<(StratumDocuments, Vec<u64>)> = labels
        .enumerate()
        .map(|(label, (name, documents))| {
            let rows = counts.sums.chunks_exact(model.labels.len());
            (stratum(name, documents), rows.map(|row| row[label]).collect())
        })
        .collect();
    if !counts.furniture_sums.is_empty() {
        columns.push((stratum(furniture, card.furniture_examples), counts.furniture_sums.clone()));
    }
    columns.sort_by(|a, b| a.0.cmp(&b.0));
    counts_file(model, whole_of_columns(file, columns))
}

fn stratum(label: &str, documents: u64) -> StratumDocuments {
    StratumDocuments { source: None, label: label.to_owned(), documents }
}

/// Returns `columns`, one a stratum, as whole counts of the features of `file`.
fn whole_of_columns(file: &ModelFile, columns: Vec<(StratumDocuments, Vec<u64>)>) -> WholeCounts {
    let (names, name_ends) = file.model.vocabulary.parts();
    let mut whole = WholeCounts {
        names: names.to_owned(),
        name_ends: name_ends.to_vec(),
        ..WholeCounts::default()
    };
    for (feature, &documents) in file.counts.documents.iter().enumerate() {
        for (stratum, (_, sums)) in (0..).zip(&columns) {
            whole.cell_strata.push(stratum);
            // How many documents of each label a feature occurs in was not kept; the first stands for all.
            whole.cell_documents.push(if stratum == 0 { documents } else { 0 });
            whole.cell_steps.push(sums[feature]);
        }
        whole.cell_ends.push(u32::try_from(whole.cell_steps.len()).unwrap_or(u32::MAX));
    }
    whole.strata = columns.into_iter().map(|(stratum, _)| stratum).collect();
    whole
}
