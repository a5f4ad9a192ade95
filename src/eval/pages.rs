//! Answers about pages, beside the true labels of their passages, as figures.

use std::collections::BTreeMap;

use crate::{
    corpus::{BOILERPLATE, PageExample},
    label::LabelSet,
    model::{AbstentionReason, Decision, PageAnswer},
};

/// What became of one page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageOutcome {
    page_is_right: bool,
    /// The true label and the answer of each passage that is scored.
    passages: Vec<(String, String)>,
    /// Boundaries between passages: the true ones, ours, and those that are both.
    boundaries: [u64; 3],
}

/// How good a model reads pages.
#[derive(Clone, Debug, PartialEq)]
pub struct PageMetrics {
    /// The number of pages.
    pub pages: u64,
    /// The share of pages that were labelled right.
    pub page_accuracy: f64,
    /// The number of passages that were scored: all but boilerplate.
    pub passages: u64,
    /// The share of them that were labelled right.
    pub passage_accuracy: f64,
    /// The mean of the F1 of the labels that passages have in truth.
    pub passage_macro_f1: f64,
    /// The share of pages of which every scored passage was labelled right.
    pub pages_all_right: f64,
    /// The F1 of the places where one passage ends and the next begins, boilerplate included.
    pub boundary_f1: f64,
    /// The passages by true label and answer, and how many there are.
    pub confusion: BTreeMap<(String, String), u64>,
}

/// A passage that is not in its page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`passages[{index}].text` is not in `text` after the passages before it; copy it as it is there"
)]
pub struct PassageNotFound {
    /// The place of the passage.
    pub index: usize,
}

impl PageOutcome {
    /// Holds `answer` against the labels of a page, whose visible text is `text`.
    ///
    /// A passage is given the answer of most of its bytes. NEITHER counts as the label that stands for
    /// it, furniture as boilerplate, and any other abstention as the likeliest label.
    pub fn new(
        labels: &LabelSet,
        answer: &PageAnswer,
        example: &PageExample,
        text: &str,
    ) -> Result<PageOutcome, PassageNotFound> {
        let spans = locate(example, text)?;
        let answered: Vec<(std::ops::Range<usize>, &str)> = answer
            .passages
            .iter()
            .map(|passage| {
                let name = name(labels, passage.decision, &passage.probabilities);
                (passage.span.range(), name)
            })
            .collect();
        let scored = example.passages.iter().zip(&spans).filter(|(p, _)| p.label != BOILERPLATE);
        let passages = scored
            .map(|(passage, span)| (passage.label.clone(), majority(&answered, span).to_owned()))
            .collect();
        let own = &answer.answer;
        let page = name(labels, own.decision, &own.probabilities);
        let true_starts: Vec<usize> = spans.iter().skip(1).map(|span| span.start).collect();
        let starts: Vec<usize> = answered.iter().skip(1).map(|(span, _)| span.start).collect();
        let both = true_starts.iter().filter(|start| starts.binary_search(start).is_ok()).count();
        let boundaries = [true_starts.len(), starts.len(), both].map(|n| n as u64);
        Ok(PageOutcome { page_is_right: page == example.label, passages, boundaries })
    }
}

