//! A page: what each of its passages says, and which of them are its main section.

use super::{
    Answer, Calibration, Decision, Evidence, Furniture, Model, Thresholds,
    decision::{AbstentionReason, best_two},
    evidence::{self, Part},
    sections::{self, Observation, Posteriors, Walks, shares},
};
use crate::{
    features::VectorScratch,
    label::LabelId,
    text::{Document, Field, Passage, PassageKind, Region, Span},
};

/// What a model knows of pages, beyond what it knows of documents.
#[derive(Clone, Debug, PartialEq)]
pub struct PageReader {
    /// How the scores of a single passage become probabilities. Passages are short, and so say less than
    /// whole documents do.
    pub calibration: Calibration,
    /// What it knows of furniture, if it was trained on any.
    pub furniture: Option<Furniture>,
}

impl PageReader {
    /// Returns a reader that takes scores as they are, and knows no furniture.
    pub fn none(labels: usize) -> PageReader {
        PageReader { calibration: Calibration::none(labels), furniture: None }
    }
}

/// What a model says of a page.
#[derive(Clone, Debug, PartialEq)]
pub struct PageAnswer {
    /// What it says of the main section, title included: scores, probabilities and evidence are those of
    /// its features alone.
    pub answer: Answer,
    /// What it says of each passage, in order.
    pub passages: Vec<PassageAnswer>,
    /// The sections, in the order of their first passages.
    pub sections: Vec<Section>,
}

/// What a model says of a passage.
#[derive(Clone, Debug, PartialEq)]
pub struct PassageAnswer {
    /// Where it stands in the text.
    pub span: Span,
    /// The label, or why there is none.
    pub decision: Decision,
    /// The probability of each label, in the order of the labels, given the whole page. With
    /// `furniture`, they sum to 1.
    pub probabilities: Vec<f64>,
    /// The probability that it is page furniture.
    pub furniture: f64,
    /// The score of each label by the passage's own features, in the order of the labels.
    pub scores: Vec<f64>,
    /// The place of its section among the page's.
    pub section: usize,
    /// The two labels that its evidence is between: those which are likeliest by its own features.
    pub best: [LabelId; 2],
    /// The features of the passage that weigh most between those two, strongest first.
    pub evidence: Vec<Evidence>,
}

impl PassageAnswer {
    /// Returns the probability of what was decided, given which label stands for "neither".
    pub fn probability(&self, neither: Option<LabelId>) -> f64 {
        let likeliest = || self.probabilities.iter().copied().fold(0.0, f64::max);
        match self.decision {
            Decision::Label(label) => self.probabilities[label.index()],
            Decision::Abstain(AbstentionReason::Furniture) => self.furniture,
            Decision::Abstain(AbstentionReason::Neither) => {
                neither.map_or_else(likeliest, |label| self.probabilities[label.index()])
            }
            Decision::Abstain(_) => likeliest(),
        }
    }
}

/// A run of passages that belong together; other sections may interrupt it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Section {
    /// The label of its passages, or why they have none.
    pub decision: Decision,
    /// The number of its passages.
    pub passages: usize,
    /// Whether it is what the page is about.
    pub is_main: bool,
}

/// A passage, and the score of each label by its own features.
struct Read {
    passage: Passage,
    scores: Vec<f64>,
}

/// What the passages of a page are.
struct Arrangement {
    posteriors: Posteriors,
    decisions: Vec<Decision>,
    sections: Vec<Section>,
    /// The section of each passage.
    section_of: Vec<usize>,
    /// The main section.
    main: Option<usize>,
}

impl Arrangement {
    /// Tells whether a passage is in the main section. Where there is none, all are.
    fn is_main(&self, passage: usize) -> bool {
        self.main.is_none_or(|main| self.section_of[passage] == main)
    }

    /// Returns the passages of the main section.
    fn main_passages(&self) -> impl Iterator<Item = usize> + Clone {
        (0..self.section_of.len()).filter(|&passage| self.is_main(passage))
    }

