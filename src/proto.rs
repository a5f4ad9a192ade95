//! The public contract as Rust types, generated from `proto/` at build time.

#![allow(
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    clippy::pedantic,
    reason = "generated code; proto/newsdesk/v1/newsdesk.proto is its documentation"
)]

tonic::include_proto!("newsdesk.v1");

/// The compiled contract, for server reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
