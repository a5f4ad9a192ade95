//! `newsdesk clean`: a page as the text of its main section.

use std::{
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::{Context as _, ensure};
use newsdesk::text::{Markup, Reading, Span};

use super::{
    INCOMPLETE,
    answer::AnswerJson,
    classify::{AnswererArgs, Question},
    input,
};

/// `newsdesk clean`, as typed.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct CleanArgs {
    /// The page: a file of plain text or HTML, or `-` for standard input
    #[arg(value_name = "PAGE")]
    path: PathBuf,
    #[command(flatten)]
    answerer: AnswererArgs,
    /// Print the passages of these labels in place of the main section; `other` is what has none
    #[arg(long, value_name = "LABEL", num_args = 1..)]
    keep: Vec<String>,
    /// Read the page as HTML [default: as its name or beginning says]
    #[arg(long)]
    html: bool,
}

const EXAMPLES: &str = "Examples:
  newsdesk clean page.html > article.txt
  newsdesk clean page.html --keep promotional
  curl -s https://example.org/a.html | newsdesk clean -

Exit code 1 and no output mean that nothing was found.";

impl CleanArgs {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let text = input::read_document(&self.path)?;
        let markup = if self.html { Markup::Html } else { input::markup(&self.path, &text) };
        let question = Question { title: "", text: &text, markup, passages: true, evidence_max: 0 };
        let answerer = self.answerer.answerer()?;
        let answer = answerer.answer(&question);
        let answer = answer.with_context(|| self.path.display().to_string())?;
        self.check_labels(&answer)?;
        let reading = Reading::new(&text, markup);
        let kept =
            kept(&answer, &self.keep).map(|span| &reading.text()[reading.text_span(span).range()]);
        let kept: Vec<&str> = kept.collect();
        if kept.is_empty() {
            eprintln!("nothing to keep: the page has no such passage");
            return Ok(ExitCode::from(INCOMPLETE));
        }
        writeln!(io::stdout(), "{}", kept.join("\n\n"))?;
        Ok(ExitCode::SUCCESS)
    }

    fn check_labels(&self, answer: &AnswerJson<'_>) -> anyhow::Result<()> {
        for label in &self.keep {
            let known = answer.probabilities.labels().any(|name| name == label);
            let names = || answer.probabilities.labels().collect::<Vec<_>>().join(", ");
            ensure!(known, "the model has no label `{label}`; it knows {}", names());
        }
        Ok(())
    }
}

/// Returns the bytes of the passages of the main section, or of those with one of the labels `keep`.
fn kept<'a>(answer: &'a AnswerJson<'_>, keep: &'a [String]) -> impl Iterator<Item = Span> + 'a {
    let main = answer.sections.iter().flatten().position(|section| section.main);
    let passages = answer.passages.iter().flatten();
    let wanted = passages.filter(move |passage| {
        let is_neither = passage.abstained.as_deref() == Some("NEITHER");
        let has = |label: &String| match &passage.label {
            Some(own) => own == label,
            None => is_neither && label == NEITHER,
        };
        if keep.is_empty() { Some(passage.section) == main } else { keep.iter().any(has) }
    });
    wanted.map(|passage| Span { start: passage.start, end: passage.end })
}

/// The label that passages with an abstention NEITHER count as.
const NEITHER: &str = "other";