impl PageMetrics {
    /// Returns the figures of `outcomes`.
    pub fn of(outcomes: &[PageOutcome]) -> PageMetrics {
        let mut confusion: BTreeMap<(String, String), u64> = BTreeMap::new();
        for passage in outcomes.iter().flat_map(|outcome| &outcome.passages) {
            *confusion.entry(passage.clone()).or_default() += 1;
        }
        let count = |of: &dyn Fn(&str, &str) -> bool| -> u64 {
            confusion.iter().filter(|((truth, answer), _)| of(truth, answer)).map(|(_, n)| n).sum()
        };
        let mut truths: Vec<&str> = confusion.keys().map(|(truth, _)| truth.as_str()).collect();
        truths.dedup();
        let f1s = truths.iter().map(|&label| {
            let right = count(&|truth, answer| truth == label && answer == label);
            let both = count(&|truth, _| truth == label) + count(&|_, answer| answer == label);
            share(2 * right, both)
        });
        let pages = outcomes.len() as u64;
        let passages = count(&|_, _| true);
        let pages_right = outcomes.iter().filter(|outcome| outcome.page_is_right).count() as u64;
        let all_right = |outcome: &&PageOutcome| outcome.passages.iter().all(|(t, a)| t == a);
        let boundary = |place: usize| outcomes.iter().map(|o| o.boundaries[place]).sum::<u64>();
        PageMetrics {
            pages,
            page_accuracy: share(pages_right, pages),
            passages,
            passage_accuracy: share(count(&|truth, answer| truth == answer), passages),
            passage_macro_f1: f1s.sum::<f64>() / truths.len().max(1) as f64,
            pages_all_right: share(outcomes.iter().filter(all_right).count() as u64, pages),
            boundary_f1: share(2 * boundary(2), boundary(0) + boundary(1)),
            confusion,
        }
    }
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// Returns the name of the label that a decision counts as.
fn name<'a>(labels: &'a LabelSet, decision: Decision, probabilities: &[f64]) -> &'a str {
    let likeliest = || {
        let ids = labels.ids().zip(probabilities);
        let best = ids.max_by(|a, b| a.1.total_cmp(b.1)).map(|(label, _)| label);
        labels.name(best.expect("a set has labels"))
    };
    match decision {
        Decision::Label(label) => labels.name(label),
        Decision::Abstain(AbstentionReason::Neither) => {
            labels.neither().map_or_else(likeliest, |label| labels.name(label))
        }
        Decision::Abstain(AbstentionReason::Furniture) => BOILERPLATE,
        Decision::Abstain(_) => likeliest(),
    }
}

/// Returns the answer that covers the most bytes of `span`; of equals, the first.
fn majority<'a>(
    answered: &[(std::ops::Range<usize>, &'a str)],
    span: &std::ops::Range<usize>,
) -> &'a str {
    let mut bytes: Vec<(&str, usize)> = Vec::new();
    for (own, name) in answered {
        let common = own.end.min(span.end).saturating_sub(own.start.max(span.start));
        match bytes.iter_mut().find(|(known, _)| known == name) {
            Some((_, sum)) => *sum += common,
            None if 0 < common => bytes.push((name, common)),
            None => {}
        }
    }
    bytes.into_iter().rev().max_by_key(|&(_, sum)| sum).map_or(BOILERPLATE, |(name, _)| name)
}

