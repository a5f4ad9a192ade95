//! Faults, each done to a newsdesk of its own: `cargo bench --bench faults -- overload`.
//!
//! Each fault says what it did and measured, and what must hold. The exit code is 1 if something did not.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    unreachable_pub,
    reason = "a fault that cannot be done ends with a panic; figures go to standard output"
)]

#[path = "../../tests/common/mod.rs"]
mod common;

mod clock;
mod flood;
mod hostile;
mod overload;
mod process;
mod report;
mod stops;
mod storage;
mod swaps;

use std::process::ExitCode;

use clap::{Parser, ValueEnum};

use flood::Load;
use report::Report;

#[derive(Parser)]
#[command(about = "Does faults to a newsdesk, and tells what holds")]
struct Args {
    /// What to do; nothing does nothing, so that `cargo bench` alone stays short
    #[arg(value_enum)]
    faults: Vec<Fault>,
    /// How long to keep up what takes time
    #[arg(long, default_value_t = 60, value_name = "N")]
    seconds: u64,
    /// What an overload is of
    #[arg(long, value_enum, default_value_t = Load::Pages)]
    load: Load,
    /// How often to swap models
    #[arg(long, default_value_t = 10_000, value_name = "N")]
    swaps: u32,
    /// How often to stop a server under load
    #[arg(long, default_value_t = 20, value_name = "N")]
    stops: u32,
    /// Given by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Fault {
    /// Four times as many requests as can be answered
    Overload,
    /// New versions of a model, one after the other, under load
    Swaps,
    /// SIGTERM under load, with idle and stuck clients
    Stops,
    /// Clients that break the rules, among others that do not
    Hostile,
    /// A full disk, a folder that is gone, rubbish for a model
    Storage,
    /// A clock that jumps by years
    Clock,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut report = Report::default();
    for fault in &args.faults {
        report.begin(&format!("{fault:?}"));
        let done: &mut dyn FnMut(&mut Report) = &mut |report| match fault {
            Fault::Overload => runtime.block_on(overload::run(args.load, args.seconds, report)),
            Fault::Swaps => runtime.block_on(swaps::run(args.swaps, report)),
            Fault::Stops => runtime.block_on(stops::run(args.stops, report)),
            Fault::Hostile => runtime.block_on(hostile::run(args.seconds, report)),
            Fault::Storage => runtime.block_on(storage::run(report)),
            Fault::Clock => runtime.block_on(clock::run(report)),
        };
        done(&mut report);
    }
    report.end()
}
