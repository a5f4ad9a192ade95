//! What a search for settings asks, and the answers that it tries.

use std::fmt::Display;

use crate::{
    features::{Norm, TermFrequency},
    model::{Estimator, Settings},
};

/// A question that a search asks: what should one setting be?
#[derive(Clone, Copy, Debug)]
pub struct Question {
    /// The flag of `newsdesk train` that sets it.
    pub flag: &'static str,
    pub(super) needs: Needs,
    answers: fn(&str, &Settings) -> Vec<Answer>,
}

/// What a corpus must have for a question to make sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    Nothing,
    /// More than one source.
    Sources,
    /// That all documents are at hand, so that they can be counted again.
    AllDocuments,
}

/// An answer: settings that differ in one.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    /// As it would be typed.
    pub(super) change: String,
    pub(super) settings: Settings,
}

/// All questions, those that matter most first.
pub const QUESTIONS: [Question; 13] = [
    Question {
        flag: "min-documents",
        needs: Needs::Nothing,
        answers: |flag, now| {
            ladder(flag, &[1, 2, 3, 5, 8], now, |s| &mut s.selection.documents_min)
        },
    },
    Question {
        flag: "max-features",
        needs: Needs::Nothing,
        answers: |flag, now| ladder(flag, &FEATURES, now, |s| &mut s.selection.features_max),
    },
    Question {
        flag: "estimator",
        needs: Needs::Nothing,
        answers: |flag, now| choice(flag, &ESTIMATORS, now, |s| &mut s.estimator),
    },
    Question {
        flag: "own-weight",
        needs: Needs::Nothing,
        answers: |flag, now| match now.estimator {
            Estimator::OneVsRest => ladder(flag, &OWN_WEIGHTS, now, |s| &mut s.own_weight),
            Estimator::Multinomial | Estimator::Complement => Vec::new(),
        },
    },
    Question {
        flag: "smoothing",
        needs: Needs::Nothing,
        answers: |flag, now| ladder(flag, &SMOOTHINGS, now, |s| &mut s.smoothing),
    },
    Question {
        flag: "passes",
        needs: Needs::Nothing,
        answers: |flag, now| ladder(flag, &[0, 2, 4, 8, 16, 32], now, |s| &mut s.weighing.passes),
    },
    Question {
        flag: "slope",
        needs: Needs::Nothing,
        answers: |flag, now| ladder(flag, &SLOPES, now, |s| &mut s.weighing.slope),
    },
    Question {
        flag: "min-sources",
        needs: Needs::Sources,
        answers: |flag, now| ladder(flag, &[1, 2, 3, 4, 6], now, |s| &mut s.selection.sources_min),
    },
    Question {
        flag: "source-balance",
        needs: Needs::Sources,
        answers: |flag, now| {
            ladder(flag, &[0.0, 0.25, 0.5, 0.75, 1.0], now, |s| &mut s.weighing.source_balance)
        },
    },
    Question {
        flag: "ngram",
        needs: Needs::AllDocuments,
        answers: |flag, now| ladder(flag, &[1, 2, 3], now, |s| &mut s.features.ngram),
    },
    Question {
        flag: "chars",
        needs: Needs::AllDocuments,
        answers: |flag, now| ladder(flag, &[0, 4, 5], now, |s| &mut s.features.chars),
    },
    Question {
        flag: "tf",
        needs: Needs::AllDocuments,
        answers: |flag, now| choice(flag, &FREQUENCIES, now, |s| &mut s.values.tf),
    },
    Question {
        flag: "norm",
        needs: Needs::AllDocuments,
        answers: |flag, now| choice(flag, &NORMS, now, |s| &mut s.values.norm),
    },
];

const FEATURES: [u32; 6] = [30_000, 60_000, 125_000, 250_000, 500_000, 1_000_000];
const OWN_WEIGHTS: [f64; 5] = [0.1, 0.25, 0.5, 1.0, 2.0];
const SMOOTHINGS: [f64; 7] = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0];
const SLOPES: [f64; 5] = [0.1, 0.2, 0.5, 1.0, 2.0];
const ESTIMATORS: [(&str, Estimator); 3] = [
    ("multinomial", Estimator::Multinomial),
    ("complement", Estimator::Complement),
    ("one-vs-rest", Estimator::OneVsRest),
];
const FREQUENCIES: [(&str, TermFrequency); 3] = [
    ("log", TermFrequency::Log),
    ("binary", TermFrequency::Binary),
    ("count", TermFrequency::Count),
];
const NORMS: [(&str, Norm); 2] = [("length", Norm::Length), ("none", Norm::None)];

impl Question {
    /// Returns the answers that are next to `settings`.
    pub(super) fn answers(&self, settings: &Settings) -> Vec<Answer> {
        (self.answers)(self.flag, settings)
    }
}

/// Returns the settings with the rung below the present one, and with the rung above.
fn ladder<T: Copy + PartialOrd + Display>(
    flag: &str,
    rungs: &[T],
    settings: &Settings,
    field: fn(&mut Settings) -> &mut T,
) -> Vec<Answer> {
    let now = *field(&mut settings.clone());
    let below = rungs.iter().rev().find(|rung| **rung < now);
    let above = rungs.iter().find(|rung| now < **rung);
    let rungs = [below, above].into_iter().flatten();
    rungs.map(|&rung| answer(flag, &rung, settings, |changed| *field(changed) = rung)).collect()
}

/// Returns the settings with each other choice.
fn choice<T: Copy + PartialEq>(
    flag: &str,
    choices: &[(&str, T)],
    settings: &Settings,
    field: fn(&mut Settings) -> &mut T,
) -> Vec<Answer> {
    let now = *field(&mut settings.clone());
    let others = choices.iter().filter(|(_, choice)| *choice != now);
    others
        .map(|(name, choice)| answer(flag, name, settings, |changed| *field(changed) = *choice))
        .collect()
}

fn answer(
    flag: &str,
    value: &impl Display,
    settings: &Settings,
    change: impl FnOnce(&mut Settings),
) -> Answer {
    let mut settings = settings.clone();
    change(&mut settings);
    Answer { change: format!("--{flag} {value}"), settings }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::default_settings;

    #[track_caller]
    fn check(flag: &str, settings: &Settings, expected: &[&str]) {
        let question = QUESTIONS.iter().find(|question| question.flag == flag).unwrap();
        let answers = question.answers(settings);
        let changes: Vec<&str> = answers.iter().map(|answer| answer.change.as_str()).collect();
        assert_eq!(changes, expected);
    }

    #[test]
    fn answers_are_the_rungs_beside_the_present_one_or_all_other_choices() {
        let mut settings = default_settings();
        check("smoothing", &settings, &["--smoothing 0.01", "--smoothing 0.1"]);
        check("estimator", &settings, &["--estimator multinomial", "--estimator complement"]);
        settings.smoothing = 0.05;
        check("smoothing", &settings, &["--smoothing 0.03", "--smoothing 0.1"]);
        settings.smoothing = 1.0;
        check("smoothing", &settings, &["--smoothing 0.3"]);
    }

    #[test]
    fn an_answer_changes_one_setting_and_no_other() {
        let settings = default_settings();
        for question in QUESTIONS {
            for answer in question.answers(&settings) {
                assert_ne!(answer.settings, settings, "{}", answer.change);
            }
        }
        let [_, more] = &QUESTIONS[0].answers(&settings)[..] else { panic!("two rungs") };
        let mut expected = settings;
        expected.selection.documents_min = 5;
        assert_eq!(more.settings, expected);
    }
}
