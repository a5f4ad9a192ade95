//! Passages as states of a hidden Markov model: what each says, given what stands around it.
//!
//! A page has a subject, a label, and goes into asides of other labels and comes back. Each passage is
//! content of the subject or of an aside, whose words speak for the label, or it is furniture, which
//! interrupts either. For each subject, the posteriors of all passages come from the forward-backward
//! algorithm (Rabiner 1989, section III); the subjects are mixed by how well each explains the page.

use crate::{
    label::LabelId,
    text::{PassageKind, Region},
};

/// What the log-likelihoods of a passage's labels count: neighbours repeat one another, so each says
/// less than it would alone.
const LABEL_EVIDENCE: f64 = 0.8;

/// What is added to the log-odds of furniture, which are fitted on as much furniture as content:
/// most passages are content.
const FURNITURE_LOG_ODDS: f64 = -3.0;

/// What is added to them for what markup says is of the site rather than of the page.
const SITE_LOG_ODDS: f64 = 4.0;

/// The probability that a page starts with furniture.
const FURNITURE_FIRST: f64 = 0.5;

/// The probability that furniture comes after content.
const FURNITURE_AFTER_CONTENT: f64 = 0.25;

/// The probability that furniture comes after furniture.
const FURNITURE_AFTER_FURNITURE: f64 = 0.75;

/// The probability that a page starts with an aside.
const ASIDE_FIRST: f64 = 0.15;

/// The probability that an aside that ends gives way to the subject, rather than to another aside.
const BACK_TO_SUBJECT: f64 = 0.9;

/// What the label for "neither" weighs among subjects and asides, each of the others weighing 1: what
/// is sent here, and what stands beside it, is seldom about nothing in particular.
const NEITHER_WEIGHT: f64 = 0.2;

/// What one passage says by itself.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Observation {
    /// The log-likelihood of each label, up to a constant.
    pub(super) label_log_likelihoods: Vec<f64>,
    /// The log-odds that it is furniture rather than content.
    pub(super) furniture_log_odds: f64,
    /// What it looks like.
    pub(super) kind: PassageKind,
    /// Where its markup says that it stands.
    pub(super) region: Region,
}

/// What a passage is, given all passages.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Posterior {
    /// The probability that it is content of each label. With `furniture`, they sum to 1.
    pub(super) labels: Vec<f64>,
    /// The probability that it is furniture.
    pub(super) furniture: f64,
}

/// Returns the share of each of `labels` labels among subjects and asides before anything is read, of
/// which `neither` stands for none of the others.
pub(super) fn shares(labels: usize, neither: Option<LabelId>) -> Vec<f64> {
    let is_neither = |label| Some(label) == neither.map(LabelId::index);
    let weight = |label| if is_neither(label) { NEITHER_WEIGHT } else { 1.0 };
    let sum: f64 = (0..labels).map(weight).sum();
    (0..labels).map(|label| weight(label) / sum).collect()
}

/// What a page is if it has one subject or another.
pub(super) struct Walks {
    labels: usize,
    /// For each subject, the probability of each state of each passage, and how likely the page then is.
    of_subjects: Vec<(Vec<f64>, f64)>,
}

/// Returns what a page is with each subject, whose asides are labels by their `shares`. Takes time linear
/// in passages times the square of labels.
///
/// The probabilities were set with pages that were put together from training documents, each passage
/// scored by a model that had not seen its source (see DESIGN.md).
pub(super) fn walks(observations: &[Observation], shares: &[f64]) -> Walks {
    let labels = shares.len();
    let mut all = Vec::with_capacity(2 * labels * observations.len());
    for observation in observations {
        add_emissions(observation, &mut all);
    }
    let page = Page { labels, emissions: all, steps: steps(observations) };
    let walk = |subject| page.walk(&Subject::new(subject, shares));
    Walks { labels, of_subjects: (0..labels).map(walk).collect() }
}

impl Walks {
    /// Returns the posterior of each passage of a page whose subject is a label by these weights.
    pub(super) fn posteriors(&self, subjects: &[f64]) -> Vec<Posterior> {
        let numbers = self.of_subjects.first().map_or(0, |(states, _)| states.len());
        let mut sum = vec![0.0; numbers];
        let mut best = f64::NEG_INFINITY;
        for ((states, log_likelihood), weight) in self.of_subjects.iter().zip(subjects) {
            let log_weight = weight.max(f64::MIN_POSITIVE).ln() + log_likelihood;
            let max = best.max(log_weight);
            let [old, new] = [best, log_weight].map(|log| (log - max).exp());
            best = max;
            sum.iter_mut().zip(states).for_each(|(sum, state)| *sum = old * *sum + new * state);
        }
        sum.chunks_exact(2 * self.labels).map(posterior).collect()
    }
}

