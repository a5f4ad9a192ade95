//! What those who run the server see of it: figures, health and readiness, over HTTP on a port of its own.
//!
//! Requests only add to counters; what they add up to is written when somebody asks. Nothing here
//! repeats a word of a document, and no name that a client can choose becomes a label.

mod collector;
mod counters;
mod page;
mod process;
mod tally;

pub(super) use collector::Collector;
#[cfg(feature = "otel")]
pub(super) use counters::CODES;
pub(super) use counters::Counters;
pub(super) use page::Page;
pub(super) use tally::{Tally, outcome, outcome_names};
