//! Passages as states of a hidden Markov model: what each says, given what stands around it.
//!
//! A page has a subject, a label, and goes into asides of other labels and comes back. Each passage is
//! content of the subject or of an aside, whose words speak for the label, or it is furniture, which
//! interrupts either. For each subject, the posteriors of all passages come from the forward-backward
//! algorithm (Rabiner 1989, section III); the subjects are mixed by how well each explains the page.

use crate::{
    label::{LABELS_MAX, LabelId},
    text::{PassageKind, Region},
};

/// What the log-likelihoods of a passage's labels count: neighbours repeat one another, so each says
/// less than it would alone.
const LABEL_EVIDENCE: f64 = 0.8;

/// The most that a passage says between two labels, and between furniture and content, as log-odds.
/// Beyond it nothing changes, and no product vanishes or overflows.
const LOG_ODDS_MAX: f64 = 30.0;

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
#[derive(Clone, Copy, Debug)]
pub(super) struct Observation<L> {
    /// The log-likelihood of each label, up to a constant.
    pub(super) label_log_likelihoods: L,
    /// The log-odds that it is furniture rather than content.
    pub(super) furniture_log_odds: f64,
    /// What it looks like.
    pub(super) kind: PassageKind,
    /// Where its markup says that it stands.
    pub(super) region: Region,
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
    of_subjects: Vec<Walk>,
}

/// What a page is if it has one subject.
struct Walk {
    /// A row a passage: the probability that it is content of each label, and that it is furniture.
    rows: Vec<f64>,
    /// The logarithm of how likely the page is, up to a constant.
    log_likelihood: f64,
}

/// What each passage of a page is, given all passages.
pub(super) struct Posteriors {
    labels: usize,
    /// A row a passage: the probability that it is content of each label, and that it is furniture.
    rows: Vec<f64>,
}

impl Walks {
    /// Returns the posteriors on a page whose subject is a label by these weights.
    pub(super) fn posteriors(&self, subjects: &[f64]) -> Posteriors {
        let walks = self.of_subjects.iter();
        let logs = walks.clone().zip(subjects).map(|(walk, weight)| {
            // Weights of nothing are rounded up, so that one is left.
            weight.max(f64::MIN_POSITIVE).ln() + walk.log_likelihood
        });
        let best = logs.clone().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = logs.clone().map(|log| (log - best).exp()).sum();
        let mut rows = vec![0.0; walks.clone().next().map_or(0, |walk| walk.rows.len())];
        for (walk, log) in walks.zip(logs) {
            let share = (log - best).exp() / sum;
            rows.iter_mut().zip(&walk.rows).for_each(|(row, of_walk)| *row += share * of_walk);
        }
        Posteriors { labels: self.labels, rows }
    }
}

