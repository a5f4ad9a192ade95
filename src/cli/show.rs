//! An answer as text for people: label, probability bars, the page with its passages coloured, and the
//! words for and against.

use std::fmt::Write as _;

use newsdesk::text::{Reading, Span};

use super::{
    answer::{AnswerJson, EvidenceJson, PassageJson},
    terminal::{Colour, Paint},
};

/// An answer, and what a person reads of the document.
pub(super) struct Shown<'a> {
    /// What the document is called, if it is a file.
    pub(super) name: Option<String>,
    pub(super) answer: AnswerJson<'a>,
    /// What a reader sees of each passage, and which runs of it speak for or against its label.
    pub(super) passages: Vec<ShownPassage>,
    /// The label of each section, or why it has none, and its place among the labels, for its colour.
    sections: Vec<(String, Option<usize>)>,
}

/// What a reader sees of a passage.
pub(super) struct ShownPassage {
    pub(super) text: String,
    /// Runs of the text that are evidence, in order, and whether they speak for the passage's label.
    pub(super) marks: Vec<(std::ops::Range<usize>, bool)>,
}

impl<'a> Shown<'a> {
    pub(super) fn new(
        name: Option<String>,
        answer: AnswerJson<'a>,
        reading: &Reading<'_>,
    ) -> Shown<'a> {
        let passages = answer.passages.iter().flatten();
        let passages = passages.map(|passage| ShownPassage::new(passage, reading)).collect();
        let place = |label: &str| answer.probabilities.labels().position(|name| name == label);
        let sections = answer.sections.iter().flatten();
        let sections = sections
            .map(|section| match (&section.label, &section.abstained) {
                (Some(label), _) => (label.to_string(), place(label)),
                (None, reason) => (reason.as_deref().unwrap_or_default().to_owned(), None),
            })
            .collect();
        Shown { name, answer, passages, sections }
    }

    /// Returns the label of a passage's section or why it has none, and the label's place for a colour.
    pub(super) fn section(&self, passage: &PassageJson) -> (&str, Option<usize>) {
        let section = self.sections.get(passage.section);
        section.map_or(("", None), |(name, place)| (name, *place))
    }

    /// Tells whether the passages of the answer are worth showing: there is more than one.
    fn is_page(&self) -> bool {
        1 < self.passages.len()
    }
}

impl ShownPassage {
    fn new(passage: &PassageJson, reading: &Reading<'_>) -> ShownPassage {
        let own = reading.text_span(Span { start: passage.start, end: passage.end });
        let text = reading.text().get(own.range()).unwrap_or_default().to_owned();
        let mut marks = Vec::new();
        for evidence in &passage.evidence {
            for span in &evidence.spans {
                let span = reading.text_span(Span { start: span.start, end: span.end }).range();
                let (Some(start), Some(end)) = (
                    span.start.checked_sub(own.range().start),
                    span.end.checked_sub(own.range().start),
                ) else {
                    continue;
                };
                if text.get(start..end).is_some() {
                    marks.push((start..end, 0.0 < evidence.log_odds));
                }
            }
        }
        marks.sort_by_key(|(run, _)| (run.start, std::cmp::Reverse(run.end)));
        let mut end = 0;
        // A pair of words covers its words.
        marks.retain(|(run, _)| {
            let is_next = end <= run.start;
            end = if is_next { run.end } else { end };
            is_next
        });
        ShownPassage { text, marks }
    }

    /// Calls `take` with each run of the text, and whether it is evidence for or against.
    pub(super) fn runs<'a>(&'a self, mut take: impl FnMut(&'a str, Option<bool>)) {
        let mut at = 0;
        for (run, speaks_for) in &self.marks {
            take(&self.text[at..run.start], None);
            take(&self.text[run.clone()], Some(*speaks_for));
            at = run.end;
        }
        take(&self.text[at..], None);
    }
}

/// The colours of labels, in the order of the labels.
const COLOURS: [Colour; 5] =
    [Colour::Blue, Colour::Yellow, Colour::Magenta, Colour::Cyan, Colour::Green];

/// Returns an answer as text for a terminal.
pub(super) fn text(shown: &Shown, with_name: bool, paint: Paint) -> String {
    let mut text = String::new();
    if let Some(name) = shown.name.as_ref().filter(|_| with_name) {
        line(&mut text, &paint.dim(name));
    }
    head(shown, paint, &mut text);
    if shown.is_page() {
        page(shown, paint, &mut text);
    }
    evidence(&shown.answer.evidence, paint, &mut text);
    text
}

fn line(text: &mut String, line: &str) {
    writeln!(text, "{line}").expect("a string takes all");
}

fn head(shown: &Shown, paint: Paint, text: &mut String) {
    const BAR: usize = 30;
    let AnswerJson { label, abstained, probabilities, .. } = &shown.answer;
    match (label, abstained) {
        (Some(label), _) => line(text, &paint.bold(label)),
        (None, reason) => {
            let reason = reason.as_deref().unwrap_or("?");
            line(text, &format!("{} ({reason})", paint.bold("no label")));
        }
    }
    for (label, probability) in &probabilities.0 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 30")]
        let filled = ((probability * BAR as f64).round() as usize).min(BAR);
        let bar = format!("{}{}", "█".repeat(filled), "░".repeat(BAR - filled));
        line(text, &format!("  {label:<16} {bar} {:>5.1} %", 100.0 * probability));
    }
}

/// Adds the page: a coloured rule beside each passage, its label where a section starts or goes on, and its
/// strongest words marked.
fn page(shown: &Shown, paint: Paint, text: &mut String) {
    let answers = shown.answer.passages.iter().flatten();
    let mut last = None;
    for (answer, passage) in answers.zip(&shown.passages) {
        let (name, place) = shown.section(answer);
        let colour = place.map_or(Colour::Grey, |place| COLOURS[place % COLOURS.len()]);
        let rule = paint.colour(colour, "▌");
        line(text, &rule);
        if last != Some(answer.section) {
            let percent = format!("{:.0} %", 100.0 * answer.probability);
            line(text, &format!("{rule}{} {}", paint.colour(colour, name), paint.dim(&percent)));
        }
        last = Some(answer.section);
        let mut shown = String::new();
        passage.runs(|run, evidence| match evidence {
            None if place.is_none() => shown.push_str(&paint.dim(run)),
            None => shown.push_str(run),
            Some(true) => shown.push_str(&paint.bold(run)),
            Some(false) => shown.push_str(&paint.underline(run)),
        });
        for row in shown.lines() {
            line(text, &format!("{rule} {row}"));
        }
    }
    line(text, "");
}

fn evidence(found: &[EvidenceJson], paint: Paint, text: &mut String) {
    let Some(first) = found.first() else { return };
    let sides = format!("  {} rather than {}:", first.for_label, first.against_label);
    line(text, &paint.dim(&sides));
    for EvidenceJson { feature, log_odds, spans, .. } in found {
        let number = format!("{log_odds:>+8.3}");
        let number = if *log_odds < 0.0 { paint.bad(&number) } else { paint.good(&number) };
        let times = if spans.len() < 2 { String::new() } else { format!("  ×{}", spans.len()) };
        line(text, &format!("  {number}  {feature}{}", paint.dim(&times)));
    }
}
