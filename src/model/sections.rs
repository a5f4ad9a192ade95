//! Passages as states of a hidden Markov model: what each says, given what stands around it.
//!
//! A page is a walk through sections. Each passage is in a section of one label, and is either content,
//! whose words speak for the label, or furniture, which interrupts the section. The posteriors of all
//! passages come from the forward-backward algorithm (Rabiner 1989, section III).

use crate::{label::LabelId, text::PassageKind};

/// What the log-likelihoods of a passage's labels count: neighbours repeat one another, so each says
/// less than it would alone.
const LABEL_EVIDENCE: f64 = 0.9;

/// What is added to the log-odds of furniture, which are fitted on as much furniture as content:
/// most passages are content.
const FURNITURE_LOG_ODDS: f64 = -3.0;

/// The probability that a page starts with furniture.
const FURNITURE_FIRST: f64 = 0.5;

/// The probability that furniture comes after content.
const FURNITURE_AFTER_CONTENT: f64 = 0.25;

/// The probability that furniture comes after furniture.
const FURNITURE_AFTER_FURNITURE: f64 = 0.75;

/// What one passage says by itself.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Observation {
    /// The log-likelihood of each label, up to a constant.
    pub(super) label_log_likelihoods: Vec<f64>,
    /// The log-odds that it is furniture rather than content.
    pub(super) furniture_log_odds: f64,
    /// What it looks like.
    pub(super) kind: PassageKind,
}

/// What a passage is, given all passages.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Posterior {
    /// The probability that it is content of each label. With `furniture`, they sum to 1.
    pub(super) labels: Vec<f64>,
    /// The probability that it is furniture.
    pub(super) furniture: f64,
}

/// Returns the posterior of each passage, in time linear in passages times labels.
///
/// The probabilities of the transitions were set with pages that were put together from training
/// documents, each passage scored by a model that had not seen its source (see DESIGN.md).
pub(super) fn posteriors(observations: &[Observation], shares: &Shares) -> Vec<Posterior> {
    let emissions: Vec<State> = observations.iter().map(State::emission).collect();
    let Some(first) = emissions.first() else { return Vec::new() };
    let stays = stays(observations);
    let mut forward: Vec<State> = Vec::with_capacity(emissions.len());
    forward.push(State::start(shares).times(first));
    for (at, emission) in emissions.iter().enumerate().skip(1) {
        forward.push(forward[at - 1].step(stays[at], shares).times(emission));
    }
    let mut backward = State::ones(first.content.len());
    let mut posteriors = Vec::with_capacity(emissions.len());
    for at in (0..emissions.len()).rev() {
        posteriors.push(forward[at].times(&backward).posterior());
        backward = backward.times(&emissions[at]).step_back(stays[at], shares);
    }
    posteriors.reverse();
    posteriors
}

/// How likely the section stays the same from the passage before, for each passage.
///
/// A heading belongs to what follows, and starts something new more often than a paragraph does. A rule
/// looks like the passage before it.
fn stays(observations: &[Observation]) -> Vec<f64> {
    let mut before = PassageKind::Body;
    let kinds = observations.iter().map(|observation| {
        let kind = match observation.kind {
            PassageKind::Rule => before,
            PassageKind::Heading | PassageKind::Body => observation.kind,
        };
        (std::mem::replace(&mut before, kind), kind)
    });
    kinds
        .map(|kinds| match kinds {
            (PassageKind::Heading, PassageKind::Body) => 0.97,
            (PassageKind::Heading, _) => 0.95,
            (_, PassageKind::Heading) => 0.88,
            (_, _) => 0.95,
        })
        .collect()
}

/// What the label for "neither" weighs among the labels of new sections, each of the others weighing 1:
/// what stands beside an article is seldom about nothing in particular.
const NEITHER_WEIGHT: f64 = 0.25;

/// How likely the section stays the same when content follows furniture.
const STAY_AFTER_FURNITURE: f64 = 0.4;

/// A number for each label of content, and for furniture in a section of each label.
#[derive(Clone, Debug)]
struct State {
    content: Vec<f64>,
    furniture: Vec<f64>,
}

impl State {
    /// Returns the likelihoods of a passage in each state, the largest of which is about 1.
    fn emission(observation: &Observation) -> State {
        let logs = &observation.label_log_likelihoods;
        let max = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let content: Vec<f64> =
            logs.iter().map(|log| (LABEL_EVIDENCE * (log - max)).exp()).collect();
        let mean = content.iter().sum::<f64>() / content.len() as f64;
        // Beyond these bounds nothing changes, and no product vanishes.
        let log_odds = (observation.furniture_log_odds + FURNITURE_LOG_ODDS).clamp(-30.0, 30.0);
        // Furniture says nothing about the label around it.
        let furniture = vec![mean * log_odds.exp(); content.len()];
        State { content, furniture }
    }

