//! `newsdesk train`: a corpus as a model file.

use std::{
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use indicatif::ProgressBar;
use newsdesk::{
    corpus::{Corpus, Rows},
    model::{BaseFile, NAME_BYTES_MAX, Trial, is_model_name},
    train::{Changes, Config, Counted, Search, count, train_changes, train_tuned},
};

use super::{INCOMPLETE, merge, terminal, train_report, train_settings::SettingsArgs};

/// `newsdesk train`, as typed.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct TrainArgs {
    /// Labelled documents: JSONL, CSV, TSV or fastText files, plain, .gz or .zst, folders with a
    /// sub-folder a label, or `-` for standard input
    #[arg(long, required_unless_present = "base", num_args = 1.., value_name = "PATH", env = "NEWSDESK_CORPUS")]
    corpus: Vec<PathBuf>,
    /// A model or counts to go on from: its documents count, and its settings hold where none are given. A
    /// model hands on its calibration, thresholds and figures
    #[arg(long, value_name = "FILE")]
    base: Option<PathBuf>,
    /// Documents to take out of the base again, just as they were learned. The base must be counts, or a model
    /// that was trained with --whole
    #[arg(long, num_args = 1.., value_name = "PATH", requires = "base")]
    forget: Vec<PathBuf>,
    /// Keep the counts of all features and the names of all sources in the file, so that documents can be
    /// added and forgotten exactly. It is then many times as large, and the model less sure: no document
    /// weighs more for being wrong (--passes 0)
    #[arg(long)]
    whole: bool,
    /// Write counts instead of a model, to be merged with others (see `newsdesk merge`) and trained with --base
    #[arg(long, conflicts_with_all = ["whole", "name", "model_version", "max_error", "folds"])]
    counts_only: bool,
    /// The file to write; one that is there is replaced in one step, or not at all
    #[arg(long, value_name = "FILE", env = "NEWSDESK_OUTPUT")]
    output: PathBuf,
    /// The model's name, which requests ask for [default: the base's, or `newsdesk`]
    #[arg(long, env = "NEWSDESK_NAME")]
    name: Option<String>,
    /// The model's version [default: the first 12 digits of the corpus digest]
    #[arg(long, value_name = "VERSION", env = "NEWSDESK_MODEL_VERSION")]
    model_version: Option<String>,
    /// The label that stands for "neither", and is answered as an abstention [default: the base's, or `other`]
    #[arg(long, value_name = "LABEL", env = "NEWSDESK_NEITHER")]
    neither: Option<String>,
    /// The label of examples of page furniture, which is learned but never answered
    #[arg(long, default_value = "furniture", value_name = "LABEL", env = "NEWSDESK_FURNITURE")]
    furniture: String,
    #[command(flatten)]
    tuning: TuningArgs,
    #[command(flatten)]
    settings: SettingsArgs,
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

/// Whether and how long to search, as typed.
#[derive(clap::Args, Debug)]
struct TuningArgs {
    /// Search the settings that are not given here, by trials on documents that are held out. The corpus alone
    /// decides what is tried and chosen
    #[arg(long, conflicts_with_all = ["base", "counts_only"], env = "NEWSDESK_TUNE")]
    tune: bool,
    /// The time after which --tune begins no more trials, such as `60s` or `10m`. What is chosen then depends on
    /// the machine [default: no limit]
    #[arg(long, value_name = "TIME", value_parser = time, requires = "tune")]
    time_budget: Option<Duration>,
}

const EXAMPLES: &str = "Examples:
  newsdesk train --corpus models/starter.jsonl --output my.safetensors
  newsdesk train --corpus news.csv.gz promo/ --output my.safetensors --neither none
  zcat old.jsonl.gz | newsdesk train --corpus - --output my.safetensors
  newsdesk train --tune --time-budget 5m --corpus news.csv.gz --output my.safetensors
  newsdesk train --base my.safetensors --corpus more.jsonl --output more.safetensors
  newsdesk train --base more.safetensors --forget more.jsonl --output my.safetensors
  newsdesk train --corpus part1.jsonl --counts-only --output part1.counts";

impl TrainArgs {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let started = Instant::now();
        let base = self.base.as_deref().map(BaseFile::read).transpose()?;
        let config = self.config(base.as_ref())?;
        let [learn, forget] = [opened(&self.corpus)?, opened(&self.forget)?];
        let bar =
            learn.as_ref().map_or_else(ProgressBar::hidden, |c| terminal::progress(c, "training"));
        let learn = learn.map(|corpus| corpus.rows());
        let progress = learn.as_ref().map(Rows::progress).unwrap_or_default();
        let changes = Changes { base, forget: forget.map(|corpus| corpus.rows()), learn };
        if self.counts_only {
            let counted = terminal::while_reading(&bar, &progress, || count(changes, &config));
            return self.write_counts(&counted.context("cannot count")?);
        }
        let hands_on = matches!(&changes.base, Some(BaseFile::Model(_)));
        let tell = |trial: &Trial| {
            let trial = train_report::trial(trial);
            if bar.is_hidden() {
                // In a log, a search that takes minutes would else be silent.
                eprintln!("trial: {trial}");
            } else {
                bar.set_message(trial);
            }
        };
        let search = self.tuning.tune.then(|| Search {
            questions: self.settings.questions(self.whole),
            budget: self.tuning.time_budget,
            tell: &tell,
        });
        let trained = terminal::while_reading(&bar, &progress, || match (search, changes) {
            (Some(search), Changes { learn: Some(rows), .. }) => {
                train_tuned(rows, &config, &search)
            }
            (_, changes) => train_changes(changes, &config),
        });
        let mut trained = trained.context("cannot train")?;
        trained.file.write(&self.output)?;
        train_report::report(&trained, started.elapsed().as_secs_f64());
        if hands_on {
            eprintln!("calibration, thresholds and figures are those of the base");
        }
        eprintln!("wrote {}", self.output.display());
        let complete = trained.bad_rows == 0;
        Ok(if complete { ExitCode::SUCCESS } else { ExitCode::from(INCOMPLETE) })
    }

    fn write_counts(&self, counted: &Counted) -> anyhow::Result<ExitCode> {
        counted.file.write(&self.output)?;
        merge::report(&counted.file, &self.output);
        if let Some(first) = &counted.first_bad_row {
            eprintln!("skipped {} bad rows, the first: {first}", counted.bad_rows);
            return Ok(ExitCode::from(INCOMPLETE));
        }
        Ok(ExitCode::SUCCESS)
    }

    fn config(&self, base: Option<&BaseFile>) -> anyhow::Result<Config> {
        let model = match base {
            Some(BaseFile::Model(file)) => Some(&file.model),
            Some(BaseFile::Counts(_)) | None => None,
        };
        let own_name = model.map(|model| model.reference.name.clone());
        let own_neither = model.and_then(|m| Some(m.labels.name(m.labels.neither()?).to_owned()));
        let name = self.name.clone().or(own_name).unwrap_or_else(|| "newsdesk".into());
        for name in [Some(&name), self.model_version.as_ref()].into_iter().flatten() {
            ensure!(
                is_model_name(name),
                "`{name}` cannot name a model or version: 1 to {NAME_BYTES_MAX} letters, digits, and . _ - +"
            );
        }
        let max_error = self.max_error;
        ensure!((0.0..=1.0).contains(&max_error), "--max-error is {max_error}, not within 0 to 1");
        Ok(Config {
            name,
            version: self.model_version.clone(),
            neither: self.neither.clone().or(own_neither).unwrap_or_else(|| "other".into()),
            furniture: self.furniture.clone(),
            settings: self.settings.settings(base, self.whole)?,
            folds: self.folds,
            max_error,
            whole: self.whole,
            skip_bad_rows: self.skip_bad_rows,
        })
    }
}

/// Reads a time such as `90`, `90s` or `1.5m`.
fn time(typed: &str) -> Result<Duration, String> {
    let (number, unit) = match typed.strip_suffix('m') {
        Some(minutes) => (minutes, 60.0),
        None => (typed.strip_suffix('s').unwrap_or(typed), 1.0),
    };
    let seconds = number.parse().ok().map(|number: f64| number * unit);
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| "write a number of seconds or minutes, such as `60s` or `10m`".into())
}

/// Opens a corpus, if there are any paths.
fn opened(paths: &[PathBuf]) -> anyhow::Result<Option<Corpus>> {
    Ok((!paths.is_empty()).then(|| Corpus::open(paths)).transpose()?)
}
