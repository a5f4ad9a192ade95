//! A full disk, a folder that is gone, rubbish for a model.

use std::{
    fs::{self, File},
    path::Path,
    process::Command,
    time::Duration,
};

use crate::{
    common::{
        GEOPOLITICS, document,
        folder::Folder,
        pages::{Figures, get},
        tiny_model,
    },
    process::{Newsdesk, command},
    report::{Report, tell},
};

/// Trains onto a file system with room for one and a half models, on which there is one already. It is
/// mounted for this process alone.
const FULL_DISK: &str = r#"
    mount -t tmpfs -o "size=$1" none "$2" || exit 77
    cp "$3" "$2/m.safetensors"
    "$4" train --corpus "$5" --output "$2/m.safetensors" --model-version new
    code=$?
    cmp -s "$3" "$2/m.safetensors" || exit 78
    [ "$(ls -A "$2")" = m.safetensors ] || exit 79
    exit $code
"#;

pub async fn run(report: &mut Report) {
    full_disk(report);
    let folder = Folder::new();
    folder.put("news", "1", tiny_model());
    let root = folder.root();
    let args =
        ["--models", root.to_str().unwrap(), "--models-poll-seconds", "0.05", "--log", "debug"];
    // What it logs goes to a disk that is full.
    let full = File::options().write(true).open("/dev/full").unwrap();
    let server = Newsdesk::start_by(command(&[]).stderr(full), &args);
    report.must(
        "answers with nowhere to log",
        answers(&server, 100).await,
        answers(&server, 1).await == 1,
    );

    folder.spoil("news", "2", b"rubbish");
    let told = problem(&server, "news/2.safetensors").await;
    report.must("rubbish is told in /readyz", &told, !told.is_empty());
    let counted = Figures::read(server.pages).await.get("newsdesk_problems");
    report.must("and counted in newsdesk_problems", counted, (counted - 1.0).abs() < 0.1);
    report.must(
        "answers with rubbish there",
        answers(&server, 100).await,
        serves(&server, "1").await,
    );
    folder.put("news", "2", tiny_model());
    report.must("the version that is put right is served", "2", until_served(&server, "2").await);

    let away = root.with_extension("away");
    fs::rename(&root, &away).unwrap();
    let told = problem(&server, "cannot read the folder").await;
    report.must("a folder that is gone is told in /readyz", &told, !told.is_empty());
    report.must(
        "answers without a folder",
        answers(&server, 100).await,
        serves(&server, "2").await,
    );
    fs::rename(&away, &root).unwrap();
    folder.put("news", "3", tiny_model());
    report.must("when it is back, a new version is served", "3", until_served(&server, "3").await);

    for (version, seconds) in [("4", 0), ("5", 4_102_444_800)] {
        folder.put("news", version, tiny_model());
        let file = File::options().write(true).open(folder.path("news", version)).unwrap();
        file.set_modified(std::time::UNIX_EPOCH + Duration::from_secs(seconds)).unwrap();
        let what = format!("a file that says it is of second {seconds} of Unix time is served");
        report.must(&what, version, until_served(&server, version).await);
    }
}

fn full_disk(report: &mut Report) {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let starter = concat!(env!("CARGO_MANIFEST_DIR"), "/models/starter.jsonl");
    let (old, mount) = (at("old.safetensors"), at("mount"));
    fs::create_dir(&mount).unwrap();
    let trained = command(&["train", "--corpus", starter, "--output", &old]).output().unwrap();
    assert!(trained.status.success(), "{}", String::from_utf8_lossy(&trained.stderr));
    let size = fs::metadata(Path::new(&old)).unwrap().len() * 3 / 2;
    let mut unshare = Command::new("unshare");
    unshare.args(["--map-root-user", "--mount", "sh", "-c", FULL_DISK, "sh"]);
    unshare.args([&size.to_string(), &mount, &old, env!("CARGO_BIN_EXE_newsdesk"), starter]);
    let output = unshare.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    let last = told.lines().last().unwrap_or_default();
    match output.status.code() {
        Some(77) => tell("SKIPPED: training onto a full disk, for want of a tmpfs", last),
        code => {
            let what = "training onto a full disk fails, and leaves the old model and nothing else";
            report.must(what, format!("{code:?}, {last}"), code == Some(1));
        }
    }
}

/// Returns how many of `requests` were answered.
async fn answers(server: &Newsdesk, requests: usize) -> usize {
    let mut client = server.classifier().await;
    let mut answered = 0;
    for _ in 0..requests {
        answered += usize::from(client.classify(document(GEOPOLITICS)).await.is_ok());
    }
    answered
}

async fn serves(server: &Newsdesk, version: &str) -> bool {
    let answer = server.classifier().await.classify(document(GEOPOLITICS)).await;
    answer.is_ok_and(|answer| answer.get_ref().model.as_ref().unwrap().version == version)
}

/// Tells whether a version comes to be served within ten seconds.
async fn until_served(server: &Newsdesk, version: &str) -> bool {
    for _ in 0..200 {
        if serves(server, version).await {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    false
}

/// Waits until `/readyz` tells of something, and returns its words.
async fn problem(server: &Newsdesk, wanted: &str) -> String {
    for _ in 0..200 {
        let (_, text) = get(server.pages, "/readyz").await;
        if let Some(at) = text.find(wanted) {
            return text[at..].chars().take(100).collect();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    String::new()
}