/// Adds the likelihoods of a passage as content of each label, the largest of which is about 1, and then
/// as furniture in content of each label.
fn add_emissions(observation: &Observation, all: &mut Vec<f64>) {
    let (logs, start) = (&observation.label_log_likelihoods, all.len());
    let max = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    all.extend(logs.iter().map(|log| (LABEL_EVIDENCE * (log - max)).exp()));
    let mean = all[start..].iter().sum::<f64>() / logs.len() as f64;
    // Beyond these bounds nothing changes, and no product vanishes.
    let of_site = if observation.region == Region::Site { SITE_LOG_ODDS } else { 0.0 };
    let log_odds = observation.furniture_log_odds + FURNITURE_LOG_ODDS + of_site;
    let log_odds = log_odds.clamp(-30.0, 30.0);
    // Furniture says nothing about the label around it.
    all.extend(std::iter::repeat_n(mean * log_odds.exp(), logs.len()));
}

/// Returns what the numbers for each state make of a passage.
fn posterior(states: &[f64]) -> Posterior {
    let sum: f64 = states.iter().sum();
    let (content, furniture) = states.split_at(states.len() / 2);
    Posterior {
        labels: content.iter().map(|value| value / sum).collect(),
        furniture: furniture.iter().sum::<f64>() / sum,
    }
}

/// How likely an aside begins, and how likely one ends, from one passage of content to the next.
#[derive(Clone, Copy, Debug)]
struct Step {
    begin: f64,
    end: f64,
}

/// The step to content after something that parts it from what came before: furniture, or the bounds of a
/// region.
const AFTER_BREAK: Step = Step { begin: 0.45, end: 0.6 };

/// Returns the step to each passage from the one before.
///
/// A heading belongs to what follows, and starts something new more often than a paragraph does. A rule
/// looks like the passage before it.
fn steps(observations: &[Observation]) -> Vec<Step> {
    let mut before = (PassageKind::Body, Region::Body);
    let step_to = |observation: &Observation| {
        let (kind_before, region_before) = before;
        let kind = match observation.kind {
            PassageKind::Rule => kind_before,
            PassageKind::Heading | PassageKind::Body => observation.kind,
        };
        before = (kind, observation.region);
        match (kind_before, kind) {
            _ if region_before != observation.region => AFTER_BREAK,
            (PassageKind::Heading, PassageKind::Heading) => Step { begin: 0.02, end: 0.04 },
            (PassageKind::Heading, _) => Step { begin: 0.03, end: 0.05 },
            (_, PassageKind::Heading) => Step { begin: 0.1, end: 0.1 },
            (_, _) => Step { begin: 0.015, end: 0.25 },
        }
    };
    observations.iter().map(step_to).collect()
}

/// What a page's passages say and look like. Each has a row of numbers: one for content of each label,
/// then one for furniture in content of each label.
struct Page {
    labels: usize,
    emissions: Vec<f64>,
    steps: Vec<Step>,
}

impl Page {
    /// Returns the probability of each state of each passage if the page has this subject, and the
    /// logarithm of how likely the page then is, up to a constant.
    fn walk(&self, subject: &Subject) -> (Vec<f64>, f64) {
        let (mut states, log_likelihood) = self.forward(subject);
        let width = 2 * self.labels;
        let mut after = vec![1.0; width];
        let mut at_passage = vec![0.0; width];
        let rows = states.chunks_exact_mut(width).zip(self.emissions.chunks_exact(width));
        for ((row, emission), step) in rows.zip(&self.steps).rev() {
            multiply(row, &after);
            scale(row);
            multiply(&mut after, emission);
            std::mem::swap(&mut at_passage, &mut after);
            subject.step_back(&at_passage, *step, &mut after);
            scale(&mut after);
        }
        (states, log_likelihood)
    }

    fn forward(&self, subject: &Subject) -> (Vec<f64>, f64) {
        let width = 2 * self.labels;
        let mut states = vec![0.0; self.emissions.len()];
        let mut log_likelihood = 0.0;
        let mut before = subject.start();
        let rows = states.chunks_exact_mut(width).zip(self.emissions.chunks_exact(width));
        for (at, ((row, emission), step)) in rows.zip(&self.steps).enumerate() {
            if at == 0 {
                row.copy_from_slice(&before);
            } else {
                subject.step(&before, *step, row);
            }
            multiply(row, emission);
            log_likelihood += scale(row).ln();
            before.copy_from_slice(row);
        }
        (states, log_likelihood)
    }
}

