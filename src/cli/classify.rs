//! `newsdesk classify`: documents as answers, for people and for pipes.

use std::{
    fs,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::{Context as _, ensure};
use newsdesk::{
    corpus::{DocumentRow, parse_document},
    model::{Model, ThresholdOverrides, Thresholds},
    text::{Document, Markup, Reading},
};
use rayon::prelude::*;
use serde_json::{Value, json};

use super::{
    INCOMPLETE,
    answer::AnswerJson,
    input,
    remote::Remote,
    remote_args::RemoteArgs,
    show, show_html,
    terminal::{self, Paint},
    thresholds::ThresholdArgs,
};

/// The words that are shown to a person when none were asked for.
const EVIDENCE_FOR_PEOPLE: u32 = 10;

/// `newsdesk classify`, as typed.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(super) struct ClassifyArgs {
    /// Files, a document each (with --jsonl, a document a line), or `-` for standard input
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// A document, typed
    #[arg(long, conflicts_with_all = ["paths", "jsonl"])]
    text: Option<String>,
    #[command(flatten)]
    answerer: AnswererArgs,
    /// The most features to give as evidence, for the document and for each passage
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=1000))]
    evidence: Option<u32>,
    /// Read the documents as HTML [default: as their names or beginnings say]
    #[arg(long)]
    html: bool,
    /// Answer each document as a whole, without its passages
    #[arg(long)]
    no_passages: bool,
    /// Print one JSON object a document
    #[arg(long)]
    json: bool,
    /// Read one JSON object a line, with `text`, and optionally `id`, `title` and `format` (`plain`, `html`)
    #[arg(long)]
    jsonl: bool,
    /// Write the documents, with their passages coloured, as a page for a browser
    #[arg(long, value_name = "FILE", conflicts_with = "jsonl")]
    html_report: Option<PathBuf>,
}

const EXAMPLES: &str = "Examples:
  newsdesk classify --text 'Register now: early-bird tickets for the expo'
  newsdesk classify page.html --evidence 20
  newsdesk classify page.html --html-report page-explained.html
  newsdesk classify --jsonl feed.jsonl > answers.jsonl
  newsdesk classify --server https://news.example.org --ca ca.pem --token-file token page.html
  curl -s https://example.org/a.html | newsdesk classify - --json";

/// Who is to answer, as typed.
#[derive(clap::Args, Debug)]
pub(super) struct AnswererArgs {
    /// The model file [default: the built-in model]
    #[arg(long, value_name = "FILE", env = "NEWSDESK_MODEL", conflicts_with = "server")]
    model: Option<PathBuf>,
    #[command(flatten)]
    remote: RemoteArgs,
    #[command(flatten)]
    thresholds: ThresholdArgs,
}

/// Who answers.
pub(super) enum Answerer {
    Model(Arc<Model>, Thresholds),
    Server(Box<Remote>, ThresholdOverrides),
}

/// A document, and what is asked about it.
#[derive(Clone, Copy)]
pub(super) struct Question<'a> {
    pub(super) title: &'a str,
    pub(super) text: &'a str,
    pub(super) markup: Markup,
    pub(super) passages: bool,
    pub(super) evidence_max: u32,
}

impl AnswererArgs {
    pub(super) fn answerer(&self) -> anyhow::Result<Answerer> {
        let overrides = self.thresholds.overrides();
        if let Some(endpoint) = self.remote.endpoint()? {
            let remote = Remote::connect(&endpoint, self.remote.authorization()?)?;
            return Ok(Answerer::Server(Box::new(remote), overrides));
        }
        let model = super::model(self.model.as_ref())?;
        let thresholds = model.thresholds_with(&overrides)?;
        Ok(Answerer::Model(model, thresholds))
    }
}

impl Answerer {
    /// Returns the answer, without an `id`.
    pub(super) fn answer(&self, question: &Question<'_>) -> anyhow::Result<AnswerJson<'_>> {
        match self {
            Answerer::Model(model, thresholds) => ask(model, thresholds, question),
            Answerer::Server(remote, overrides) => remote.classify(question, *overrides),
        }
    }
}

/// Returns what `model` says, without an `id`.
fn ask<'a>(
    model: &'a Model,
    thresholds: &Thresholds,
    question: &Question<'_>,
) -> anyhow::Result<AnswerJson<'a>> {
    let Question { title, text, markup, passages, evidence_max } = *question;
    Document::check_bytes(title, text)?;
    let reading = Reading::new(text, markup);
    let document = Document::of_reading(title, &reading)?;
    let evidence_max = evidence_max as usize;
    // HTML is always read as a page: much of it is furniture.
    if !passages && markup == Markup::Plain {
        let answer = model.classify_by(thresholds, &document, evidence_max);
        return Ok(AnswerJson::of_document(model, &answer, &reading));
    }
    let page = model.classify_page_by(thresholds, &document, &reading.passages()?, evidence_max);
    let answer = AnswerJson::of_page(model, &page, &reading);
    Ok(if passages { answer } else { answer.without_passages() })
}

