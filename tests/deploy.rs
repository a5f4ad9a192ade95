//! The settings that `deploy/` comes with are good ones.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::Command;

fn check(file: &str) {
    let path = format!("{}/deploy/{file}", env!("CARGO_MANIFEST_DIR"));
    let mut newsdesk = Command::new(env!("CARGO_BIN_EXE_newsdesk"));
    let output = newsdesk.args(["serve", "--check-config", "--config", &path]).output().unwrap();
    assert!(output.status.success(), "{file}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn each_file_of_settings_is_good() {
    check("kubernetes/newsdesk.toml");
    check("systemd/newsdesk.toml");
}
