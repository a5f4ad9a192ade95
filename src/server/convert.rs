//! Answers and models as messages.
//!
//! Every field is named, so that a new one does not compile until it has a place here.

use super::settings;
use crate::{
    label::LabelId,
    model::{self, AbstentionReason, Answer, Decision, Model, ModelCard, PageAnswer, Place},
    proto,
    text::{Field, Reading, Span},
};

/// Returns the message of what `model` says of a document or a page, with or without its passages.
pub(super) fn response(
    model: &Model,
    page: PageAnswer,
    with_passages: bool,
    reading: &Reading<'_>,
) -> proto::ClassifyResponse {
    let PageAnswer { answer, passages, sections } = page;
    let Answer {
        decision: decided,
        scores,
        probabilities,
        best,
        evidence: found,
        words: _,
        words_known: _,
    } = answer;
    let mut response = proto::ClassifyResponse {
        decision: Some(decision(model, decided)),
        labels: label_scores(model, &scores, &probabilities),
        evidence: evidences(model, best, found, reading),
        model: Some(reference(&model.reference)),
        passages: Vec::new(),
        sections: Vec::new(),
    };
    if with_passages {
        let passages = passages.into_iter().map(|answer| passage(model, answer, reading));
        response.passages = passages.collect();
        response.sections = sections.into_iter().map(|answer| section(model, answer)).collect();
    }
    response
}

fn passage(model: &Model, answer: model::PassageAnswer, reading: &Reading<'_>) -> proto::Passage {
    let model::PassageAnswer {
        span,
        decision: decided,
        probabilities,
        furniture,
        scores,
        section,
        best,
        evidence: found,
    } = answer;
    let Span { start, end } = reading.source_span(span);
    proto::Passage {
        start_byte: start,
        end_byte: end,
        decision: Some(decision(model, decided)),
        labels: label_scores(model, &scores, &probabilities),
        furniture_probability: furniture,
        section: u32::try_from(section).expect("fewer sections than bytes"),
        evidence: evidences(model, best, found, reading),
    }
}

fn section(model: &Model, answer: model::Section) -> proto::Section {
    let model::Section { decision: decided, passages, is_main } = answer;
    let passages = u32::try_from(passages).expect("fewer passages than bytes");
    proto::Section { decision: Some(decision(model, decided)), passages, main: is_main }
}

/// Returns the message that describes `model`.
pub(super) fn description(model: &Model) -> proto::Model {
    let Model {
        reference: named,
        labels,
        vocabulary,
        weights,
        calibration: _,
        thresholds,
        page: _,
        settings: trained,
        card,
    } = model;
    let ModelCard {
        label_documents,
        sources,
        corpus_digest,
        size_bytes,
        figures: measured,
        furniture_examples: _,
        tuning: _,
    } = card;
    let columns = labels.ids().zip(label_documents).zip(weights.log_priors());
    proto::Model {
        reference: Some(reference(named)),
        labels: columns
            .map(|((label, &documents), log_prior)| proto::ModelLabel {
                label: labels.name(label).to_owned(),
                neither: labels.neither() == Some(label),
                documents,
                prior: log_prior.exp(),
            })
            .collect(),
        settings: Some(proto::ModelSettings { values: settings::values(trained).collect() }),
        features: vocabulary.len() as u64,
        size_bytes: *size_bytes,
        corpus: Some(proto::ModelCorpus {
            documents: label_documents.iter().sum(),
            digest: corpus_digest.clone(),
            sources: *sources,
        }),
        figures: measured.as_ref().map(figures),
        thresholds: Some(model_thresholds(thresholds)),
    }
}

fn model_thresholds(thresholds: &model::Thresholds) -> proto::ModelThresholds {
    let model::Thresholds { words_min, known_share_min, margin_min } = *thresholds;
    proto::ModelThresholds { words_min, known_share_min, margin_min }
}

fn decision(model: &Model, decision: Decision) -> proto::Decision {
    let outcome = match decision {
        Decision::Label(label) => {
            proto::decision::Outcome::Label(model.labels.name(label).to_owned())
        }
        Decision::Abstain(reason) => proto::decision::Outcome::Abstention(proto::Abstention {
            reason: abstention_reason(reason).into(),
        }),
    };
    proto::Decision { outcome: Some(outcome) }
}

fn abstention_reason(reason: AbstentionReason) -> proto::AbstentionReason {
    match reason {
        AbstentionReason::TooShort => proto::AbstentionReason::TooShort,
        AbstentionReason::FewKnownWords => proto::AbstentionReason::FewKnownWords,
        AbstentionReason::LowMargin => proto::AbstentionReason::LowMargin,
        AbstentionReason::Neither => proto::AbstentionReason::Neither,
        AbstentionReason::Furniture => proto::AbstentionReason::Furniture,
        AbstentionReason::NoText => proto::AbstentionReason::NoText,
    }
}

fn label_scores(model: &Model, scores: &[f64], probabilities: &[f64]) -> Vec<proto::LabelScore> {
    let columns = model.labels.names().iter().zip(probabilities).zip(scores);
    columns
        .map(|((label, &probability), &score)| proto::LabelScore {
            label: label.clone(),
            probability,
            score,
        })
        .collect()
}

fn evidences(
    model: &Model,
    best: [LabelId; 2],
    found: Vec<model::Evidence>,
    reading: &Reading<'_>,
) -> Vec<proto::Evidence> {
    found.into_iter().map(|found| evidence(model, best, found, reading)).collect()
}

fn evidence(
    model: &Model,
    [best, second]: [LabelId; 2],
    evidence: model::Evidence,
    reading: &Reading<'_>,
) -> proto::Evidence {
    let model::Evidence { feature, log_odds, places } = evidence;
    proto::Evidence {
        feature: model.vocabulary.name(feature).to_owned(),
        log_odds,
        for_label: model.labels.name(best).to_owned(),
        against_label: model.labels.name(second).to_owned(),
        spans: places.into_iter().map(|place| span(place, reading)).collect(),
    }
}

fn span(place: Place, reading: &Reading<'_>) -> proto::Span {
    let Place { field, span } = place;
    let (field, Span { start, end }) = match field {
        Field::Title => (proto::span::Field::Title, span),
        Field::Text => (proto::span::Field::Text, reading.source_span(span)),
    };
    proto::Span { field: field.into(), start_byte: start, end_byte: end }
}

pub(super) fn reference(reference: &model::ModelReference) -> proto::ModelReference {
    let model::ModelReference { name, version, digest } = reference;
    proto::ModelReference { name: name.clone(), version: version.clone(), digest: digest.clone() }
}

fn figures(figures: &model::Figures) -> proto::ModelFigures {
    let model::Figures { method, documents, accuracy, macro_f1, log_loss, ece, reliability, risk } =
        figures;
    proto::ModelFigures {
        method: method.clone(),
        documents: *documents,
        accuracy: *accuracy,
        macro_f1: *macro_f1,
        log_loss: *log_loss,
        expected_calibration_error: *ece,
        reliability: reliability.iter().map(reliability_bin).collect(),
        risk: risk.iter().map(risk_point).collect(),
    }
}

fn reliability_bin(bin: &model::ReliabilityBin) -> proto::ReliabilityBin {
    let model::ReliabilityBin { documents, probability, accuracy } = *bin;
    proto::ReliabilityBin { documents, probability, accuracy }
}

fn risk_point(point: &model::RiskPoint) -> proto::RiskPoint {
    let model::RiskPoint { margin, coverage, error } = *point;
    proto::RiskPoint { margin, coverage, error }
}
