//! How do others ask?
//!
//! [`serve()`] answers gRPC requests with the models of a [`Registry`]. A request passes these files in
//! this order:
//!
//! ```text
//! connection ─▶ front ─▶ classifier ─▶ check ─▶ Model::classify ─▶ convert ─▶ response
//!                 │ Refusal, at any step
//!                 ▼
//!               status
//! ```
//!
//! `supply` changes the models meanwhile, `watch` counts. This module knows nothing of how a model is
//! trained, or what was typed.

mod config;
mod supply;
mod registry;
mod share;
mod serve;
mod routes;
mod connection;
mod front;
mod security;
mod watch;
mod limits;
mod classifier;
mod messages;
mod models;
mod admin;
mod work;
mod aside;
mod check;
mod convert;
mod settings;
mod refusal;
mod status;
mod health;
mod reflection;
mod phase;

pub use config::{
    ANSWER_TIME_MAX, BATCH_BYTES_MAX, BATCH_DOCUMENTS_MAX, BATCHES_PER_CORE, CLIENT_PERCENT_MAX,
    CONNECTION_AGE_MAX, CONNECTION_IDLE_MAX, CONNECTION_STREAMS_MAX, CONNECTIONS_MAX, Config,
    DRAIN_MAX, HANDSHAKE_TIME_MAX, HEADER_BYTES_MAX, KEEPALIVE_INTERVAL, KEEPALIVE_TIMEOUT,
    MESSAGE_BYTES_MAX, REQUEST_TIME_MAX, REQUESTS_PER_CORE, STREAM_IDLE_MAX, STREAMS_PER_CORE,
};
pub use limits::{EVIDENCE_MAX, STREAM_ID_BYTES_MAX};
pub use registry::{FindModelError, Models, Registry, Served};
pub use security::{Security, TlsError, TlsFiles, TokenError, Tokens, hash_token};
pub use serve::{Extras, ServeError, Stopped, serve, serve_with};
pub use supply::{Gold, GoldError, Keeper, ShadowPlan, Supply, SupplyError};
