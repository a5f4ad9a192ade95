//! The flags of `newsdesk train` that say how to estimate.

use anyhow::ensure;
use clap::ValueEnum;
use newsdesk::{
    model::{BaseFile, Estimator, Prior, Settings},
    train,
};

/// How to estimate, as typed.
#[derive(clap::Args, Debug)]
pub(super) struct SettingsArgs {
    /// How weights are estimated [default: one-vs-rest]
    #[arg(long, value_enum, env = "NEWSDESK_ESTIMATOR")]
    estimator: Option<EstimatorArg>,
    /// What is added to each count
    #[arg(long, value_name = "X", env = "NEWSDESK_SMOOTHING")]
    smoothing: Option<f64>,
    /// Class priors: `uniform`, `empirical`, or given as `label=0.2,other=0.8` [default: uniform]
    #[arg(long, value_parser = prior, env = "NEWSDESK_PRIOR")]
    prior: Option<Prior>,
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
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum EstimatorArg {
    Multinomial,
    Complement,
    OneVsRest,
}

impl SettingsArgs {
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
        settings.estimator = match self.estimator {
            None => settings.estimator,
            Some(EstimatorArg::Multinomial) => Estimator::Multinomial,
            Some(EstimatorArg::Complement) => Estimator::Complement,
            Some(EstimatorArg::OneVsRest) => Estimator::OneVsRest,
        };
        settings.prior = self.prior.clone().unwrap_or(settings.prior);
        let balance = self.source_balance.unwrap_or(settings.weighing.source_balance);
        ensure!((0.0..=1.0).contains(&balance), "--source-balance is {balance}, not within 0 to 1");
        settings.weighing.source_balance = balance;
        let set = |own: &mut u32, typed: Option<u32>| *own = typed.unwrap_or(*own);
        set(&mut settings.selection.documents_min, self.min_documents);
        set(&mut settings.selection.sources_min, self.min_sources);
        set(&mut settings.selection.features_max, self.max_features);
        set(&mut settings.weighing.passes, self.passes.or(whole.then_some(0)));
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