fn multiply(row: &mut [f64], by: &[f64]) {
    row.iter_mut().zip(by).for_each(|(value, by)| *value *= by);
}

/// Makes the numbers sum to 1, since long pages would underflow, and returns their sum before.
fn scale(row: &mut [f64]) -> f64 {
    let sum: f64 = row.iter().sum();
    for value in row {
        *value = (*value / sum).max(f64::MIN_POSITIVE);
    }
    sum
}

/// What a page may be about, and so how it goes on from one passage to the next.
struct Subject {
    label: usize,
    /// The share of each label among asides: none is about the subject.
    asides: Vec<f64>,
}

impl Subject {
    fn new(label: usize, shares: &[f64]) -> Subject {
        let sum = 1.0 - shares[label];
        let share = |(at, share): (usize, &f64)| if at == label { 0.0 } else { share / sum };
        Subject { label, asides: shares.iter().enumerate().map(share).collect() }
    }

    fn start(&self) -> Vec<f64> {
        let mut content: Vec<f64> = self.asides.iter().map(|share| ASIDE_FIRST * share).collect();
        content[self.label] = 1.0 - ASIDE_FIRST;
        let times = |factor: f64| content.iter().map(move |value| factor * value);
        times(1.0 - FURNITURE_FIRST).chain(times(FURNITURE_FIRST)).collect()
    }

    /// Makes of `from`, the numbers of one passage, those of the next.
    fn step(&self, from: &[f64], step: Step, to: &mut [f64]) {
        let (content, furniture) = from.split_at(self.asides.len());
        let (to_content, to_furniture) = to.split_at_mut(self.asides.len());
        to_content.fill(0.0);
        self.go_on(content, step, 1.0 - FURNITURE_AFTER_CONTENT, to_content);
        self.go_on(furniture, AFTER_BREAK, 1.0 - FURNITURE_AFTER_FURNITURE, to_content);
        let inside = content.iter().zip(furniture);
        for (to, (content, furniture)) in to_furniture.iter_mut().zip(inside) {
            *to = FURNITURE_AFTER_CONTENT * content + FURNITURE_AFTER_FURNITURE * furniture;
        }
    }

    /// Adds to `to` what content of each label makes of the content after it, times `factor`.
    fn go_on(&self, from: &[f64], step: Step, factor: f64, to: &mut [f64]) {
        let subject = from[self.label];
        let ended = step.end * (from.iter().sum::<f64>() - subject);
        let begun = step.begin * subject + (1.0 - BACK_TO_SUBJECT) * ended;
        for ((to, from), share) in to.iter_mut().zip(from).zip(&self.asides) {
            *to += factor * ((1.0 - step.end) * from + begun * share);
        }
        to[self.label] += factor * ((step.end - step.begin) * subject + BACK_TO_SUBJECT * ended);
    }

