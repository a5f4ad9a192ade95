//! The flags of `newsdesk train` that say how to estimate.

use anyhow::ensure;
use clap::ValueEnum;
use newsdesk::{
    features::{CHARS_MAX, Norm, TermFrequency},
    model::{BaseFile, Estimator, Prior, Settings, WeighingSettings},
    train::{self, QUESTIONS, Question},
};

/// How to estimate, as typed.
#[derive(clap::Args, Debug)]
pub(super) struct SettingsArgs {
    /// How weights are estimated [default: one-vs-rest]
    #[arg(long, value_enum, env = "NEWSDESK_ESTIMATOR")]
    estimator: Option<EstimatorArg>,
    /// With one-vs-rest, how much a label's own documents say, where the others' say 1 [default: 1]
    #[arg(long, value_name = "X", env = "NEWSDESK_OWN_WEIGHT")]
    own_weight: Option<f64>,
    /// What is added to each count
    #[arg(long, value_name = "X", env = "NEWSDESK_SMOOTHING")]
    smoothing: Option<f64>,
    /// Class priors: `uniform`, `empirical`, or given as `label=0.2,other=0.8` [default: uniform]
    #[arg(long, value_parser = prior, env = "NEWSDESK_PRIOR")]
    prior: Option<Prior>,
    /// The longest run of words that is a feature, 1 to 3
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=3), env = "NEWSDESK_NGRAM")]
    ngram: Option<u8>,
    /// The length of the runs of characters within words that are features, too, 2 to 8; 0 for none
    #[arg(long, value_name = "N", value_parser = chars, env = "NEWSDESK_CHARS")]
    chars: Option<usize>,
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
    /// What scores are multiplied by before they tell how wrong the model is in a pass
    #[arg(long, value_name = "X", env = "NEWSDESK_SLOPE")]
    slope: Option<f64>,
    /// How a feature's value grows with the times that it occurs in a document [default: log]
    #[arg(long, value_enum, env = "NEWSDESK_TF")]
    tf: Option<TfArg>,
    /// What a document's values are divided by [default: length]
    #[arg(long, value_enum, env = "NEWSDESK_NORM")]
    norm: Option<NormArg>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum EstimatorArg {
    Multinomial,
    Complement,
    OneVsRest,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum TfArg {
    /// As often as it occurs
    Count,
    /// 1 + ln of that
    Log,
    /// 1
    Binary,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum NormArg {
    /// Nothing: a long document says more
    None,
    /// The root of the number of its features
    Length,
}

impl From<EstimatorArg> for Estimator {
    fn from(typed: EstimatorArg) -> Estimator {
        match typed {
            EstimatorArg::Multinomial => Estimator::Multinomial,
            EstimatorArg::Complement => Estimator::Complement,
            EstimatorArg::OneVsRest => Estimator::OneVsRest,
        }
    }
}

impl From<TfArg> for TermFrequency {
    fn from(typed: TfArg) -> TermFrequency {
        match typed {
            TfArg::Count => TermFrequency::Count,
            TfArg::Log => TermFrequency::Log,
            TfArg::Binary => TermFrequency::Binary,
        }
    }
}

impl From<NormArg> for Norm {
    fn from(typed: NormArg) -> Norm {
        match typed {
            NormArg::None => Norm::None,
            NormArg::Length => Norm::Length,
        }
    }
}

impl SettingsArgs {
    /// Returns what a search may ask: all that was not typed.
    pub(super) fn questions(&self, whole: bool) -> Vec<Question> {
        let is_typed = |flag: &str| match flag {
            "estimator" => self.estimator.is_some() || self.own_weight.is_some(),
            "own-weight" => self.own_weight.is_some(),
            "smoothing" => self.smoothing.is_some(),
            "ngram" => self.ngram.is_some(),
            "chars" => self.chars.is_some(),
            "min-documents" => self.min_documents.is_some(),
            "min-sources" => self.min_sources.is_some(),
            "max-features" => self.max_features.is_some(),
            "source-balance" => self.source_balance.is_some(),
            "passes" => whole || self.passes.is_some(),
            "slope" => self.slope.is_some() || whole || self.passes == Some(0),
            "tf" => self.tf.is_some(),
            "norm" => self.norm.is_some(),
            _ => false,
        };
        QUESTIONS.into_iter().filter(|question| !is_typed(question.flag)).collect()
    }

    /// Returns the settings of the base, or the default ones, with what was typed in their place.
    pub(super) fn settings(
        &self,
        base: Option<&BaseFile>,
        whole: bool,
    ) -> anyhow::Result<Settings> {
        let mut settings = match base {
            None => train::default_settings(),
            Some(BaseFile::Model(file)) => file.model.settings.clone(),
            Some(BaseFile::Counts(file)) => Settings {
                features: file.features.clone(),
                values: file.values,
                ..train::default_settings()
            },
        };
        let (selection, weighing) = (&mut settings.selection, &mut settings.weighing);
        set(&mut settings.estimator, self.estimator);
        set(&mut settings.own_weight, self.own_weight);
        set(&mut settings.prior, self.prior.clone());
        set(&mut settings.smoothing, self.smoothing);
        set(&mut settings.features.ngram, self.ngram);
        set(&mut settings.features.chars, self.chars);
        set(&mut settings.values.tf, self.tf);
        set(&mut settings.values.norm, self.norm);
        set(&mut selection.documents_min, self.min_documents);
        set(&mut selection.sources_min, self.min_sources);
        set(&mut selection.features_max, self.max_features);
        set(&mut weighing.source_balance, self.source_balance);
        set(&mut weighing.passes, self.passes.or(whole.then_some(0)));
        set(&mut weighing.slope, self.slope);
        let WeighingSettings { source_balance: balance, slope, .. } = *weighing;
        ensure!((0.0..=1.0).contains(&balance), "--source-balance is {balance}, not within 0 to 1");
        let (estimator, own_weight) = (settings.estimator, settings.own_weight);
        ensure!(
            0.0 < own_weight && own_weight.is_finite(),
            "--own-weight is {own_weight}, it must be above 0; leave a label's own documents out with \
             --estimator complement"
        );
        ensure!(
            self.own_weight.is_none() || estimator == Estimator::OneVsRest,
            "--own-weight says something of --estimator one-vs-rest alone: leave out one of the two"
        );
        let smoothing = settings.smoothing;
        ensure!(
            0.0 < smoothing && smoothing.is_finite(),
            "--smoothing is {smoothing}, it must be above 0"
        );
        ensure!(0.0 < slope && slope.is_finite(), "--slope is {slope}, it must be above 0");
        Ok(settings)
    }
}

fn set<T>(own: &mut T, typed: Option<impl Into<T>>) {
    if let Some(typed) = typed {
        *own = typed.into();
    }
}

fn chars(typed: &str) -> Result<usize, String> {
    let chars = typed.parse().ok().filter(|n| *n == 0 || (2..=CHARS_MAX).contains(n));
    chars.ok_or_else(|| format!("write 0, or a number from 2 to {CHARS_MAX}"))
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
