//! How good is it?
//!
//! Answers and the true labels as figures.

mod metrics;
mod pages;

pub use metrics::{LabelMetrics, Metrics, Outcome};
pub use pages::{PageMetrics, PageOutcome, PassageNotFound};
