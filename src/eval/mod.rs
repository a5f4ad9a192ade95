//! How good is it?
//!
//! Answers and the true labels as figures, as curves, and as a page to look at.

mod curves;
mod metrics;
mod mistakes;
mod outcome;
mod pages;
mod report;
mod strongest;

pub use curves::{
    BINS, PrecisionRecall, calibration_error, precision_recall, reliability, risk_coverage,
};
pub use metrics::{LabelMetrics, Metrics};
pub use mistakes::{Mistake, Mistakes};
pub use outcome::Outcome;
pub use pages::{PageMetrics, PageOutcome, PassageNotFound};
pub use report::Report;
pub use strongest::strongest_features;
