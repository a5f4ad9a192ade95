//! `newsdesk classify`: documents as answers, for people and for pipes.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, BufWriter, Read as _, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::{Context as _, bail, ensure};
use newsdesk::{
    corpus::{DocumentRow, ROW_BYTES_MAX, parse_document},
    model::{Answer, Decision, Model, ThresholdOverrides, Thresholds},
    text::{DOCUMENT_BYTES_MAX, Document},
};
use rayon::prelude::*;
use serde_json::{Map, Value, json};

use super::{INCOMPLETE, remote::Remote, terminal::Paint, thresholds::ThresholdArgs};

/// The lines that are answered at once, on all cores.
const LINES_PER_BATCH: usize = 512;

/// The words that are shown to a person when none were asked for.
const EVIDENCE_FOR_PEOPLE: u32 = 10;

/// `newsdesk classify`, as typed.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct ClassifyArgs {
    /// Files, a document each (with --jsonl, a document a line), or `-` for standard input
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// A document, typed
    #[arg(long, conflicts_with_all = ["paths", "jsonl"])]
    text: Option<String>,
    /// The model file [default: the built-in model]
    #[arg(long, value_name = "FILE", env = "NEWSDESK_MODEL", conflicts_with = "server")]
    model: Option<PathBuf>,
    /// Ask a server, such as `http://127.0.0.1:50051`
    #[arg(long, value_name = "URL", env = "NEWSDESK_SERVER")]
    server: Option<String>,
    /// The most features to give as evidence
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=1000))]
    evidence: Option<u32>,
    /// Print one JSON object a document
    #[arg(long)]
    json: bool,
    /// Read one JSON object a line, with `text`, and optionally `id` and `title`
    #[arg(long)]
    jsonl: bool,
    #[command(flatten)]
    thresholds: ThresholdArgs,
}

const EXAMPLES: &str = "Examples:
  newsdesk classify --text 'Register now: early-bird tickets for the expo'
  newsdesk classify article.txt --evidence 20
  newsdesk classify --jsonl feed.jsonl > answers.jsonl
  curl -s https://example.org/a.txt | newsdesk classify - --json";

/// Who answers.
enum Answerer {
    Model(Arc<Model>, Thresholds),
    Server(Box<Remote>, ThresholdOverrides),
}

impl ClassifyArgs {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        ensure!(
            self.text.is_some() || !self.paths.is_empty(),
            "nothing to classify; name a file, `-` for standard input, or give --text"
        );
        let answerer = self.answerer()?;
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

    fn answerer(&self) -> anyhow::Result<Answerer> {
        let overrides = self.thresholds.overrides();
        if let Some(url) = &self.server {
            return Ok(Answerer::Server(Box::new(Remote::connect(url)?), overrides));
        }
        let model = super::model(self.model.as_ref())?;
        let thresholds = model.thresholds_with(&overrides)?;
        Ok(Answerer::Model(model, thresholds))
    }

    /// Answers each file, or the typed text.
    fn answer_files(&self, answerer: &Answerer, output: &mut impl Write) -> anyhow::Result<()> {
        let evidence_max = self.evidence.unwrap_or(if self.json { 0 } else { EVIDENCE_FOR_PEOPLE });
        if let Some(text) = &self.text {
            let answer = answerer.answer("", text, evidence_max)?;
            return self.write_answer(output, None, text, answer);
        }
        for path in &self.paths {
            let text = read_document(path)?;
            let answer = answerer
                .answer("", &text, evidence_max)
                .with_context(|| path.display().to_string())?;
            self.write_answer(output, Some(path), &text, answer)?;
        }
        Ok(())
    }

    fn write_answer(
        &self,
        output: &mut impl Write,
        path: Option<&Path>,
        text: &str,
        answer: Map<String, Value>,
    ) -> anyhow::Result<()> {
        if self.json {
            let mut answer = answer;
            answer.insert(
                "id".into(),
                path.map_or(Value::Null, |path| json!(path.display().to_string())),
            );
            writeln!(output, "{}", Value::Object(answer))?;
        } else {
            let several = 1 < self.paths.len();
            let name = path.filter(|_| several).map(|path| path.display().to_string());
            output.write_all(
                for_people(name.as_deref(), text, &answer, Paint::stdout()).as_bytes(),
            )?;
        }
        Ok(())
    }