impl Posteriors {
    /// Returns the probability of each label and that of furniture, which sum to 1, for each of the last
    /// `passages`.
    pub(super) fn last(&self, passages: usize) -> impl Iterator<Item = (&[f64], f64)> {
        let (labels, width) = (self.labels, self.labels + 1);
        let rows = self.rows[self.rows.len() - passages * width..].chunks_exact(width);
        rows.map(move |row| (&row[..labels], row[labels]))
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

/// What a page's passages say and look like.
pub(super) struct Page {
    labels: usize,
    /// A row a passage: its likelihood as content of each label, and as furniture.
    likelihoods: Vec<f64>,
    /// The step to each passage from the one before.
    steps: Vec<Step>,
    /// What the last passage looks like, and where it stands.
    last: (PassageKind, Region),
}

impl Page {
    /// Returns a page that has no passage yet, with room for some.
    pub(super) fn new(labels: usize, passages: usize) -> Page {
        let likelihoods = Vec::with_capacity((labels + 1) * passages);
        let steps = Vec::with_capacity(passages);
        Page { labels, likelihoods, steps, last: (PassageKind::Body, Region::Body) }
    }

    /// Adds the next passage.
    pub(super) fn add(&mut self, passage: Observation<impl IntoIterator<Item = f64>>) {
        let Observation { label_log_likelihoods, furniture_log_odds, kind, region } = passage;
        self.add_likelihoods(label_log_likelihoods, furniture_log_odds, region);
        self.add_step(kind, region);
    }

    /// Adds the likelihoods of a passage, of which the largest of a label is 1.
    fn add_likelihoods(
        &mut self,
        label_log_likelihoods: impl IntoIterator<Item = f64>,
        furniture_log_odds: f64,
        region: Region,
    ) {
        let start = self.likelihoods.len();
        self.likelihoods.extend(label_log_likelihoods);
        let row = &mut self.likelihoods[start..];
        let max = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        for log in row.iter_mut() {
            *log = (LABEL_EVIDENCE * (*log - max)).max(-LOG_ODDS_MAX).exp();
        }
        let mean = row.iter().sum::<f64>() / self.labels as f64;
        let of_site = if region == Region::Site { SITE_LOG_ODDS } else { 0.0 };
        let log_odds = furniture_log_odds + FURNITURE_LOG_ODDS + of_site;
        self.likelihoods.push(mean * log_odds.clamp(-LOG_ODDS_MAX, LOG_ODDS_MAX).exp());
    }

    /// Adds the step to a passage that looks so from the one before.
    ///
    /// A heading belongs to what follows, and starts something new more often than a paragraph does. A
    /// rule looks like the passage before it.
    fn add_step(&mut self, kind: PassageKind, region: Region) {
        let (kind_before, region_before) = self.last;
        let kind = match kind {
            PassageKind::Rule => kind_before,
            PassageKind::Heading | PassageKind::Body => kind,
        };
        self.last = (kind, region);
        self.steps.push(match (kind_before, kind) {
            _ if region_before != region => AFTER_BREAK,
            (PassageKind::Heading, PassageKind::Heading) => Step { begin: 0.02, end: 0.04 },
            (PassageKind::Heading, _) => Step { begin: 0.03, end: 0.05 },
            (_, PassageKind::Heading) => Step { begin: 0.1, end: 0.1 },
            (_, _) => Step { begin: 0.015, end: 0.25 },
        });
    }

    /// Returns what the page is with each subject, whose asides are labels by their `shares`. Takes time
    /// linear in passages times the square of labels.
    ///
    /// The probabilities were set with pages that were put together from training documents, each passage
    /// scored by a model that had not seen its source (see DESIGN.md).
    pub(super) fn walks(&self, shares: &[f64]) -> Walks {
        // With a number known, the compiler needs no loops over labels. Those beyond the page's have no
        // share, so nothing becomes them.
        let of_subjects = match self.labels {
            ..=2 => self.walks_of::<2>(shares),
            3..=4 => self.walks_of::<4>(shares),
            5..=16 => self.walks_of::<16>(shares),
            17..=64 => self.walks_of::<64>(shares),
            _ => self.walks_of::<LABELS_MAX>(shares),
        };
        Walks { labels: self.labels, of_subjects }
    }

    fn walks_of<const LABELS: usize>(&self, shares: &[f64]) -> Vec<Walk> {
        let subjects = (0..self.labels).map(|label| Subject::<LABELS>::new(label, shares));
        subjects.map(|subject| self.walk(&subject)).collect()
    }

    /// Returns what the page is if it has this subject: forward, what each passage is given those before
    /// it, and backward, what those after it say of that.
    fn walk<const LABELS: usize>(&self, subject: &Subject<LABELS>) -> Walk {
        let (forward, log_likelihood) = self.forward(subject);
        let mut rows = vec![0.0; self.likelihoods.len()];
        let mut after = States { content: [1.0; LABELS], furniture: [1.0; LABELS] };
        let passages = self.passages::<LABELS>().zip(&forward);
        let rows_of_passages = rows.chunks_exact_mut(self.labels + 1);
        for (row, ((said, step), (before, factor))) in rows_of_passages.zip(passages).rev() {
            let States { content, furniture } = before.times(&after);
            let (labels, of_furniture) = row.split_at_mut(self.labels);
            labels.iter_mut().zip(content).for_each(|(label, content)| *label = content);
            of_furniture[0] = furniture.iter().sum();
            // By the factors of the way forward, the products of both ways sum to 1.
            after = subject.step_back(&after.times(&said), step).scaled(*factor);
        }
        Walk { rows, log_likelihood }
    }

    /// Returns what each passage is given itself and those before it, and the factor that makes it sum
    /// to 1, since long pages would underflow; and the logarithm of how likely the page is.
    fn forward<const LABELS: usize>(
        &self,
        subject: &Subject<LABELS>,
    ) -> (Vec<(States<LABELS>, f64)>, f64) {
        let mut forward = Vec::with_capacity(self.steps.len());
        let mut likelihood = Product::default();
        let mut states = subject.start();
        for (at, (said, step)) in self.passages().enumerate() {
            if 0 < at {
                states = subject.step(&states, step);
            }
            states = states.times(&said);
            let sum = states.sum();
            likelihood.multiply(sum);
            states = states.scaled(1.0 / sum);
            forward.push((states, 1.0 / sum));
        }
        (forward, likelihood.ln())
    }

    /// Returns the likelihood of each state of each passage, and the step to it.
    fn passages<const LABELS: usize>(
        &self,
    ) -> impl ExactSizeIterator<Item = (States<LABELS>, Step)> + DoubleEndedIterator {
        let rows = self.likelihoods.chunks_exact(self.labels + 1);
        rows.zip(&self.steps).map(|(row, &step)| {
            let (labels, furniture) = row.split_at(self.labels);
            let content = std::array::from_fn(|label| labels.get(label).copied().unwrap_or(0.0));
            // Furniture says nothing about the label around it.
            (States { content, furniture: [furniture[0]; LABELS] }, step)
        })
    }
}

/// A number for each state of a passage.
#[derive(Clone, Copy)]
struct States<const LABELS: usize> {
    /// That of content of each label.
    content: [f64; LABELS],
    /// That of furniture in content of each label.
    furniture: [f64; LABELS],
}

impl<const LABELS: usize> States<LABELS> {
    fn times(&self, by: &States<LABELS>) -> States<LABELS> {
        States {
            content: std::array::from_fn(|label| self.content[label] * by.content[label]),
            furniture: std::array::from_fn(|label| self.furniture[label] * by.furniture[label]),
        }
    }

    fn scaled(&self, by: f64) -> States<LABELS> {
        self.times(&States { content: [by; LABELS], furniture: [by; LABELS] })
    }

    fn sum(&self) -> f64 {
        self.content.iter().sum::<f64>() + self.furniture.iter().sum::<f64>()
    }
}

/// A product of many numbers, whose logarithm is asked for: logarithms are slow, so few are taken.
struct Product {
    of_last: f64,
    ln_of_others: f64,
}

impl Default for Product {
    fn default() -> Product {
        Product { of_last: 1.0, ln_of_others: 0.0 }
    }
}

impl Product {
    fn multiply(&mut self, by: f64) {
        self.of_last *= by;
        if !(1e-100..1e100).contains(&self.of_last) {
            self.ln_of_others += self.of_last.ln();
            self.of_last = 1.0;
        }
    }

    fn ln(&self) -> f64 {
        self.ln_of_others + self.of_last.ln()
    }
}

/// What a page may be about, and so how it goes on from one passage to the next.
struct Subject<const LABELS: usize> {
    label: usize,
    /// The share of each label among asides: none is about the subject.
    asides: [f64; LABELS],
}

impl<const LABELS: usize> Subject<LABELS> {
    fn new(label: usize, shares: &[f64]) -> Subject<LABELS> {
        let mut asides = [0.0; LABELS];
        let sum = 1.0 - shares[label];
        asides.iter_mut().zip(shares).for_each(|(aside, share)| *aside = share / sum);
        asides[label] = 0.0;
        Subject { label, asides }
    }

    fn start(&self) -> States<LABELS> {
        let mut content = self.asides.map(|share| ASIDE_FIRST * share);
        content[self.label] = 1.0 - ASIDE_FIRST;
        States {
            content: content.map(|value| (1.0 - FURNITURE_FIRST) * value),
            furniture: content.map(|value| FURNITURE_FIRST * value),
        }
    }

    /// Makes of the numbers of one passage those of the next.
    fn step(&self, from: &States<LABELS>, step: Step) -> States<LABELS> {
        let States { content, furniture } = from;
        let went_on = self.go_on(content, step);
        let resumed = self.go_on(furniture, AFTER_BREAK);
        let to_content = |label: usize| {
            (1.0 - FURNITURE_AFTER_CONTENT) * went_on[label]
                + (1.0 - FURNITURE_AFTER_FURNITURE) * resumed[label]
        };
        let to_furniture = |label: usize| {
            FURNITURE_AFTER_CONTENT * content[label] + FURNITURE_AFTER_FURNITURE * furniture[label]
        };
        States {
            content: std::array::from_fn(to_content),
            furniture: std::array::from_fn(to_furniture),
        }
    }

    /// Returns what content of each label makes of the content after it.
    fn go_on(&self, from: &[f64; LABELS], Step { begin, end }: Step) -> [f64; LABELS] {
        let subject = from[self.label];
        let ended = end * (from.iter().sum::<f64>() - subject);
        let begun = begin * subject + (1.0 - BACK_TO_SUBJECT) * ended;
        let mut to =
            std::array::from_fn(|label| (1.0 - end) * from[label] + begun * self.asides[label]);
        to[self.label] = (1.0 - begin) * subject + BACK_TO_SUBJECT * ended;
        to
    }

    /// Makes of `from`, what the later passages say of each state of one, what they say of each state
    /// of the one before: the transpose of [`Subject::step`].
    fn step_back(&self, from: &States<LABELS>, step: Step) -> States<LABELS> {
        let States { content, furniture } = from;
        let went_on = self.go_back(content, step);
        let resumed = self.go_back(content, AFTER_BREAK);
        let of_content = |label: usize| {
            (1.0 - FURNITURE_AFTER_CONTENT) * went_on[label]
                + FURNITURE_AFTER_CONTENT * furniture[label]
        };
        let of_furniture = |label: usize| {
            (1.0 - FURNITURE_AFTER_FURNITURE) * resumed[label]
                + FURNITURE_AFTER_FURNITURE * furniture[label]
        };
        States {
            content: std::array::from_fn(of_content),
            furniture: std::array::from_fn(of_furniture),
        }
    }

    /// Returns what the content after each label says of it: the transpose of [`Subject::go_on`].
    fn go_back(&self, from: &[f64; LABELS], Step { begin, end }: Step) -> [f64; LABELS] {
        let subject = from[self.label];
        let begun: f64 = from.iter().zip(&self.asides).map(|(value, share)| value * share).sum();
        let ended = BACK_TO_SUBJECT * subject + (1.0 - BACK_TO_SUBJECT) * begun;
        let mut to = from.map(|value| (1.0 - end) * value + end * ended);
        to[self.label] = (1.0 - begin) * subject + begin * begun;
        to
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observation(
        label: usize,
        log_odds: f64,
        furniture: f64,
        kind: PassageKind,
    ) -> Observation<[f64; 3]> {
        let mut label_log_likelihoods = [0.0; 3];
        label_log_likelihoods[label] = log_odds;
        let region = Region::Body;
        Observation { label_log_likelihoods, furniture_log_odds: furniture, kind, region }
    }

    fn of(observations: &[Observation<[f64; 3]>]) -> Page {
        let mut page = Page::new(3, observations.len());
        for observation in observations {
            page.add(*observation);
        }
        page
    }

    /// Returns the posteriors of the labels and of furniture, a row a passage.
    fn page(observations: &[Observation<[f64; 3]>]) -> Vec<[f64; 4]> {
        let shares = shares(3, Some(LabelId(1)));
        let posteriors = of(observations).walks(&shares).posteriors(&shares);
        let rows = posteriors.last(observations.len());
        rows.map(|(labels, furniture)| [labels[0], labels[1], labels[2], furniture]).collect()
    }

    /// Sums over all subjects and all walks, which is what the algorithm does in less time.
    fn by_enumeration(observations: &[Observation<[f64; 3]>]) -> Vec<[f64; 4]> {
        let n = observations.len();
        let shares = shares(3, Some(LabelId(1)));
        let page = of(observations);
        let passages: Vec<(States<3>, Step)> = page.passages().collect();
        let mut sums = vec![[0.0; 4]; n];
        for (label, share) in shares.iter().enumerate() {
            let subject = Subject::<3>::new(label, &shares);
            for walk in 0..6_usize.pow(u32::try_from(n).unwrap()) {
                let walked: Vec<usize> =
                    (0..n).map(|at| walk / 6_usize.pow(u32::try_from(at).unwrap()) % 6).collect();
                let mut weight = *share;
                for (at, &state) in walked.iter().enumerate() {
                    let (said, step) = &passages[at];
                    weight *= numbers(said)[state];
                    weight *= match at.checked_sub(1) {
                        None => numbers(&subject.start())[state],
                        Some(before) => numbers(&subject.step(&one(walked[before]), *step))[state],
                    };
                }
                for (at, &state) in walked.iter().enumerate() {
                    sums[at][state.min(3)] += weight;
                }
            }
        }
        sums.iter().map(|sums| sums.map(|sum| sum / sums.iter().sum::<f64>())).collect()
    }

    fn numbers(states: &States<3>) -> [f64; 6] {
        let States { content, furniture } = states;
        std::array::from_fn(|state| if state < 3 { content[state] } else { furniture[state - 3] })
    }

    /// Returns the numbers of a passage that is one state for sure.
    fn one(state: usize) -> States<3> {
        let number = |at| f64::from(u8::from(at == state));
        States {
            content: std::array::from_fn(number),
            furniture: std::array::from_fn(|label| number(3 + label)),
        }
    }

    #[test]
    fn a_step_loses_nothing() {
        let shares = shares(3, Some(LabelId(1)));
        for label in 0..3 {
            let subject = Subject::<3>::new(label, &shares);
            assert!((subject.start().sum() - 1.0).abs() < 1e-12);
            for from in 0..6 {
                let to = subject.step(&one(from), Step { begin: 0.3, end: 0.2 });
                assert!((to.sum() - 1.0).abs() < 1e-12, "{label} {from} {:?}", numbers(&to));
            }
        }
    }

    #[test]
    fn a_step_back_is_the_transpose_of_a_step() {
        let shares = shares(3, Some(LabelId(1)));
        let step = Step { begin: 0.3, end: 0.2 };
        for label in 0..3 {
            let subject = Subject::<3>::new(label, &shares);
            for (from, to) in (0..36).map(|pair| (pair / 6, pair % 6)) {
                let there = numbers(&subject.step(&one(from), step))[to];
                let back = numbers(&subject.step_back(&one(to), step))[from];
                assert!((there - back).abs() < 1e-12, "{label} {from} {to} {there} {back}");
            }
        }
    }

    #[test]
    fn any_number_of_labels_is_read_alike() {
        // Labels of which no passage speaks, and that have no share, change nothing.
        let few = page(&[observation(0, 2.0, 1.0, PassageKind::Body); 3]);
        for labels in [4, 5, 17, 65, LABELS_MAX] {
            let mut shares = shares(3, Some(LabelId(1)));
            shares.resize(labels, 0.0);
            let mut page = Page::new(labels, 3);
            for _ in 0..3 {
                let mut logs = vec![f64::NEG_INFINITY; labels];
                logs[..3].copy_from_slice(&[2.0, 0.0, 0.0]);
                // Furniture is as likely as content of a label is on the average.
                let furniture_log_odds = 1.0 + (labels as f64 / 3.0).ln();
                page.add(Observation {
                    label_log_likelihoods: logs,
                    furniture_log_odds,
                    kind: PassageKind::Body,
                    region: Region::Body,
                });
            }
            let posteriors = page.walks(&shares).posteriors(&shares);
            for ((got, furniture), few) in posteriors.last(3).zip(&few) {
                assert!((furniture - few[3]).abs() < 1e-9, "{labels} {furniture} {few:?}");
                for (got, few) in got.iter().zip(&few[..3]) {
                    assert!((got - few).abs() < 1e-9, "labels={labels} {got} {few}");
                }
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
            for (got, expected) in got.iter().zip(expected) {
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
        assert!(0.9 < page(&passages)[1][0]);
    }

    #[test]
    fn a_heading_goes_with_what_follows() {
        let passages = [
            observation(0, 3.0, -5.0, PassageKind::Body),
            observation(0, 0.0, -5.0, PassageKind::Heading),
            observation(2, 3.0, -5.0, PassageKind::Body),
        ];
        let heading = page(&passages)[1];
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
            page(&said)[1][2]
        };
        assert!(in_region(Region::Body) < 0.5);
        assert!(0.5 < in_region(Region::Aside));
    }

    #[test]
    fn long_pages_with_strong_evidence_neither_vanish_nor_overflow() {
        let sure = |n: usize| {
            observation(n % 3, 1e4, if n.is_multiple_of(7) { 1e6 } else { -1e6 }, PassageKind::Body)
        };
        let passages: Vec<Observation<[f64; 3]>> = (0..4000).map(sure).collect();
        for posterior in page(&passages) {
            assert!((posterior.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{posterior:?}");
        }
    }
}
