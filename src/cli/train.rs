//! `newsdesk train`: a corpus as a model file.

use std::{path::PathBuf, process::ExitCode, time::Instant};

use anyhow::{Context as _, ensure};
use clap::ValueEnum;
use newsdesk::{
    corpus::Corpus,
    model::{Estimator, NAME_BYTES_MAX, Prior, Settings, is_model_name},
    train::{self, Betrayal, Config, Leakage, Trained, train},
};

use super::{INCOMPLETE, terminal};

/// `newsdesk train`, as typed.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct TrainArgs {
    /// Labelled documents: JSONL, CSV, TSV or fastText files, plain, .gz or .zst, folders with a
    /// sub-folder a label, or `-` for standard input
    #[arg(long, required = true, num_args = 1.., value_name = "PATH", env = "NEWSDESK_CORPUS")]
    corpus: Vec<PathBuf>,
    /// The model file to write; one that is there is replaced in one step, or not at all
    #[arg(long, value_name = "FILE", env = "NEWSDESK_OUTPUT")]
    output: PathBuf,
    /// The model's name, which requests ask for
    #[arg(long, default_value = "newsdesk", env = "NEWSDESK_NAME")]
    name: String,
    /// The model's version [default: the first 12 digits of the corpus digest]
    #[arg(long, value_name = "VERSION", env = "NEWSDESK_MODEL_VERSION")]
    model_version: Option<String>,
    /// The label that stands for "neither", and is answered as an abstention
    #[arg(long, default_value = "other", value_name = "LABEL", env = "NEWSDESK_NEITHER")]
    neither: String,
    /// The label of examples of page furniture, which is learned but never answered
    #[arg(long, default_value = "furniture", value_name = "LABEL", env = "NEWSDESK_FURNITURE")]
    furniture: String,
    /// How weights are estimated
    #[arg(long, value_enum, default_value_t = EstimatorArg::OneVsRest, env = "NEWSDESK_ESTIMATOR")]
    estimator: EstimatorArg,
    /// What is added to each count
    #[arg(long, value_name = "X", env = "NEWSDESK_SMOOTHING")]
    smoothing: Option<f64>,
    /// Class priors: `uniform`, `empirical`, or given as `label=0.2,other=0.8`
    #[arg(long, default_value = "uniform", value_parser = prior, env = "NEWSDESK_PRIOR")]
    prior: Prior,
    /// The longest run of words that is a feature, 1 to 3
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=3), env = "NEWSDESK_NGRAM")]
    ngram: Option<u8>,
    /// The fewest documents that a feature occurs in
    #[arg(long, value_name = "N", env = "NEWSDESK_MIN_DOCUMENTS")]
    min_documents: Option<u32>,
    /// The fewest sources that a feature occurs in, where the corpus names sources
    #[arg(long, value_name = "N", env = "NEWSDESK_MIN_SOURCES")]
    min_sources: Option<u32>,
    /// The most features that the model keeps
    #[arg(long, value_name = "N", env = "NEWSDESK_MAX_FEATURES")]
    max_features: Option<u32>,
    /// How far sources are made equal: 0 not at all, 1 fully
    #[arg(long, value_name = "X", env = "NEWSDESK_SOURCE_BALANCE")]
    source_balance: Option<f64>,
    /// The times that documents which the model gets wrong are given more weight; 0 for none
    #[arg(long, value_name = "N", env = "NEWSDESK_PASSES")]
    passes: Option<u32>,
    /// The folds that are held out in turn to measure the model; 0 to skip it
    #[arg(long, default_value_t = 5, value_name = "N", env = "NEWSDESK_FOLDS")]
    folds: usize,
    /// The share of decided documents that may be wrong, as counted on those held out. The model abstains on
    /// as many others as that takes; at 1 it decides all it can
    #[arg(long, default_value_t = 1.0, value_name = "SHARE", env = "NEWSDESK_MAX_ERROR")]
    max_error: f64,
    /// Skip rows that are no examples, and report how many there were
    #[arg(long, env = "NEWSDESK_SKIP_BAD_ROWS")]
    skip_bad_rows: bool,
}

const EXAMPLES: &str = "Examples:
  newsdesk train --corpus models/starter.jsonl --output my.safetensors
  newsdesk train --corpus news.csv.gz promo/ --output my.safetensors --neither none
  zcat old.jsonl.gz | newsdesk train --corpus - --output my.safetensors";

#[derive(Clone, Copy, Debug, ValueEnum)]
enum EstimatorArg {
    Multinomial,
    Complement,
    OneVsRest,
}

