//! What was measured as lines for people.

use std::{fmt::Display, process::ExitCode, time::Duration};

/// What was measured, and whether all held that must.
#[derive(Default)]
pub struct Report {
    broken: Vec<String>,
    fault: String,
}

impl Report {
    pub fn begin(&mut self, fault: &str) {
        self.fault = fault.to_lowercase();
        println!("\n{}", self.fault);
    }

    /// Tells a figure that says whether something holds.
    pub fn must(&mut self, what: &str, value: impl Display, holds: bool) {
        println!("  {} {what}: {value}", if holds { "holds " } else { "BROKEN" });
        if !holds {
            self.broken.push(format!("{}: {what}", self.fault));
        }
    }

    pub fn end(self) -> ExitCode {
        for broken in &self.broken {
            println!("BROKEN {broken}");
        }
        if self.broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// Tells a figure.
pub fn tell(what: &str, value: impl Display) {
    println!("         {what}: {value}");
}

/// Returns median, 99th percentile and greatest of `times`, for people.
pub fn times(times: &mut [Duration]) -> String {
    format!(
        "median {:.1?}, p99 {:.1?}, greatest {:.1?} of {}",
        quantile(times, 50),
        quantile(times, 99),
        quantile(times, 100),
        times.len()
    )
}

/// Returns the smallest of `times` that `percent` of them do not exceed; zero if there are none.
pub fn quantile(times: &mut [Duration], percent: usize) -> Duration {
    times.sort_unstable();
    let rank = (times.len() * percent).div_ceil(100);
    times.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

pub fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}
