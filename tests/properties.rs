//! What holds for any text, and for any bytes in place of a model file.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use newsdesk::{
    default_model,
    features::VectorScratch,
    model::ModelFile,
    text::{Document, for_each_token},
};
use proptest::prelude::*;

/// Text as it comes: words, scripts, signs, addresses, and anything else.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[a-zA-Z]{1,12}",
        "[0-9.,:/%-]{1,12}",
        "\\PC{1,8}",
        Just("sanctions".to_owned()),
        Just(" https://example.org/a?b ".to_owned()),
        Just("it\u{2019}s U.S. O'Neill's ".to_owned()),
        Just("\u{301}外交हिन्दी".to_owned()),
        "[ \\n\\t.'\u{2019}@#$+(]{1,3}",
    ];
    prop::collection::vec(piece, 1..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn spans_lie_in_order_inside_the_text_on_character_boundaries(text in text()) {
        let mut end = 0;
        for_each_token(&text, |token| {
            assert!(end <= token.span.start, "tokens overlap");
            assert!(token.span.start < token.span.end, "a token has no bytes");
            assert!(text.get(token.span.range()).is_some(), "no character boundary");
            assert!(std::str::from_utf8(token.normal.as_bytes()).is_ok_and(|normal| !normal.contains(' ')));
            end = token.span.end;
        });
    }

    #[test]
    fn probabilities_sum_to_one_and_evidence_to_the_difference_of_scores(text in text()) {
        let Ok(document) = Document::new(&text) else { return Ok(()) };
        let model = default_model();
        let answer = model.classify(&document, usize::MAX);
        prop_assert!((answer.probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        let [best, second] = answer.best.map(newsdesk::label::LabelId::index);
        let log_priors = model.weights.log_priors();
        let evidence: f64 = answer.evidence.iter().map(|evidence| evidence.log_odds).sum();
        let difference = answer.scores[best] - answer.scores[second];
        prop_assert!((log_priors[best] - log_priors[second] + evidence - difference).abs() < 1e-9);
    }

    #[test]
    fn a_scratch_gives_a_document_the_same_counts_whatever_came_before(a in text(), b in text()) {
        let model = default_model();
        let (Ok(a), Ok(b)) = (Document::new(&a), Document::new(&b)) else { return Ok(()) };
        let mut used = VectorScratch::default();
        used.count(&a, &model.settings.features, &model.vocabulary);
        let after = used.count(&b, &model.settings.features, &model.vocabulary).clone();
        let mut fresh = VectorScratch::default();
        prop_assert_eq!(&after, fresh.count(&b, &model.settings.features, &model.vocabulary));
    }

    #[test]
    fn a_model_file_with_any_byte_changed_is_refused(place in any::<prop::sample::Index>(), flip in 1..=255_u8) {
        let mut bytes = small_model_file();
        let place = place.index(bytes.len());
        bytes[place] ^= flip;
        prop_assert!(ModelFile::from_bytes(&bytes).is_err(), "byte {} of {}", place, bytes.len());
    }

    #[test]
    fn any_bytes_in_place_of_a_model_file_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(ModelFile::from_bytes(&bytes).is_err());
    }
}

/// The file of a model of a handful of features.
fn small_model_file() -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tiny.jsonl");
    let rows =
        [("war", "troops cross the border"), ("fair", "visit the fair")].map(|(label, text)| {
            format!("{{\"label\": \"{label}\", \"text\": \"{text}\"}}\n").repeat(4)
        });
    std::fs::write(&path, rows.concat()).unwrap();
    let corpus = newsdesk::corpus::Corpus::open(&[path]).unwrap();
    let config = newsdesk::train::Config {
        name: "tiny".into(),
        version: None,
        neither: "other".into(),
        furniture: "furniture".into(),
        settings: newsdesk::train::default_settings(),
        folds: 2,
        max_error: 1.0,
        whole: false,
        skip_bad_rows: false,
    };
    newsdesk::train::train(corpus.rows(), &config).unwrap().file.to_bytes()
}

#[test]
fn a_model_file_that_was_cut_short_anywhere_is_refused() {
    let bytes = small_model_file();
    assert!(ModelFile::from_bytes(&bytes).is_ok());
    for end in 0..bytes.len() {
        assert!(ModelFile::from_bytes(&bytes[..end]).is_err(), "cut at {end} of {}", bytes.len());
    }
}
