//! Settings: flags over variables over the file over defaults, and nothing unknown.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;

fn newsdesk(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_newsdesk"));
    let ours = std::env::vars_os().map(|(name, _)| name);
    for name in ours.filter(|name| name.to_string_lossy().starts_with("NEWSDESK_")) {
        command.env_remove(name);
    }
    command.args(args);
    command
}

fn file(directory: &Path, text: &str) -> String {
    let path = directory.join("newsdesk.toml");
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Returns the values of a setting and where they come from, as `newsdesk config` shows them.
fn setting(output: &Output, name: &str) -> (Vec<String>, String) {
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let settings: Value = serde_json::from_slice(&output.stdout).unwrap();
    let values = settings[name]["values"].as_array().unwrap().iter();
    let values = values.map(|value| value.as_str().unwrap().to_owned()).collect();
    (values, settings[name]["source"].as_str().unwrap().to_owned())
}

#[test]
fn flags_are_stronger_than_variables_and_those_than_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = file(
        directory.path(),
        "# limits\nrequests_max = 1\ndrain_seconds = 1.5\nlisten = \"127.0.0.1:1\"\n",
    );
    let output = newsdesk(&["config", "--json", "--config", &path, "--requests-max", "3"])
        .env("NEWSDESK_REQUESTS_MAX", "2")
        .env("NEWSDESK_DRAIN_SECONDS", "2")
        .output()
        .unwrap();
    let check = |name, value: &str, source: &str| {
        assert_eq!(setting(&output, name), (vec![value.to_owned()], source.to_owned()));
    };
    check("requests_max", "3", "--requests-max");
    check("drain_seconds", "2", "NEWSDESK_DRAIN_SECONDS");
    check("listen", "127.0.0.1:1", &path);
    check("log", "info", "default");
}

#[test]
fn what_config_shows_is_a_configuration_file_of_the_same_settings() {
    let directory = tempfile::tempdir().unwrap();
    let args = ["config", "--requests-max", "7", "--log", "newsdesk=\"debug\""];
    let shown = newsdesk(&args).output().unwrap();
    let path = file(directory.path(), text(&shown.stdout));
    let again = newsdesk(&["config", "--config", &path]).output().unwrap();
    let values = |output: &Output| -> Vec<String> {
        let lines = text(&output.stdout).lines();
        lines.map(|line| line.split(" # ").next().unwrap().trim_end().to_owned()).collect()
    };
    assert!(text(&shown.stdout).contains("requests_max = 7"), "{}", text(&shown.stdout));
    assert_eq!(values(&again), values(&shown), "{}", text(&again.stderr));
}

#[track_caller]
fn check_refusal(settings: &str, expected: &str) {
    let directory = tempfile::tempdir().unwrap();
    let path = file(directory.path(), settings);
    for args in
        [["serve", "--check-config", "--config", &path], ["config", "--json", "--config", &path]]
    {
        let output = newsdesk(&args).output().unwrap();
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{settings}: {told}");
        assert!(told.contains(expected) && told.contains("newsdesk.toml"), "{settings}: {told}");
    }
}

#[test]
fn a_wrong_file_is_refused_with_the_line_and_the_name_at_fault() {
    check_refusal(
        "listen = \"127.0.0.1:0\"\n\nmax_requests = 3\n",
        ":3: `max_requests` is no setting",
    );
    check_refusal("requests_max = 0\n", "'0' for '--requests-max");
    check_refusal("drain_seconds = \"8s\"\n", "'8s' for '--drain-seconds");
    check_refusal("check_config = true\n", "`check_config` is no setting");
    check_refusal("[limits]\nrequests_max = 1\n", "`limits` is no setting");
    check_refusal("listen = [\"127.0.0.1:1\", \"127.0.0.1:2\"]\n", "takes one value, not 2");
    check_refusal("listen = { port = 3 }\n", "a value is a text");
    check_refusal("requests_max = 1\nrequests_max = 2\n", "is not TOML");
}

#[test]
fn check_config_tells_good_from_bad_without_listening() {
    let directory = tempfile::tempdir().unwrap();
    let good = file(directory.path(), "requests_max = 10\n");
    let output = newsdesk(&["serve", "--check-config", "--config", &good]).output().unwrap();
    assert_eq!(
        (output.status.code(), text(&output.stdout)),
        (Some(0), "the configuration is good\n")
    );
    let missing = directory.path().join("no.toml").to_str().unwrap().to_owned();
    let output = newsdesk(&["serve", "--check-config", "--config", &missing]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("no.toml"));
    let output = newsdesk(&["serve", "--check-config", "--model", &good]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("is not a usable model"));
}

#[test]
fn what_contradicts_itself_is_refused_and_what_is_dangerous_is_warned_of() {
    let run = |args: &[&str]| {
        let output = newsdesk(&["serve", "--check-config"]).args(args).output().unwrap();
        (output.status.code(), text(&output.stderr).to_owned())
    };
    for (args, expected) in [
        (&["--tls-cert", "a.pem"][..], "TLS needs both, tls_cert and tls_key"),
        (&["--tls-client-ca", "a.pem"], "tls_client_ca is of no use without"),
        (
            &["--admin", "--listen", "0.0.0.0:1"],
            "anyone who can reach 0.0.0.0:1 could change the models",
        ),
    ] {
        let (code, told) = run(args);
        assert_eq!(code, Some(2), "{args:?}: {told}");
        assert!(told.contains(expected), "{args:?}: {told}");
    }
    let (code, told) = run(&["--listen", "0.0.0.0:1"]);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.starts_with("WARNING: anyone who can reach 0.0.0.0:1 can have"), "{told}");
    assert_eq!(run(&["--admin"]), (Some(0), String::new()));
}

#[test]
fn a_token_and_its_line_fit_one_another_and_open_a_server() {
    let directory = tempfile::tempdir().unwrap();
    let output = newsdesk(&["token", "feeds", "--until", "2999-12-31"]).output().unwrap();
    let (token, line) = (text(&output.stderr).trim(), text(&output.stdout).trim());
    let hash = newsdesk::server::hash_token(token);
    assert_eq!(line, format!("call feeds {hash} 2999-12-31"));
    let path = file(directory.path(), line);
    let checked = newsdesk(&["serve", "--check-config", "--tokens", &path]).output().unwrap();
    assert_eq!(checked.status.code(), Some(0), "{}", text(&checked.stderr));
    let wrong = newsdesk(&["token", "feeds", "--until", "soon"]).output().unwrap();
    assert_eq!((wrong.status.code(), text(&wrong.stdout)), (Some(1), ""));
}