    fn start(shares: &Shares) -> State {
        let times = |factor: f64| shares.0.iter().map(|share| factor * share).collect();
        State { content: times(1.0 - FURNITURE_FIRST), furniture: times(FURNITURE_FIRST) }
    }

    fn ones(labels: usize) -> State {
        State { content: vec![1.0; labels], furniture: vec![1.0; labels] }
    }

    fn times(&self, other: &State) -> State {
        let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).collect();
        let mut state = State {
            content: product(&self.content, &other.content),
            furniture: product(&self.furniture, &other.furniture),
        };
        state.scale();
        state
    }

    /// Makes the numbers sum to 1: only their ratios matter, and long pages would underflow.
    fn scale(&mut self) {
        let sum: f64 = self.content.iter().chain(&self.furniture).sum();
        for value in self.content.iter_mut().chain(&mut self.furniture) {
            *value = (*value / sum).max(f64::MIN_POSITIVE);
        }
    }

    /// Returns what this state of one passage makes of the next.
    fn step(&self, stay: f64, shares: &Shares) -> State {
        let content = shares.spread(&self.content, stay).into_iter();
        let resumed = shares.spread(&self.furniture, STAY_AFTER_FURNITURE);
        let furniture = self.content.iter().zip(&self.furniture);
        State {
            content: content
                .zip(resumed)
                .map(|(content, resumed)| {
                    (1.0 - FURNITURE_AFTER_CONTENT) * content
                        + (1.0 - FURNITURE_AFTER_FURNITURE) * resumed
                })
                .collect(),
            furniture: furniture
                .map(|(content, furniture)| {
                    FURNITURE_AFTER_CONTENT * content + FURNITURE_AFTER_FURNITURE * furniture
                })
                .collect(),
        }
    }

    /// Returns what this state of one passage says of the one before: the transpose of [`State::step`].
    fn step_back(&self, stay: f64, shares: &Shares) -> State {
        let content = shares.gather(&self.content, stay).into_iter().zip(&self.furniture);
        let resumed = shares.gather(&self.content, STAY_AFTER_FURNITURE);
        let resumed = resumed.into_iter().zip(&self.furniture);
        State {
            content: content
                .map(|(content, furniture)| {
                    (1.0 - FURNITURE_AFTER_CONTENT) * content + FURNITURE_AFTER_CONTENT * furniture
                })
                .collect(),
            furniture: resumed
                .map(|(resumed, furniture)| {
                    (1.0 - FURNITURE_AFTER_FURNITURE) * resumed
                        + FURNITURE_AFTER_FURNITURE * furniture
                })
                .collect(),
        }
    }

    fn posterior(self) -> Posterior {
        let sum: f64 = self.content.iter().chain(&self.furniture).sum();
        Posterior {
            labels: self.content.iter().map(|value| value / sum).collect(),
            furniture: self.furniture.iter().sum::<f64>() / sum,
        }
    }
}

/// The share of each label among the sections that a page has anew.
#[derive(Clone, Debug)]
pub(super) struct Shares(Vec<f64>);

impl Shares {
    /// Returns the shares of `labels` labels, of which `neither` stands for none of the others.
    pub(super) fn of(labels: usize, neither: Option<LabelId>) -> Shares {
        let weight =
            |label| if Some(label) == neither.map(LabelId::index) { NEITHER_WEIGHT } else { 1.0 };
        let weights: Vec<f64> = (0..labels).map(weight).collect();
        let sum: f64 = weights.iter().sum();
        Shares(weights.iter().map(|weight| weight / sum).collect())
    }

    /// Returns `values` after a step in which each label stays with probability `stay`, and else becomes
    /// another one by its share.
    fn spread(&self, values: &[f64], stay: f64) -> Vec<f64> {
        let leaving = |(value, share): (&f64, &f64)| (1.0 - stay) * value / (1.0 - share);
        let all: f64 = values.iter().zip(&self.0).map(leaving).sum();
        let own = values.iter().zip(&self.0);
        own.map(|(value, share)| stay * value + share * (all - leaving((value, share)))).collect()
    }

