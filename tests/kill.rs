//! Whenever the process is killed, what it leaves behind is a whole model.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use common::{
    folder::{Folder, confused_model},
    tiny_model,
};
use newsdesk::model::Model;

/// How often each process is killed, or, if it is built so, `NEWSDESK_KILLS`.
fn kills() -> u32 {
    option_env!("NEWSDESK_KILLS").map_or(100, |kills| kills.parse().unwrap())
}

fn newsdesk(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_newsdesk"));
    command.args(args).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Kills `child` when `part` of `time` has passed since `began`, if it still runs then.
fn kill_at(mut child: Child, began: Instant, time: Duration, part: f64) {
    let until = began + time.mul_f64(part);
    while Instant::now() < until && child.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    let _ = child.kill();
    child.wait().unwrap();
}

/// Returns parts from 0 to 1 that lie everywhere, whatever their number.
fn parts() -> impl Iterator<Item = f64> {
    let golden_ratio = 0.618_033_988_749_895;
    (0..kills()).map(move |n| (f64::from(n) * golden_ratio).fract())
}

fn corpus(directory: &Path) -> String {
    let kinds = [("geopolitics", "sanctions"), ("promotional", "tickets"), ("other", "weather")];
    let rows = (0..200).map(|n| {
        let (label, word) = kinds[n % 3];
        let text = format!("the {word} of today {n}");
        let row =
            serde_json::json!({"text": text, "label": label, "source": format!("s{}", n % 7)});
        format!("{row}\n")
    });
    let path = directory.join("corpus.jsonl");
    fs::write(&path, rows.collect::<String>()).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn training_that_is_killed_leaves_the_old_model_or_the_new_one() {
    let directory = tempfile::tempdir().unwrap();
    let corpus = corpus(directory.path());
    let output = directory.path().join("m.safetensors");
    let path = output.to_str().unwrap();
    let train = |version: &str| {
        newsdesk(&["train", "--corpus", &corpus, "--output", path, "--model-version", version])
    };
    let began = Instant::now();
    assert!(train("0").status().unwrap().success());
    let time = began.elapsed();
    for (n, part) in parts().enumerate() {
        let before = Model::load(&output).unwrap().reference.version;
        let version = format!("{}", n + 1);
        let began = Instant::now();
        // Somewhat longer than it takes, so that the end, where the file is written, is met as well.
        kill_at(train(&version).spawn().unwrap(), began, time, 0.5 + 0.7 * part);
        let after = Model::load(&output).unwrap().reference.version;
        assert!(after == before || after == version, "{before} → {after}, not {version}");
    }
}

#[test]
fn a_server_that_is_killed_while_models_change_serves_a_whole_one_when_it_is_back() {
    let folder = Folder::new();
    folder.put("news", "0", tiny_model());
    let root = folder.root();
    for (n, part) in parts().enumerate() {
        let args = ["serve", "--listen", "127.0.0.1:0", "--models", root.to_str().unwrap()];
        let mut command = newsdesk(&[&args[..], &["--models-poll-seconds", "0.01"]].concat());
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.next().unwrap().unwrap().starts_with("listening on "));
        let served = lines.next().unwrap().unwrap();
        assert!(served.starts_with("model news ") && served.len() > 64, "{served}");
        let began = Instant::now();
        let model = if n % 2 == 0 { confused_model() } else { tiny_model() };
        folder.put("news", &format!("{}", n + 1), model);
        kill_at(child, began, Duration::from_millis(40), part);
    }
}