    /// Returns the parts of the page that are its main section: the title, and some passages.
    fn main_parts(&self) -> impl Iterator<Item = usize> + Clone {
        let passages = self.main_passages().map(|passage| TEXT_PART + passage);
        [TITLE_PART].into_iter().chain(passages)
    }

    /// Returns these parts where they stand in `document`.
    fn main_texts<'d>(&self, document: &Document<'d>, passages: &[PassageAnswer]) -> Vec<Part<'d>> {
        let text = document.field(Field::Text);
        let title = Part::whole(document.field(Field::Title), Field::Title);
        let parts = self.main_passages().map(|at| Part::of(text, passages[at].span));
        [title].into_iter().chain(parts).collect()
    }

    /// Tells whether the same passages are in the main section of another arrangement.
    fn has_main_of(&self, other: &Arrangement) -> bool {
        (0..self.section_of.len()).all(|at| self.is_main(at) == other.is_main(at))
    }
}

impl Model {
    /// Returns what the model says of a page: of its main section, and of each of the `passages` of
    /// `document`'s text. At most `evidence_max` features are given as evidence for each.
    ///
    /// ```
    /// use newsdesk::text::{Document, passages};
    ///
    /// let model = newsdesk::default_model();
    /// let text = "Envoys sign a ceasefire\n\nThe foreign ministers signed the treaty, and troops withdrew.";
    /// let page = model.classify_page(&Document::new(text).unwrap(), &passages(text), 0);
    /// assert_eq!(page.passages.len(), 2);
    /// assert_eq!(page.passages[0].section, page.passages[1].section);
    /// ```
    pub fn classify_page(
        &self,
        document: &Document<'_>,
        passages: &[Passage],
        evidence_max: usize,
    ) -> PageAnswer {
        self.classify_page_by(&self.thresholds, document, passages, evidence_max)
    }

    /// Returns what [`classify_page`](Model::classify_page) does, by other thresholds than the model's.
    pub fn classify_page_by(
        &self,
        thresholds: &Thresholds,
        document: &Document<'_>,
        passages: &[Passage],
        evidence_max: usize,
    ) -> PageAnswer {
        super::with_scratch(|scratch| {
            let text = document.field(Field::Text);
            let parts = passages.iter().map(|passage| &text[passage.span.range()]);
            let parts = [document.field(Field::Title)].into_iter().chain(parts);
            scratch.find(parts, &self.settings.features, &self.vocabulary);
            let (reads, said) = self.read(passages, scratch);
            let shares = shares(self.labels.len(), self.labels.neither());
            let walks = said.walks(&shares);
            let draft = self.arrange(thresholds, &reads, &walks, &shares);
            let mut answer = self.judge_main(thresholds, &draft, scratch);
            let page = self.arrange(thresholds, &reads, &walks, &subjects(&answer, &shares));
            if !page.has_main_of(&draft) {
                answer = self.judge_main(thresholds, &page, scratch);
            }
            answer.decision = page_decision(document, &answer, &page.decisions);
            let mut passages = self.answer_passages(reads, &page);
            if 0 < evidence_max {
                let parts = page.main_texts(document, &passages);
                let vector = scratch.sum(page.main_parts());
                answer.evidence = evidence::find(self, &parts, vector, answer.best, evidence_max);
                for (part, passage) in (TEXT_PART..).zip(&mut passages) {
                    let (vector, best) = (scratch.sum([part].into_iter()), passage.best);
                    let parts = [Part::of(text, passage.span)];
                    passage.evidence = evidence::find(self, &parts, vector, best, evidence_max);
                }
            }
            PageAnswer { answer, passages, sections: page.sections }
        })
    }

