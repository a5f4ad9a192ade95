//! Counters that requests add to, without a lock and without memory of their own.
//!
//! The counters of prometheus-client do the same, but its families and histograms take a lock for each
//! request.

use std::{
    array,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use tonic::Code;

use super::super::front::{METHODS, Method, PlaceKind};

/// The upper bounds of the buckets that times are counted in, in seconds. Three a decade, from that of a
/// headline to the longest that a request may take.
const SECONDS: [f64; 17] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0, 30.0,
];

/// The codes that gRPC knows, by their numbers.
pub(in crate::server) const CODES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// Why requests are refused for want of a right, as their statuses say it.
pub(super) const ACCESS_REASONS: [&str; 4] =
    ["NO_TOKEN", "UNKNOWN_TOKEN", "EXPIRED_TOKEN", "OTHER_ROLE"];

/// What a server counts of its requests, whatever model answers them.
#[derive(Debug)]
pub(in crate::server) struct Counters {
    /// By the place of the method in [`METHODS`].
    pub(super) methods: [MethodCounters; METHODS.len()],
    /// By [`PlaceKind`].
    shed: [AtomicU64; 3],
    pub(super) connections_refused: AtomicU64,
    pub(super) handshakes_failed: AtomicU64,
    /// By [`ACCESS_REASONS`].
    pub(super) access_refused: [AtomicU64; ACCESS_REASONS.len()],
}

/// What is counted of the requests to one method.
#[derive(Debug)]
pub(super) struct MethodCounters {
    /// By the number of the code.
    pub(super) answered: [AtomicU64; CODES.len()],
    pub(super) seconds: Histogram,
    pub(super) answer_bytes: AtomicU64,
}

/// How often a value lay where, and the sum of the values.
#[derive(Debug)]
pub(in crate::server) struct Histogram {
    bounds: &'static [f64],
    counts: Box<[AtomicU64]>,
    sum_millionths: AtomicU64,
}

impl Counters {
    pub(in crate::server) fn new() -> Counters {
        Counters {
            methods: array::from_fn(|_| MethodCounters {
                answered: array::from_fn(|_| AtomicU64::new(0)),
                seconds: Histogram::new(&SECONDS),
                answer_bytes: AtomicU64::new(0),
            }),
            shed: array::from_fn(|_| AtomicU64::new(0)),
            connections_refused: AtomicU64::new(0),
            handshakes_failed: AtomicU64::new(0),
            access_refused: array::from_fn(|_| AtomicU64::new(0)),
        }
    }

    /// Counts a request to `method` that was answered with `code`, or given up.
    pub(in crate::server) fn answered(&self, method: &Method, code: Code, time: Duration) {
        let counters = &self.methods[method.number];
        add(&counters.answered[code as usize], 1);
        // A stream takes as long as its client likes.
        if method.place != Some(PlaceKind::Stream) {
            counters.seconds.add(time.as_secs_f64());
        }
    }

    pub(in crate::server) fn sent(&self, method: &Method, bytes: usize) {
        add(&self.methods[method.number].answer_bytes, bytes as u64);
    }

    pub(in crate::server) fn shed(&self, kind: PlaceKind) {
        add(&self.shed[kind as usize], 1);
    }

    pub(super) fn shed_so_far(&self, kind: PlaceKind) -> u64 {
        get(&self.shed[kind as usize])
    }

    pub(in crate::server) fn connection_refused(&self) {
        add(&self.connections_refused, 1);
    }

    pub(in crate::server) fn handshake_failed(&self) {
        add(&self.handshakes_failed, 1);
    }

    /// Counts a request that was refused for `reason`, if that is about access.
    pub(in crate::server) fn refused(&self, reason: &str) {
        if let Some(place) = ACCESS_REASONS.iter().position(|known| *known == reason) {
            add(&self.access_refused[place], 1);
        }
    }
}

impl Histogram {
    /// Makes an empty histogram of buckets that end at `bounds`, which ascend, and one for all beyond.
    pub(in crate::server) fn new(bounds: &'static [f64]) -> Histogram {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Histogram { bounds, counts, sum_millionths: AtomicU64::new(0) }
    }

    /// Adds `value`, which is not negative.
    pub(in crate::server) fn add(&self, value: f64) {
        add(&self.counts[self.bounds.partition_point(|&bound| bound < value)], 1);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it saturates"
        )]
        add(&self.sum_millionths, (value * 1e6).round() as u64);
    }

    /// Returns the sum of all values, and each bucket's upper bound and count.
    pub(super) fn read(&self) -> (f64, Vec<(f64, u64)>) {
        let bounds = self.bounds.iter().copied().chain([f64::MAX]);
        let buckets = bounds.zip(self.counts.iter().map(get)).collect();
        (get(&self.sum_millionths) as f64 / 1e6, buckets)
    }
}

pub(super) fn add(counter: &AtomicU64, n: u64) {
    counter.fetch_add(n, Ordering::Relaxed);
}

pub(super) fn get(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_lies_in_the_bucket_whose_bound_it_does_not_exceed() {
        let histogram = Histogram::new(&[1.0, 2.0]);
        for value in [0.0, 1.0, 1.5, 2.0, 2.000_001, 1e9] {
            histogram.add(value);
        }
        let (sum, buckets) = histogram.read();
        assert_eq!(buckets, [(1.0, 2), (2.0, 2), (f64::MAX, 2)]);
        assert!((sum - 1_000_000_006.500_001).abs() < 1e-3, "{sum}");
    }

    #[test]
    fn codes_stand_at_their_numbers() {
        for (number, code) in CODES.iter().enumerate() {
            let code_of_number = Code::from_i32(i32::try_from(number).unwrap());
            let name = format!("{code_of_number:?}").to_uppercase();
            assert_eq!(name, code.replace('_', "").to_uppercase());
        }
    }
}
