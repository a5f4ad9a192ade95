//! Which things in a text count?
//!
//! Features are words and runs of words. [`extract()`] finds them in a document, by key; a
//! [`Vocabulary`] knows the ones that a model learned; a [`FeatureVector`] is how often each of those
//! occurs. Training and serving both come through here. This module knows nothing of labels.

mod extract;
mod table;
mod value;
mod vector;
mod vocabulary;

pub use extract::{
    CHARS_MAX, Feature, FeatureKey, FeatureName, FeatureSettings, NGRAM_MAX, extract, extract_text,
};
pub use value::{Gains, Norm, STEPS_PER_UNIT, TermFrequency, ValueSettings, Values};
pub use vector::{Extent, FeatureVector, VectorScratch};
pub use vocabulary::{FeatureId, Vocabulary, VocabularyError};
