//! What was typed → what the library is told. One subcommand a file.

mod answer;
mod classify;
mod clean;
mod client_tls;
mod config;
mod eval;
mod eval_pages;
mod input;
mod inspect;
mod merge;
mod panic;
mod remote;
mod remote_args;
mod serve;
mod settings;
mod show;
mod show_html;
#[cfg(feature = "otel")]
mod spans;
mod terminal;
mod thresholds;
mod token;
mod train;
mod train_report;
mod train_settings;

use std::{
    io,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use newsdesk::model::{Model, ModelFile};

/// Tells geopolitics from promotion in news texts, over gRPC, and shows why.
#[derive(Parser, Debug)]
#[command(version, propagate_version = true, after_help = EXAMPLES)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Examples:
  newsdesk serve
  newsdesk classify --text 'Ministers meet to discuss new sanctions'
  newsdesk train --corpus my.jsonl --output my.safetensors
  newsdesk eval --model my.safetensors --corpus held-out.jsonl";

#[derive(Subcommand, Debug)]
enum Command {
    /// Serve a model over gRPC
    Serve(serve::ServeArgs),
    /// Show the settings that `serve` would have, and where each comes from
    Config(config::ConfigArgs),
    /// Make a token for clients of `serve --tokens`
    Token(token::TokenArgs),
    /// Train a model on a corpus
    Train(train::TrainArgs),
    /// Add up counts that were made on several machines
    Merge(merge::MergeArgs),
    /// Measure a model on labelled documents
    Eval(eval::EvalArgs),
    /// Label documents
    Classify(classify::ClassifyArgs),
    /// Print the main section of a page
    Clean(clean::CleanArgs),
    /// Show what a model is, and what it learned
    Inspect(inspect::InspectArgs),
}

/// The exit code of a command that did its work, but not all of it.
const INCOMPLETE: u8 = 1;

/// The exit code of a wrong configuration: that of a wrong command line, for a script to tell them
/// from a failure.
const BAD_USAGE: u8 = 2;

/// The exit code of a server that stopped as it was told to, and cut off requests: no failure, but nothing
/// that should go unnoticed.
const REQUESTS_CUT: u8 = 3;

pub(crate) fn main() -> ExitCode {
    panic::keep_messages_back();
    let (args, settings) = match config::parse() {
        Ok(parsed) => parsed,
        Err(error) => {
            terminal::tell(format!("error: {error:#}"));
            return ExitCode::from(BAD_USAGE);
        }
    };
    let done = match args.command {
        Command::Serve(args) => args.run(),
        Command::Config(args) => args.run(settings),
        Command::Token(args) => args.run(),
        Command::Train(args) => args.run(),
        Command::Merge(args) => args.run(),
        Command::Eval(args) => args.run(),
        Command::Classify(args) => args.run(),
        Command::Clean(args) => args.run(),
        Command::Inspect(args) => args.run(),
    };
    match done {
        Ok(code) => code,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            terminal::tell(format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Tells whether the reader of our output went away, as `head` does: that is no failure of ours.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let mut io_errors = error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>());
    io_errors.any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}

/// Reads the model file at `path`, or the built-in one.
fn model_file(path: Option<&Path>) -> anyhow::Result<ModelFile> {
    match path {
        Some(path) => Ok(ModelFile::read(path)?),
        None => ModelFile::from_bytes(newsdesk::DEFAULT_MODEL_BYTES).context("the built-in model"),
    }
}

/// Reads the model at `path`, or the built-in one.
fn model(path: Option<&PathBuf>) -> anyhow::Result<Arc<Model>> {
    match path {
        Some(path) => Ok(Arc::new(Model::load(path)?)),
        None => Ok(newsdesk::default_model()),
    }
}