/// Returns where the passages of a page stand in its visible text. White space does not matter: HTML
/// shows it in many ways.
fn locate(
    example: &PageExample,
    text: &str,
) -> Result<Vec<std::ops::Range<usize>>, PassageNotFound> {
    let mut stripped = String::with_capacity(text.len());
    let mut places: Vec<usize> = Vec::with_capacity(text.len());
    for (at, c) in text.char_indices().filter(|(_, c)| !c.is_whitespace()) {
        stripped.push(c);
        places.extend(at..at + c.len_utf8());
    }
    let mut from = 0;
    example
        .passages
        .iter()
        .enumerate()
        .map(|(index, passage)| {
            let wanted: String = passage.text.chars().filter(|c| !c.is_whitespace()).collect();
            let found = stripped[from..].find(&wanted).filter(|_| !wanted.is_empty());
            let start = from + found.ok_or(PassageNotFound { index })?;
            from = start + wanted.len();
            Ok(places[start]..places[from - 1] + 1)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        corpus::LabelledPassage,
        label::LabelId,
        model::{Answer, PassageAnswer},
        text::{Markup, Span},
    };

    fn labels() -> LabelSet {
        LabelSet::new(["a", "b", "other"].map(str::to_owned), "other").unwrap()
    }

    fn example(label: &str, passages: &[(&str, &str)]) -> (PageExample, String) {
        let text = passages.iter().map(|&(text, _)| text).collect::<Vec<_>>().join("\n\n");
        let passages = passages
            .iter()
            .map(|&(text, label)| LabelledPassage { text: text.into(), label: label.into() })
            .collect();
        (
            PageExample {
                text: text.clone(),
                markup: Markup::Plain,
                label: label.into(),
                passages,
            },
            text,
        )
    }

    fn answer(decision: Decision, passages: &[(u32, u32, Decision)]) -> PageAnswer {
        let best = [LabelId(1), LabelId(0)];
        let probabilities = vec![0.25, 0.5, 0.25];
        let passages = passages
            .iter()
            .map(|&(start, end, decision)| PassageAnswer {
                span: Span { start, end },
                decision,
                probabilities: probabilities.clone(),
                furniture: 0.0,
                scores: Vec::new(),
                section: 0,
                best,
                evidence: Vec::new(),
            })
            .collect();
        let answer = Answer {
            decision,
            scores: Vec::new(),
            probabilities,
            best,
            evidence: Vec::new(),
            words: 1,
            words_known: 1,
        };
        PageAnswer { answer, passages, sections: Vec::new() }
    }

    const A: Decision = Decision::Label(LabelId(0));
    const B: Decision = Decision::Label(LabelId(1));

    #[test]
    fn passages_and_pages_are_counted_and_boilerplate_is_not() {
        let (page, text) = example("a", &[("aaaa", "a"), ("bbbb", "b"), ("cc", BOILERPLATE)]);
        let right = answer(A, &[(0, 4, A), (6, 10, B), (12, 14, A)]);
        let wrong = answer(B, &[(0, 10, A), (12, 14, B)]);
        let outcomes: Vec<PageOutcome> = [right, wrong]
            .iter()
            .map(|answer| PageOutcome::new(&labels(), answer, &page, &text).unwrap())
            .collect();
        let metrics = PageMetrics::of(&outcomes);
        assert_eq!((metrics.pages, metrics.passages), (2, 4));
        // Truth a, a, b, b; answers a, a, b, a: F1 of a is 4/5, of b 2/3.
        let expected = [0.5, 0.75, f64::midpoint(0.8, 2.0 / 3.0), 0.5, 2.0 * 3.0 / 7.0];
        let got = [
            metrics.page_accuracy,
            metrics.passage_accuracy,
            metrics.passage_macro_f1,
            metrics.pages_all_right,
            metrics.boundary_f1,
        ];
        for (got, expected) in got.iter().zip(expected) {
            assert!((got - expected).abs() < 1e-12, "{metrics:?}");
        }
    }

    #[test]
    fn most_bytes_decide_and_abstentions_count_by_their_reason() {
        let (page, text) = example("b", &[("aaaa bbbbb", "b"), ("cc", "other"), ("dd", "b")]);
        let neither = Decision::Abstain(AbstentionReason::Neither);
        let margin = Decision::Abstain(AbstentionReason::LowMargin);
        let answer = answer(margin, &[(0, 4, A), (5, 10, B), (12, 14, neither), (16, 18, margin)]);
        let outcome = PageOutcome::new(&labels(), &answer, &page, &text).unwrap();
        assert!(outcome.page_is_right);
        assert!(outcome.passages.iter().all(|(truth, answer)| truth == answer), "{outcome:?}");
    }

    #[test]
    fn furniture_is_wrong_where_there_is_a_label() {
        let (page, text) = example("a", &[("aaaa", "a")]);
        let furniture = Decision::Abstain(AbstentionReason::Furniture);
        let answer = answer(A, &[(0, 4, furniture)]);
        let outcome = PageOutcome::new(&labels(), &answer, &page, &text).unwrap();
        assert_eq!(outcome.passages, [("a".to_owned(), BOILERPLATE.to_owned())]);
    }

    #[test]
    fn a_passage_is_found_whatever_its_white_space_and_one_that_is_not_there_is_named() {
        let (mut page, _) = example("a", &[("one two", "a"), ("three", "a")]);
        assert_eq!(locate(&page, "one\n two three").unwrap(), [0..8, 9..14]);
        page.passages.swap(0, 1);
        assert_eq!(locate(&page, "one two three"), Err(PassageNotFound { index: 1 }));
    }
}