impl ClassifyArgs {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        ensure!(
            self.text.is_some() || !self.paths.is_empty(),
            "nothing to classify; name a file, `-` for standard input, or give --text"
        );
        let answerer = self.answerer.answerer()?;
        let mut output = BufWriter::new(io::stdout().lock());
        let bad_lines = if self.jsonl {
            self.answer_lines(&answerer, &mut output)?
        } else {
            self.answer_files(&answerer, &mut output)?;
            0
        };
        output.flush()?;
        if bad_lines == 0 {
            return Ok(ExitCode::SUCCESS);
        }
        eprintln!("{bad_lines} lines could not be classified; each has an `error` in the output");
        Ok(ExitCode::from(INCOMPLETE))
    }

    /// Answers each file, or the typed text.
    fn answer_files(&self, answerer: &Answerer, output: &mut impl Write) -> anyhow::Result<()> {
        let mut pages = Vec::new();
        if let Some(text) = &self.text {
            let markup = if self.html { Markup::Html } else { Markup::Plain };
            pages.push(self.answer_text(answerer, output, None, text, markup)?);
        }
        for path in &self.paths {
            let text = input::read_document(path)?;
            let markup = if self.html { Markup::Html } else { input::markup(path, &text) };
            let page = self.answer_text(answerer, output, Some(path), &text, markup);
            pages.push(page.with_context(|| path.display().to_string())?);
        }
        if let Some(report) = &self.html_report {
            fs::write(report, show_html::page(&pages))
                .with_context(|| format!("cannot write {}", report.display()))?;
            eprintln!("wrote {}, which holds the documents' texts", report.display());
        }
        Ok(())
    }

    /// Answers a text, and returns what a page for a browser shows of it.
    fn answer_text<'a>(
        &self,
        answerer: &'a Answerer,
        output: &mut impl Write,
        path: Option<&Path>,
        text: &str,
        markup: Markup,
    ) -> anyhow::Result<show::Shown<'a>> {
        let is_for_people = !self.json || self.html_report.is_some();
        let default = if is_for_people { EVIDENCE_FOR_PEOPLE } else { 0 };
        let evidence_max = self.evidence.unwrap_or(default);
        let passages = !self.no_passages;
        let question = Question { title: "", text, markup, passages, evidence_max };
        let mut answer = answerer.answer(&question)?;
        let name = path.map(|path| path.display().to_string());
        answer.id = name.clone().map_or(Value::Null, Value::String);
        let shown = show::Shown::new(name, answer, &Reading::new(text, markup));
        if self.json {
            serde_json::to_writer(&mut *output, &shown.answer)?;
            writeln!(output)?;
        } else {
            let with_name = 1 < self.paths.len();
            output.write_all(show::text(&shown, with_name, Paint::stdout()).as_bytes())?;
        }
        Ok(shown)
    }

    /// Answers each line of each file, in order. Returns the number of lines without an answer.
    fn answer_lines(&self, answerer: &Answerer, output: &mut impl Write) -> anyhow::Result<u64> {
        let bar = terminal::progress_beside_output(input::bytes_total(&self.paths), "classifying");
        let mut bad_lines = 0;
        for path in &self.paths {
            let mut number = 0;
            for lines in input::batches(input::open(path)?) {
                let lines = lines.with_context(|| path.display().to_string())?;
                let answers: Vec<Option<(Vec<u8>, bool)>> = lines
                    .par_iter()
                    .enumerate()
                    .map(|(place, line)| {
                        self.answer_line(answerer, line, number + place as u64 + 1)
                    })
                    .collect();
                number += lines.len() as u64;
                for (answer, is_good) in answers.into_iter().flatten() {
                    output.write_all(&answer)?;
                    bad_lines += u64::from(!is_good);
                }
                output.flush()?;
                bar.inc(lines.iter().map(|line| line.len() as u64).sum());
            }
        }
        bar.finish_and_clear();
        Ok(bad_lines)
    }

    /// Returns the answer to a line as a line, and whether it is one; nothing for a blank line.
    fn answer_line(
        &self,
        answerer: &Answerer,
        line: &[u8],
        number: u64,
    ) -> Option<(Vec<u8>, bool)> {
        if line.trim_ascii().is_empty() {
            return None;
        }
        let outcome = parse_document(line)
            .map_err(anyhow::Error::from)
            .and_then(|row| self.answer_row(answerer, row));
        let (bytes, is_good) = match outcome {
            Ok(answer) => (serde_json::to_vec(&answer), true),
            Err(error) => {
                let id = id_of(line);
                let error = json!({"id": id, "line": number, "error": format!("{error:#}")});
                (serde_json::to_vec(&error), false)
            }
        };
        let mut bytes = bytes.expect("an answer has string keys and finite numbers");
        bytes.push(b'\n');
        Some((bytes, is_good))
    }

    fn answer_row<'a>(
        &self,
        answerer: &'a Answerer,
        row: DocumentRow<'_>,
    ) -> anyhow::Result<AnswerJson<'a>> {
        let DocumentRow { id, title, text, source: _, markup } = row;
        let given = if self.html { Markup::Html } else { Markup::Plain };
        let question = Question {
            title: title.as_deref().unwrap_or_default(),
            text: &text,
            markup: markup.unwrap_or(given),
            passages: !self.no_passages,
            evidence_max: self.evidence.unwrap_or(0),
        };
        Ok(AnswerJson { id, ..answerer.answer(&question)? })
    }
}

/// Returns the `id` of a line whose document is no good, so that the caller can find it.
fn id_of(line: &[u8]) -> Value {
    let object: Option<Value> = serde_json::from_slice(line).ok();
    let id = object.and_then(|object| object.get("id").cloned());
    id.filter(|id| id.is_string() || id.is_number()).unwrap_or(Value::Null)
}
