//! How good is it?
//!
//! Answers and the true labels as figures.

mod metrics;

pub use metrics::{LabelMetrics, Metrics, Outcome};
