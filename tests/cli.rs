//! The command does what its help says, with the exit codes that scripts rely on.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::Value;

fn newsdesk(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_newsdesk"));
    command.args(args);
    command
}

fn run(args: &[&str]) -> Output {
    newsdesk(args).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn write(directory: &Path, name: &str, text: &str) -> String {
    let path = directory.join(name);
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

fn starter() -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("models/starter.jsonl");
    path.to_str().unwrap().to_owned()
}

#[test]
fn trains_measures_and_shows_a_model() {
    let directory = tempfile::tempdir().unwrap();
    let model = directory.path().join("m.safetensors").to_str().unwrap().to_owned();
    let trained = run(&["train", "--corpus", &starter(), "--output", &model]);
    assert_eq!(trained.status.code(), Some(0), "{}", stderr(&trained));
    let told = stderr(&trained);
    assert!(told.contains("whole sources held out") && told.contains("geopolitics"), "{told}");
    assert!(!told.contains("ClassHistogram"), "linfa's debug print got through");

    let measured = run(&["eval", "--model", &model, "--corpus", &starter(), "--json"]);
    let figures: Value = serde_json::from_str(&stdout(&measured)).unwrap();
    let rows = fs::read_to_string(starter()).unwrap();
    assert_eq!(figures["documents"], rows.lines().count());
    for key in ["accuracy", "macro_f1", "log_loss", "ece", "coverage", "decided_accuracy"] {
        assert!(figures[key].is_f64(), "{key}: {figures}");
    }
    let promotional = rows.lines().filter(|row| row.contains(r#""label": "promotional""#)).count();
    assert_eq!(figures["per_label"]["promotional"]["support"], promotional);
    assert_eq!(figures["confusion"].as_array().unwrap().len(), 3);

    let shown = stdout(&run(&["inspect", &model]));
    assert!(shown.contains("answered as NEITHER"), "{shown}");
}

#[test]
fn a_report_is_one_page_that_loads_nothing_and_escapes_what_documents_say() {
    let directory = tempfile::tempdir().unwrap();
    let corpus = concat!(
        "{\"label\": \"promotional\", \"source\": \"desk\", \"id\": \"m1\", ",
        "\"text\": \"<script>x</script> Ministers signed a ceasefire and lifted sanctions\"}\n",
        "{\"label\": \"geopolitics\", \"source\": \"desk\", ",
        "\"text\": \"The foreign ministers met for talks on the treaty\"}\n",
    );
    let corpus = write(directory.path(), "held-out.jsonl", corpus);
    let page = directory.path().join("report.html").to_str().unwrap().to_owned();
    let measured = run(&["eval", "--corpus", &corpus, "--json", "--report", &page]);
    assert_eq!(measured.status.code(), Some(0), "{}", stderr(&measured));
    let figures: Value = serde_json::from_str(&stdout(&measured)).unwrap();
    assert_eq!(figures["per_source"]["desk"]["documents"], 2);
    let html = fs::read_to_string(&page).unwrap();
    assert!(html.contains("default-src 'none'") && html.contains("<svg"));
    assert!(html.contains("&lt;") && html.contains("script") && !html.contains("<script"));
    assert!(html.contains("desk m1") && html.contains("held-out.jsonl"));
    for reference in ["src=", "href=", "url(", "@import"] {
        assert!(!html.contains(reference), "the page has a reference: {reference}");
    }

    let before = fs::read(&corpus).unwrap();
    let refused = run(&["eval", "--corpus", &corpus, "--report", &corpus]);
    assert!(stderr(&refused).contains("would replace what is measured"), "{}", stderr(&refused));
    assert_eq!((refused.status.code(), fs::read(&corpus).unwrap()), (Some(1), before));
}

#[test]
fn answers_each_line_in_order_and_loses_none() {
    let directory = tempfile::tempdir().unwrap();
    let lines = concat!(
        "{\"id\": 7, \"text\": \"The ministers signed a ceasefire and lifted the sanctions\"}\n",
        "\n",
        "{\"id\": \"bad\", \"text\": \"\"}\n",
        "{\n",
        "{\"id\": \"x\", \"title\": \"Register now\", \"text\": \"Early-bird tickets for our webinar\"}\n",
    );
    let path = write(directory.path(), "feed.jsonl", lines);
    let output = run(&["classify", "--jsonl", &path, "--evidence", "2"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("2 lines could not be classified"));
    let answers: Vec<Value> =
        stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), 4);
    assert_eq!((&answers[0]["id"], &answers[0]["label"]), (&7.into(), &"geopolitics".into()));
    assert_eq!(answers[0]["evidence"].as_array().unwrap().len(), 2);
    assert_eq!((&answers[1]["id"], &answers[1]["line"]), (&"bad".into(), &3.into()));
    assert_eq!(answers[2]["line"], 4);
    assert!(answers[2]["error"].as_str().unwrap().contains("JSON"));
    assert_eq!(answers[3]["label"], "promotional");
    assert_eq!(answers[3]["model"]["digest"].as_str().unwrap().len(), 64);
}

#[test]
fn abstains_on_other_scripts_and_on_numbers() {
    for text in ["これは日本語の文章です。外交について", "12 34 56 78"] {
        let output = run(&["classify", "--json", "--text", text]);
        let answer: Value = serde_json::from_str(&stdout(&output)).unwrap();
        assert_eq!(answer["label"], Value::Null, "{text}: {answer}");
        assert!(answer["abstained"].is_string(), "{text}: {answer}");
    }
}

#[test]
fn exit_codes_tell_bad_usage_from_failure() {
    let directory = tempfile::tempdir().unwrap();
    let corpus = write(directory.path(), "one.jsonl", "{\"text\": \"a\", \"label\": \"x\"}\n");
    let model = directory.path().join("m.safetensors").to_str().unwrap().to_owned();
    assert_eq!(run(&["train", "--no-such-flag"]).status.code(), Some(2));
    let one_label = run(&["train", "--corpus", &corpus, "--output", &model]);
    assert_eq!(one_label.status.code(), Some(1));
    assert!(stderr(&one_label).contains("one label only, `x`"), "{}", stderr(&one_label));
    assert!(!Path::new(&model).exists(), "a failed training left a file");
    let foreign = write(directory.path(), "no.safetensors", "not a model at all");
    let refused = run(&["serve", "--listen", "127.0.0.1:0", "--model", &foreign]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("is not a usable model"), "{}", stderr(&refused));
}

#[test]
fn a_bad_row_is_named_and_an_old_model_stays() {
    let directory = tempfile::tempdir().unwrap();
    let corpus = write(
        directory.path(),
        "bad.jsonl",
        "{\"text\": \"a\", \"label\": \"x\"}\n{\"text\": 3}\n",
    );
    let model = write(directory.path(), "m.safetensors", "the old one");
    let output = run(&["train", "--corpus", &corpus, "--output", &model]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("bad.jsonl:2: "), "{}", stderr(&output));
    assert_eq!(fs::read_to_string(&model).unwrap(), "the old one");
}

#[test]
fn serves_says_where_and_stops_on_a_signal() {
    let mut server = newsdesk(&["serve", "--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    let url = first.strip_prefix("listening on ").unwrap();
    assert!(lines.next().unwrap().unwrap().starts_with("model default 1 "));

    let text = "The ministers signed a ceasefire and lifted the sanctions";
    let local = stdout(&run(&["classify", "--json", "--evidence", "3", "--text", text]));
    let remote =
        stdout(&run(&["classify", "--json", "--evidence", "3", "--server", url, "--text", text]));
    assert_eq!(remote, local);

    let address = url.strip_prefix("http://").unwrap();
    let taken = run(&["serve", "--listen", address]);
    assert_eq!(taken.status.code(), Some(1));
    assert!(stderr(&taken).contains(address) && stderr(&taken).contains("--listen"));

    Command::new("kill").arg(server.id().to_string()).status().unwrap();
    assert_eq!(server.wait().unwrap().code(), Some(0));
}

#[test]
fn a_writer_that_waits_for_each_answer_gets_it() {
    let mut child = newsdesk(&["classify", "--jsonl", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut answers = BufReader::new(child.stdout.take().unwrap()).lines();
    for id in ["a", "b", "c"] {
        writeln!(stdin, "{{\"id\": \"{id}\", \"text\": \"Ministers meet\"}}").unwrap();
        let answer: Value = serde_json::from_str(&answers.next().unwrap().unwrap()).unwrap();
        assert_eq!(answer["id"], id);
    }
    drop(stdin);
    assert!(answers.next().is_none());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut child = newsdesk(&["classify", "--jsonl", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().unwrap();
    writeln!(stdin, "{{\"text\": \"Ministers meet\"}}").unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""));
}