    /// Returns what each passage says by itself, of a page whose parts were found; and all that they say
    /// for the sections. A title stands before the text as its first heading.
    fn read(
        &self,
        passages: &[Passage],
        scratch: &mut VectorScratch,
    ) -> (Vec<Read>, sections::Page) {
        let mut said = sections::Page::new(self.labels.len(), TEXT_PART + passages.len());
        let title = TITLE_PART..TEXT_PART;
        if 0 < scratch.extent(title).occurrences {
            self.read_passage(TITLE, TITLE_PART, scratch, &mut said);
        }
        let parts = (TEXT_PART..).zip(passages);
        let read = |(part, &passage)| self.read_passage(passage, part, scratch, &mut said);
        let reads = parts.map(read).collect();
        (reads, said)
    }

    fn read_passage(
        &self,
        passage: Passage,
        part: usize,
        scratch: &mut VectorScratch,
        said: &mut sections::Page,
    ) -> Read {
        let furniture = match passage.kind {
            PassageKind::Heading | PassageKind::Body => self.page.furniture.as_ref(),
            // A row of stars belongs to what it stands in.
            PassageKind::Rule => None,
        };
        let column = furniture.map_or(&[][..], |furniture| &furniture.weights);
        let (values, parts) = (self.settings.values, part..part + 1);
        let (scores, sum) = self.weights.scores_of_parts(scratch, parts.clone(), values, column);
        let says_nothing = scratch.is_unknown(part);
        let logs = self.page.calibration.log_probabilities(&scores).zip(self.weights.log_priors());
        let words = scratch.extent(parts).words;
        said.add(Observation {
            label_log_likelihoods: logs
                .map(|(log, log_prior)| if says_nothing { 0.0 } else { log - log_prior }),
            furniture_log_odds: furniture.map_or(f64::NEG_INFINITY, |furniture| {
                furniture.log_odds(sum, words, passage.is_closed)
            }),
            kind: passage.kind,
            region: passage.region,
        });
        Read { passage, scores }
    }

    /// Returns what the main section says as one text, without evidence.
    fn judge_main(
        &self,
        thresholds: &Thresholds,
        page: &Arrangement,
        scratch: &mut VectorScratch,
    ) -> Answer {
        let (values, parts) = (self.settings.values, page.main_parts());
        let (scores, _) = self.weights.scores_of_parts(scratch, parts.clone(), values, &[]);
        self.decide(thresholds, scores, scratch.extent(parts))
    }

    /// Returns what the passages are on a page with one of these subjects.
    fn arrange(
        &self,
        thresholds: &Thresholds,
        reads: &[Read],
        walks: &Walks,
        subjects: &[f64],
    ) -> Arrangement {
        let posteriors = walks.posteriors(subjects);
        let decide = |(labels, furniture)| self.decide_passage(thresholds, labels, furniture);
        let decisions: Vec<Decision> = posteriors.last(reads.len()).map(decide).collect();
        let (sections, section_of) = sections(reads, &decisions);
        let main = sections.iter().position(|section| section.is_main);
        Arrangement { posteriors, decisions, sections, section_of, main }
    }

    /// Returns what is said of each passage, without evidence.
    fn answer_passages(&self, reads: Vec<Read>, page: &Arrangement) -> Vec<PassageAnswer> {
        let posteriors = page.posteriors.last(reads.len());
        let decisions = page.decisions.iter().zip(&page.section_of);
        reads
            .into_iter()
            .zip(posteriors)
            .zip(decisions)
            .map(|((Read { passage, scores }, (labels, furniture)), (&decision, &section))| {
                let best = best_two(self.page.calibration.log_probabilities(&scores));
                let (span, probabilities, evidence) = (passage.span, labels.to_vec(), Vec::new());
                PassageAnswer {
                    span,
                    decision,
                    probabilities,
                    furniture,
                    scores,
                    section,
                    best,
                    evidence,
                }
            })
            .collect()
    }

    fn decide_passage(&self, thresholds: &Thresholds, labels: &[f64], furniture: f64) -> Decision {
        let two = best_two(labels);
        let [best, second] = two.map(|label| labels[label.index()]);
        let label = two[0];
        if best < furniture {
            Decision::Abstain(AbstentionReason::Furniture)
        } else if best - second < thresholds.margin_min {
            Decision::Abstain(AbstentionReason::LowMargin)
        } else if Some(label) == self.labels.neither() {
            Decision::Abstain(AbstentionReason::Neither)
        } else {
            Decision::Label(label)
        }
    }
}