    /// Makes of `from`, what the later passages say of each state of one, what they say of each state
    /// of the one before: the transpose of [`Subject::step`].
    fn step_back(&self, from: &[f64], step: Step, to: &mut [f64]) {
        let (content, furniture) = from.split_at(self.asides.len());
        let (to_content, to_furniture) = to.split_at_mut(self.asides.len());
        let steps = [
            (step, FURNITURE_AFTER_CONTENT, to_content),
            (AFTER_BREAK, FURNITURE_AFTER_FURNITURE, to_furniture),
        ];
        let begun: f64 = content.iter().zip(&self.asides).map(|(value, share)| value * share).sum();
        let subject = content[self.label];
        let resumed = BACK_TO_SUBJECT * subject + (1.0 - BACK_TO_SUBJECT) * begun;
        for (Step { begin, end }, interrupted, to) in steps {
            for ((to, content), furniture) in to.iter_mut().zip(content).zip(furniture) {
                let went_on = (1.0 - end) * content + end * resumed;
                *to = (1.0 - interrupted) * went_on + interrupted * furniture;
            }
            let went_on = (1.0 - begin) * subject + begin * begun;
            to[self.label] = (1.0 - interrupted) * went_on + interrupted * furniture[self.label];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observation(label: usize, log_odds: f64, furniture: f64, kind: PassageKind) -> Observation {
        let mut label_log_likelihoods = vec![0.0; 3];
        label_log_likelihoods[label] = log_odds;
        let region = Region::Body;
        Observation { label_log_likelihoods, furniture_log_odds: furniture, kind, region }
    }

    fn page(observations: &[Observation]) -> Vec<Posterior> {
        let shares = shares(3, Some(LabelId(1)));
        walks(observations, &shares).posteriors(&shares)
    }

    /// Sums over all subjects and all walks, which is what the algorithm does in less time.
    fn by_enumeration(observations: &[Observation]) -> Vec<Posterior> {
        let n = observations.len();
        let shares = shares(3, Some(LabelId(1)));
        let steps = steps(observations);
        let mut emissions = Vec::new();
        for observation in observations {
            add_emissions(observation, &mut emissions);
        }
        let mut sums = vec![[0.0; 6]; n];
        for (label, share) in shares.iter().enumerate() {
            let subject = Subject::new(label, &shares);
            for walk in 0..6_usize.pow(u32::try_from(n).unwrap()) {
                let states: Vec<usize> =
                    (0..n).map(|at| walk / 6_usize.pow(u32::try_from(at).unwrap()) % 6).collect();
                let mut weight = *share;
                for (at, &state) in states.iter().enumerate() {
                    weight *= emissions[6 * at + state];
                    weight *= if at == 0 {
                        subject.start()[state]
                    } else {
                        let mut from = [0.0; 6];
                        from[states[at - 1]] = 1.0;
                        let mut to = [0.0; 6];
                        subject.step(&from, steps[at], &mut to);
                        to[state]
                    };
                }
                for (at, &state) in states.iter().enumerate() {
                    sums[at][state] += weight;
                }
            }
        }
        sums.iter().map(|sums| posterior(sums)).collect()
    }

    #[test]
    fn a_step_loses_nothing() {
        let shares = shares(3, Some(LabelId(1)));
        for label in 0..3 {
            let subject = Subject::new(label, &shares);
            assert!((subject.start().iter().sum::<f64>() - 1.0).abs() < 1e-12);
            for from in 0..6 {
                let mut row = [0.0; 6];
                row[from] = 1.0;
                let mut to = [0.0; 6];
                subject.step(&row, Step { begin: 0.3, end: 0.2 }, &mut to);
                assert!((to.iter().sum::<f64>() - 1.0).abs() < 1e-12, "{label} {from} {to:?}");
            }
        }
    }

    #[test]
    fn posteriors_are_sums_over_all_walks() {
        let observations = [
            observation(0, 1.0, 2.0, PassageKind::Heading),
            observation(1, 0.5, -3.0, PassageKind::Body),
            observation(2, 3.0, 0.0, PassageKind::Rule),
            observation(0, 2.0, 4.0, PassageKind::Heading),
        ];
        for (got, expected) in page(&observations).iter().zip(by_enumeration(&observations)) {
            let got = got.labels.iter().chain([&got.furniture]);
            for (got, expected) in got.zip(expected.labels.iter().chain([&expected.furniture])) {
                assert!((got - expected).abs() < 1e-12, "got={got} expected={expected}");
            }
        }
    }

    #[test]
    fn a_passage_that_says_nothing_follows_its_neighbours() {
        let passages = [
            observation(0, 4.0, -5.0, PassageKind::Body),
            observation(0, 0.0, -5.0, PassageKind::Body),
            observation(0, 4.0, -5.0, PassageKind::Body),
        ];
        assert!(0.9 < page(&passages)[1].labels[0]);
    }

    #[test]
    fn a_heading_goes_with_what_follows() {
        let passages = [
            observation(0, 3.0, -5.0, PassageKind::Body),
            observation(0, 0.0, -5.0, PassageKind::Heading),
            observation(2, 3.0, -5.0, PassageKind::Body),
        ];
        let heading = &page(&passages)[1].labels;
        assert!(heading[0] < heading[2], "{heading:?}");
    }

    #[test]
    fn a_region_of_its_own_parts_passages() {
        let in_region = |region| {
            let said = [
                observation(0, 4.0, -5.0, PassageKind::Body),
                Observation { region, ..observation(2, 2.0, -5.0, PassageKind::Body) },
                observation(0, 4.0, -5.0, PassageKind::Body),
            ];
            page(&said)[1].labels[2]
        };
        assert!(in_region(Region::Body) < 0.5);
        assert!(0.5 < in_region(Region::Aside));
    }

    #[test]
    fn long_pages_with_strong_evidence_neither_vanish_nor_overflow() {
        let sure = |n: usize| {
            observation(n % 3, 1e4, if n.is_multiple_of(7) { 1e6 } else { -1e6 }, PassageKind::Body)
        };
        let passages: Vec<Observation> = (0..4000).map(sure).collect();
        for posterior in page(&passages) {
            let sum: f64 = posterior.labels.iter().sum::<f64>() + posterior.furniture;
            assert!((sum - 1.0).abs() < 1e-9, "{posterior:?}");
        }
    }
}