impl TrainArgs {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let started = Instant::now();
        let corpus = Corpus::open(&self.corpus)?;
        let config = self.config()?;
        let rows = corpus.rows();
        let bar = terminal::progress(&corpus, "training");
        let progress = rows.progress();
        let mut trained = terminal::while_reading(&bar, &progress, || train(rows, &config))
            .context("cannot train")?;
        trained.file.write(&self.output)?;
        report(&trained, started.elapsed().as_secs_f64());
        eprintln!("wrote {}", self.output.display());
        let complete = trained.bad_rows == 0;
        Ok(if complete { ExitCode::SUCCESS } else { ExitCode::from(INCOMPLETE) })
    }

    fn config(&self) -> anyhow::Result<Config> {
        for name in [Some(&self.name), self.model_version.as_ref()].into_iter().flatten() {
            ensure!(
                is_model_name(name),
                "`{name}` cannot name a model or version: 1 to {NAME_BYTES_MAX} letters, digits, and . _ - +"
            );
        }
        let max_error = self.max_error;
        ensure!((0.0..=1.0).contains(&max_error), "--max-error is {max_error}, not within 0 to 1");
        Ok(Config {
            name: self.name.clone(),
            version: self.model_version.clone(),
            neither: self.neither.clone(),
            furniture: self.furniture.clone(),
            settings: self.settings()?,
            folds: self.folds,
            max_error,
            skip_bad_rows: self.skip_bad_rows,
        })
    }

    fn settings(&self) -> anyhow::Result<Settings> {
        let mut settings = train::default_settings();
        settings.estimator = match self.estimator {
            EstimatorArg::Multinomial => Estimator::Multinomial,
            EstimatorArg::Complement => Estimator::Complement,
            EstimatorArg::OneVsRest => Estimator::OneVsRest,
        };
        settings.prior = self.prior.clone();
        let balance = self.source_balance.unwrap_or(settings.weighing.source_balance);
        ensure!((0.0..=1.0).contains(&balance), "--source-balance is {balance}, not within 0 to 1");
        settings.weighing.source_balance = balance;
        let set = |own: &mut u32, typed: Option<u32>| *own = typed.unwrap_or(*own);
        set(&mut settings.selection.documents_min, self.min_documents);
        set(&mut settings.selection.sources_min, self.min_sources);
        set(&mut settings.selection.features_max, self.max_features);
        set(&mut settings.weighing.passes, self.passes);
        settings.smoothing = self.smoothing.unwrap_or(settings.smoothing);
        settings.features.ngram = self.ngram.map_or(settings.features.ngram, usize::from);
        Ok(settings)
    }
}

fn prior(typed: &str) -> Result<Prior, String> {
    match typed {
        "uniform" => return Ok(Prior::Uniform),
        "empirical" => return Ok(Prior::Empirical),
        _ => {}
    }
    let parts = typed.split(',').map(|part| {
        let (label, prior) = part.rsplit_once('=')?;
        Some((label.to_owned(), prior.parse().ok()?))
    });
    let given: Option<_> = parts.collect();
    given.map(Prior::Given).ok_or_else(|| {
        "write `uniform`, `empirical`, or a prior for each label, such as `news=0.2,other=0.8`"
            .into()
    })
}

/// Tells what was learned, and what to expect of it.
fn report(trained: &Trained, seconds: f64) {
    let model = &trained.file.model;
    let documents: u64 = model.card.label_documents.iter().sum();
    eprintln!("learned from {documents} documents in {seconds:.2} s:");
    for (name, n) in model.labels.names().iter().zip(&model.card.label_documents) {
        let role =
            if model.labels.find(name) == model.labels.neither() { "  (neither)" } else { "" };
        eprintln!("  {name:<24} {n:>8}{role}");
    }
    let (kept, counted) = (model.vocabulary.len(), trained.features_counted);
    eprintln!("features: {kept} of {counted} kept; sources: {}", model.card.sources);
    match &model.card.figures {
        Some(figures) => eprintln!(
            "to expect ({}): macro-F1 {:.3}, accuracy {:.3}, log loss {:.3}, calibration error {:.3}",
            figures.method, figures.macro_f1, figures.accuracy, figures.log_loss, figures.ece
        ),
        None => eprintln!("nothing was held out, so what to expect was not measured"),
    }
    if let Some(metrics) = &trained.metrics {
        let (coverage, wrong) =
            (100.0 * metrics.coverage, 100.0 * (1.0 - metrics.decided_accuracy));
        eprintln!("decides {coverage:.1} % of those, {wrong:.1} % of them wrong (see --max-error)");
    }
    report_leakage(&trained.leakage);
    if let Some(first) = &trained.first_bad_row {
        eprintln!("skipped {} bad rows, the first: {first}", trained.bad_rows);
    }
}

/// Tells what makes the figures look better than they are.
fn report_leakage(leakage: &Leakage) {
    let Leakage { betraying, worst, copies, copies_across_folds, copies_across_labels } = leakage;
    if *betraying != 0 {
        eprintln!("leakage: {betraying} features tell one source from all others, such as");
    }
    for Betrayal { feature, source, documents, source_documents } in worst {
        eprintln!("  {feature:<24} in {documents} of {source_documents} documents of {source}");
    }
    if *copies != 0 {
        eprintln!(
            "leakage: {copies} documents are copies of others, {copies_across_folds} of them in other \
             folds, {copies_across_labels} with other labels"
        );
    }
}
