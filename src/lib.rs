//! Tells geopolitics from promotion in news texts, over gRPC, and shows why.
//!
//! A document passes through these modules in this order; training takes the same way through `text`
//! and `features`, so that a model is served the features that it learned:
//!
//! ```text
//! request ─▶ Document ─▶ Token… ─▶ FeatureVector ─▶ scores ─▶ probabilities ─▶ Decision ─▶ response
//! ```
//!
//! # Example
//! ```
//! use newsdesk::{model::Decision, text::Document};
//!
//! let model = newsdesk::default_model();
//! let document = Document::new("The two foreign ministers signed a ceasefire agreement.").unwrap();
//! let answer = model.classify(&document, 3);
//! assert_eq!(answer.decision, Decision::Label(model.labels.find("geopolitics").unwrap()));
//! ```

use std::sync::{Arc, LazyLock};

pub mod label;
pub mod text;
pub mod features;
pub mod model;
pub mod corpus;
pub mod eval;
pub mod train;
pub mod proto;
pub mod server;

/// The file of the default model, as it is built in.
pub const DEFAULT_MODEL_BYTES: &[u8] = include_bytes!("../models/default.safetensors");

/// Returns the model that is built in: `geopolitics`, `promotional`, and `other` for neither.
///
/// It is read at the first call, and shared from then on.
pub fn default_model() -> Arc<model::Model> {
    static MODEL: LazyLock<Arc<model::Model>> = LazyLock::new(|| {
        let file = model::ModelFile::from_bytes(DEFAULT_MODEL_BYTES);
        Arc::new(file.expect("a test loads the built-in model").model)
    });
    Arc::clone(&MODEL)
}
