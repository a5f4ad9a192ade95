//! A clock that jumps by years, by libfaketime (Debian's package `faketime`).

use std::{fs, path::PathBuf, process::Stdio, time::Duration};

use newsdesk::server::hash_token;
use tonic::{Code, Request};

use crate::{
    common::{GEOPOLITICS, document, folder::Folder, tiny_model},
    process::{Newsdesk, command},
    report::{Report, tell},
};

/// Jumps of the clock that tells the day, one after the other, and what a token of 2030 is good for then.
const JUMPS: [(&str, Code); 4] =
    [("+0", Code::Ok), ("+20y", Code::Unauthenticated), ("-20y", Code::Ok), ("+0", Code::Ok)];

pub async fn run(report: &mut Report) {
    let Some(library) = library() else {
        tell("SKIPPED: libfaketime is not installed", "apt-get install faketime");
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let (clock, tokens) = (directory.path().join("clock"), directory.path().join("tokens"));
    fs::write(&tokens, format!("call feeds {} 2030-12-31\n", hash_token("token"))).unwrap();
    fs::write(&clock, "+0").unwrap();
    let folder = Folder::new();
    folder.put("news", "0", tiny_model());
    let root = folder.root();
    let mut server = command(&[]);
    server.stderr(Stdio::null()).env("LD_PRELOAD", library).env("FAKETIME_TIMESTAMP_FILE", &clock);
    // Time that passes goes on as it does when somebody sets the clock.
    server.env("FAKETIME_NO_CACHE", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    let args = ["--tokens", tokens.to_str().unwrap(), "--models", root.to_str().unwrap()];
    let server =
        Newsdesk::start_by(&mut server, &[&args[..], &["--models-poll-seconds", "0.05"]].concat());
    for (version, (jump, expected)) in (1..).zip(JUMPS) {
        fs::write(&clock, jump).unwrap();
        let code = ask(&server).await.map_or_else(|status| status.code(), |_| Code::Ok);
        report.must(&format!("{jump}: a token of 2030"), format!("{code:?}"), code == expected);
        folder.put("news", &version.to_string(), tiny_model());
        if expected == Code::Ok {
            let is_served = until_served(&server, &version.to_string()).await;
            report.must(&format!("{jump}: a new version is served"), is_served, is_served);
        }
    }
}

fn library() -> Option<PathBuf> {
    let folders = fs::read_dir("/usr/lib").ok()?.filter_map(Result::ok);
    let mut paths = folders.map(|folder| folder.path().join("faketime/libfaketimeMT.so.1"));
    paths.find(|path| path.is_file())
}

/// Asks once, and returns the version that answered.
async fn ask(server: &Newsdesk) -> Result<String, tonic::Status> {
    let mut request = Request::new(document(GEOPOLITICS));
    request.metadata_mut().insert("authorization", "Bearer token".parse().unwrap());
    let answer = server.classifier().await.classify(request).await?;
    Ok(answer.into_inner().model.unwrap_or_default().version)
}

async fn until_served(server: &Newsdesk, version: &str) -> bool {
    for _ in 0..200 {
        if ask(server).await.is_ok_and(|served| served == version) {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    false
}