    /// Returns what `values` say of the labels before such a step: its transpose.
    fn gather(&self, values: &[f64], stay: f64) -> Vec<f64> {
        let all: f64 = values.iter().zip(&self.0).map(|(value, share)| share * value).sum();
        let own = values.iter().zip(&self.0);
        own.map(|(value, share)| {
            stay * value + (1.0 - stay) * (all - share * value) / (1.0 - share)
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observation(label: usize, log_odds: f64, furniture: f64, kind: PassageKind) -> Observation {
        let mut label_log_likelihoods = vec![0.0; 3];
        label_log_likelihoods[label] = log_odds;
        Observation { label_log_likelihoods, furniture_log_odds: furniture, kind }
    }

    fn shares() -> Shares {
        Shares::of(3, Some(LabelId(1)))
    }

    /// Sums over all walks, which is what the algorithm does in less time.
    fn by_enumeration(observations: &[Observation]) -> Vec<Posterior> {
        let shares = shares();
        let n = observations.len();
        let emissions: Vec<State> = observations.iter().map(State::emission).collect();
        let stays = stays(observations);
        let mut sums = vec![[0.0; 6]; n];
        for walk in 0..6_usize.pow(u32::try_from(n).unwrap()) {
            let states: Vec<usize> =
                (0..n).map(|at| walk / 6_usize.pow(u32::try_from(at).unwrap()) % 6).collect();
            let mut weight = 1.0;
            for (at, &state) in states.iter().enumerate() {
                let one = |state: usize| {
                    let mut one = State { content: vec![0.0; 3], furniture: vec![0.0; 3] };
                    if state < 3 {
                        one.content[state] = 1.0;
                    } else {
                        one.furniture[state - 3] = 1.0;
                    }
                    one
                };
                let value = |from: &State| {
                    if state < 3 { from.content[state] } else { from.furniture[state - 3] }
                };
                weight *= value(&emissions[at]);
                weight *= if at == 0 {
                    value(&State::start(&shares))
                } else {
                    value(&one(states[at - 1]).step(stays[at], &shares))
                };
            }
            for (at, &state) in states.iter().enumerate() {
                sums[at][state] += weight;
            }
        }
        let posterior = |sums: [f64; 6]| {
            let all: f64 = sums.iter().sum();
            Posterior {
                labels: sums[..3].iter().map(|sum| sum / all).collect(),
                furniture: sums[3..].iter().sum::<f64>() / all,
            }
        };
        sums.into_iter().map(posterior).collect()
    }

    #[test]
    fn posteriors_are_sums_over_all_walks() {
        let observations = [
            observation(0, 1.0, 2.0, PassageKind::Heading),
            observation(1, 0.5, -3.0, PassageKind::Body),
            observation(2, 3.0, 0.0, PassageKind::Rule),
            observation(0, 2.0, 4.0, PassageKind::Heading),
        ];
        for (got, expected) in
            posteriors(&observations, &shares()).iter().zip(by_enumeration(&observations))
        {
            let got = got.labels.iter().chain([&got.furniture]);
            for (got, expected) in got.zip(expected.labels.iter().chain([&expected.furniture])) {
                assert!((got - expected).abs() < 1e-12, "got={got} expected={expected}");
            }
        }
    }

    #[test]
    fn a_passage_that_says_nothing_follows_its_neighbours() {
        let page = [
            observation(0, 4.0, -5.0, PassageKind::Body),
            observation(0, 0.0, -5.0, PassageKind::Body),
            observation(0, 4.0, -5.0, PassageKind::Body),
        ];
        assert!(0.9 < posteriors(&page, &shares())[1].labels[0]);
    }

    #[test]
    fn a_heading_goes_with_what_follows() {
        let page = [
            observation(0, 3.0, -5.0, PassageKind::Body),
            observation(0, 0.0, -5.0, PassageKind::Heading),
            observation(2, 3.0, -5.0, PassageKind::Body),
        ];
        let heading = &posteriors(&page, &shares())[1].labels;
        assert!(heading[0] < heading[2], "{heading:?}");
    }

    #[test]
    fn long_pages_with_strong_evidence_neither_vanish_nor_overflow() {
        let sure = |n: usize| {
            observation(n % 3, 1e4, if n.is_multiple_of(7) { 1e6 } else { -1e6 }, PassageKind::Body)
        };
        let page: Vec<Observation> = (0..4000).map(sure).collect();
        for posterior in posteriors(&page, &shares()) {
            let sum: f64 = posterior.labels.iter().sum::<f64>() + posterior.furniture;
            assert!((sum - 1.0).abs() < 1e-9, "{posterior:?}");
        }
    }
}