    /// Answers each line of each file, in order. Returns the number of lines without an answer.
    fn answer_lines(&self, answerer: &Answerer, output: &mut impl Write) -> anyhow::Result<u64> {
        let mut bad_lines = 0;
        let evidence_max = self.evidence.unwrap_or(0);
        for path in &self.paths {
            let mut reader = open(path)?;
            let mut number = 0;
            loop {
                let lines = read_lines(&mut reader).with_context(|| path.display().to_string())?;
                if lines.is_empty() {
                    break;
                }
                let answers: Vec<Option<(String, bool)>> = lines
                    .par_iter()
                    .enumerate()
                    .map(|(place, line)| {
                        answer_line(answerer, line, number + place as u64 + 1, evidence_max)
                    })
                    .collect();
                number += lines.len() as u64;
                for (answer, is_good) in answers.into_iter().flatten() {
                    writeln!(output, "{answer}")?;
                    bad_lines += u64::from(!is_good);
                }
                output.flush()?;
            }
        }
        Ok(bad_lines)
    }
}

/// Returns the answer to a line, and whether it is one; nothing for a blank line.
fn answer_line(
    answerer: &Answerer,
    line: &[u8],
    number: u64,
    evidence_max: u32,
) -> Option<(String, bool)> {
    if line.trim_ascii().is_empty() {
        return None;
    }
    let outcome = parse_document(line).map_err(anyhow::Error::from).and_then(|row| {
        let DocumentRow { id, title, text, source: _ } = row;
        let mut answer =
            answerer.answer(title.as_deref().unwrap_or_default(), &text, evidence_max)?;
        answer.insert("id".into(), id);
        Ok(answer)
    });
    Some(match outcome {
        Ok(answer) => (Value::Object(answer).to_string(), true),
        Err(error) => {
            let id = id_of(line);
            (json!({"id": id, "line": number, "error": format!("{error:#}")}).to_string(), false)
        }
    })
}

/// Returns the `id` of a line whose document is no good, so that the caller can find it.
fn id_of(line: &[u8]) -> Value {
    let object: Option<Value> = serde_json::from_slice(line).ok();
    let id = object.and_then(|object| object.get("id").cloned());
    id.filter(|id| id.is_string() || id.is_number()).unwrap_or(Value::Null)
}

impl Answerer {
    /// Returns the answer as JSON, without an `id`.
    fn answer(
        &self,
        title: &str,
        text: &str,
        evidence_max: u32,
    ) -> anyhow::Result<Map<String, Value>> {
        match self {
            Answerer::Model(model, thresholds) => {
                let document = Document::with_title(title, text)?;
                let answer = model.classify_by(thresholds, &document, evidence_max as usize);
                Ok(answer_json(model, &answer))
            }
            Answerer::Server(remote, overrides) => {
                let response = remote.classify(title, text, evidence_max, *overrides)?;
                Ok(super::remote::response_json(&response))
            }
        }
    }
}

/// Returns an answer as JSON.
fn answer_json(model: &Model, answer: &Answer) -> Map<String, Value> {
    let names = model.labels.names();
    let by_label = |values: &[f64]| -> Map<String, Value> {
        names.iter().zip(values).map(|(name, &value)| (name.clone(), json!(value))).collect()
    };
    let (label, abstained) = match answer.decision {
        Decision::Label(label) => (json!(model.labels.name(label)), Value::Null),
        Decision::Abstain(reason) => (Value::Null, json!(reason.name())),
    };
    let [best, second] = answer.best.map(|label| model.labels.name(label));
    let evidence: Vec<Value> = answer
        .evidence
        .iter()
        .map(|evidence| {
            let spans = evidence.places.iter().map(|place| {
                let field = match place.field {
                    newsdesk::text::Field::Title => "title",
                    newsdesk::text::Field::Text => "text",
                };
                json!({"field": field, "start": place.span.start, "end": place.span.end})
            });
            json!({
                "feature": model.vocabulary.name(evidence.feature),
                "log_odds": evidence.log_odds,
                "for": best,
                "against": second,
                "spans": spans.collect::<Vec<_>>(),
            })
        })
        .collect();
    let mut object = Map::new();
    object.insert("id".into(), Value::Null);
    object.insert("label".into(), label);
    object.insert("abstained".into(), abstained);
    object.insert("probabilities".into(), Value::Object(by_label(&answer.probabilities)));
    object.insert("scores".into(), Value::Object(by_label(&answer.scores)));
    object.insert("evidence".into(), json!(evidence));
    object.insert("model".into(), model_json(model));
    object
}