/// The place of the title among the parts of a page.
const TITLE_PART: usize = 0;

/// The place of the first passage among the parts of a page.
const TEXT_PART: usize = 1;

/// How a title looks among passages.
const TITLE: Passage = Passage {
    span: Span { start: 0, end: 0 },
    kind: PassageKind::Heading,
    is_closed: false,
    region: Region::Body,
};

/// How likely the main section's label is another one than it says, over all labels.
const SUBJECT_DOUBT: f64 = 0.01;

/// Returns the weights of what a page may be about, given what its main section says as a whole: words
/// that are spread over many passages say more together than passage by passage.
fn subjects(main: &Answer, shares: &[f64]) -> Vec<f64> {
    main.probabilities.iter().zip(shares).map(|(p, share)| share * (p + SUBJECT_DOUBT)).collect()
}

/// Returns the page's decision: that of its main section, unless there is nothing but furniture.
fn page_decision(document: &Document<'_>, answer: &Answer, states: &[Decision]) -> Decision {
    let furniture = Decision::Abstain(AbstentionReason::Furniture);
    if document.is_blank() {
        Decision::Abstain(AbstentionReason::NoText)
    } else if !states.is_empty() && states.iter().all(|&state| state == furniture) {
        furniture
    } else {
        answer.decision
    }
}

/// Returns the sections, and the section of each passage.
///
/// A section goes on after an interruption if the text goes on: with a paragraph, not with a heading.
fn sections(reads: &[Read], states: &[Decision]) -> (Vec<Section>, Vec<usize>) {
    let mut sections: Vec<Section> = Vec::new();
    let mut section_of: Vec<usize> = Vec::with_capacity(reads.len());
    for (read, &decision) in reads.iter().zip(states) {
        let last = section_of.last().copied().filter(|&last| sections[last].decision == decision);
        let resumed = || sections.iter().rposition(|section| section.decision == decision);
        let goes_on = read.passage.kind != PassageKind::Heading;
        let section = match last.or_else(|| goes_on.then(resumed).flatten()) {
            Some(section) => section,
            None => {
                sections.push(Section { decision, passages: 0, is_main: false });
                sections.len() - 1
            }
        };
        sections[section].passages += 1;
        section_of.push(section);
    }
    if let Some(main) = main_section(reads, &sections, &section_of) {
        sections[main].is_main = true;
    }
    (sections, section_of)
}

/// What a passage that does not continue running text counts, as a share of its length: headings and
/// teasers are many on a page, and each says what is elsewhere.
const TEASER_SHARE: f64 = 0.25;

/// What the first section of content counts more than others: pages begin with what they are about.
const FIRST_SECTION_FACTOR: f64 = 2.0;

/// Returns the section that the page is about: the one with the most running text. Furniture never is.
fn main_section(reads: &[Read], sections: &[Section], section_of: &[usize]) -> Option<usize> {
    let furniture = Decision::Abstain(AbstentionReason::Furniture);
    let mut lengths = vec![0.0; sections.len()];
    let mut last_kind = vec![PassageKind::Heading; sections.len()];
    for (read, &section) in reads.iter().zip(section_of) {
        let Passage { span, kind, .. } = read.passage;
        let continues = kind == PassageKind::Body && last_kind[section] == PassageKind::Body;
        let share = if continues { 1.0 } else { TEASER_SHARE };
        lengths[section] += share * span.range().len() as f64;
        last_kind[section] = kind;
    }
    let first = sections.iter().position(|section| section.decision != furniture)?;
    lengths[first] *= FIRST_SECTION_FACTOR;
    let content = (0..sections.len()).filter(|&at| sections[at].decision != furniture);
    // Of equals, the first.
    content.rev().max_by(|&a, &b| lengths[a].total_cmp(&lengths[b]))
}
