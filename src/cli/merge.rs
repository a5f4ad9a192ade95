//! `newsdesk merge`: counts made on several machines, added up.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use newsdesk::{model::CountsFile, train};

/// `newsdesk merge`, as typed.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  newsdesk train --corpus part1.jsonl --counts-only --output part1.counts
  newsdesk train --corpus part2.jsonl --counts-only --output part2.counts
  newsdesk merge part1.counts part2.counts --output all.counts
  newsdesk train --base all.counts --corpus more.jsonl --output my.safetensors")]
pub(super) struct MergeArgs {
    /// Counts, as `train --counts-only` writes them
    #[arg(required = true, num_args = 2.., value_name = "FILE")]
    counts: Vec<PathBuf>,
    /// The counts to write; a file that is there is replaced in one step, or not at all
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
}

impl MergeArgs {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let mut paths = self.counts.iter();
        let first = paths.next().context("nothing to merge")?;
        let mut merged = CountsFile::read(first)?;
        for path in paths {
            let next = CountsFile::read(path)?;
            merged = train::merge(&merged, &next).with_context(|| {
                format!("cannot merge {} with {}", path.display(), first.display())
            })?;
        }
        merged.write(&self.output)?;
        report(&merged, &self.output);
        Ok(ExitCode::SUCCESS)
    }
}

/// Tells what counts were written.
pub(super) fn report(file: &CountsFile, output: &Path) {
    let strata = &file.whole.strata;
    let documents: u64 = strata.iter().map(|stratum| stratum.documents).sum();
    let features = file.whole.name_ends.len();
    eprintln!(
        "counted {documents} documents in {} sources and labels, {features} features",
        strata.len()
    );
    eprintln!("wrote {}", output.display());
}