/// Returns the model's name, version and digest as JSON.
pub(super) fn model_json(model: &Model) -> Value {
    let reference = &model.reference;
    json!({"name": reference.name, "version": reference.version, "digest": reference.digest})
}

/// Returns an answer as a few lines for reading: label, probability bars, words for and against.
fn for_people(name: Option<&str>, text: &str, answer: &Map<String, Value>, paint: Paint) -> String {
    use std::fmt::Write as _;
    const BAR: usize = 30;
    let mut shown = String::new();
    let mut line = |text: String| writeln!(shown, "{text}").expect("a string takes all");
    if let Some(name) = name {
        line(paint.dim(name));
    }
    match (answer["label"].as_str(), answer["abstained"].as_str()) {
        (Some(label), _) => line(paint.bold(label)),
        (None, reason) => line(format!("{} ({})", paint.bold("no label"), reason.unwrap_or("?"))),
    }
    for (label, probability) in answer["probabilities"].as_object().into_iter().flatten() {
        let probability = probability.as_f64().unwrap_or(0.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 30")]
        let filled = (probability * BAR as f64).round() as usize;
        let bar = format!("{}{}", "█".repeat(filled), "░".repeat(BAR - filled.min(BAR)));
        line(format!("  {label:<16} {bar} {:>5.1} %", 100.0 * probability));
    }
    let evidence = answer["evidence"].as_array().map(Vec::as_slice).unwrap_or_default();
    if let Some(first) = evidence.first() {
        let side = |key: &str| first[key].as_str().unwrap_or("?").to_owned();
        line(paint.dim(&format!("  {} rather than {}:", side("for"), side("against"))));
    }
    for evidence in evidence {
        let log_odds = evidence["log_odds"].as_f64().unwrap_or(0.0);
        let feature = evidence["feature"].as_str().unwrap_or("?");
        let seen = evidence["spans"][0]
            .as_object()
            .filter(|span| span["field"] == "text")
            .and_then(|span| {
                let at = |key: &str| usize::try_from(span[key].as_u64()?).ok();
                text.get(at("start")?..at("end")?)
            });
        let seen = seen.filter(|seen| !seen.eq_ignore_ascii_case(feature));
        let seen = seen.map_or(String::new(), |seen| {
            paint.dim(&format!("  {}", seen.split_whitespace().collect::<Vec<_>>().join(" ")))
        });
        let number = format!("{log_odds:>+8.3}");
        let number = if log_odds < 0.0 { paint.bad(&number) } else { paint.good(&number) };
        line(format!("  {number}  {feature}{seen}"));
    }
    shown
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn open(path: &Path) -> anyhow::Result<Box<dyn BufRead>> {
    if is_stdin(path) {
        return Ok(Box::new(BufReader::new(io::stdin())));
    }
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    Ok(Box::new(BufReader::with_capacity(1 << 18, file)))
}

/// Reads a whole file as one document, and no more than a document may have.
fn read_document(path: &Path) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    let limit = DOCUMENT_BYTES_MAX as u64 + 1;
    open(path)?.take(limit).read_to_end(&mut bytes).with_context(|| path.display().to_string())?;
    if DOCUMENT_BYTES_MAX < bytes.len() {
        bail!("{} is longer than {DOCUMENT_BYTES_MAX} bytes; classify it in parts", path.display());
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        anyhow::anyhow!("{}: byte {at} is not UTF-8; convert the file", path.display())
    })
}

/// Reads the next lines; none at the end.
fn read_lines(reader: &mut impl BufRead) -> anyhow::Result<Vec<Vec<u8>>> {
    let mut lines = Vec::new();
    while lines.len() < LINES_PER_BATCH {
        let mut line = Vec::new();
        let limit = ROW_BYTES_MAX as u64 + 1;
        if reader.by_ref().take(limit).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        ensure!(line.len() <= ROW_BYTES_MAX, "a line is longer than {ROW_BYTES_MAX} bytes");
        lines.push(line);
    }
    Ok(lines)
}
