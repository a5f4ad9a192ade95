//! Modules use only those before them, and each library stays in its room.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The modules in the order of `src/lib.rs`.
const ORDER: [&str; 9] =
    ["label", "text", "features", "model", "corpus", "eval", "train", "proto", "server"];

fn sources(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else {
            files.push(path);
        }
    }
    files
}

/// Returns each file of the library with its module and its text.
fn library() -> Vec<(PathBuf, String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = sources(&root).into_iter().filter_map(|path| {
        let first = path.strip_prefix(&root).unwrap().iter().next().unwrap();
        let module = Path::new(first).file_stem().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&path).unwrap();
        ORDER.contains(&module.as_str()).then_some((path, module, text))
    });
    files.collect()
}

#[test]
fn modules_are_declared_in_their_order() {
    let lib = include_str!("../src/lib.rs");
    let declared: Vec<&str> =
        lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    assert_eq!(declared, ORDER);
}

#[test]
fn a_module_uses_only_those_before_it() {
    let place = |module: &str| ORDER.iter().position(|name| *name == module);
    for (path, module, text) in library() {
        for later in ORDER.iter().filter(|name| place(&module) < place(name)) {
            // One level of braces: `use crate::{later::…}` spreads over lines that begin with it.
            let uses = text.contains(&format!("crate::{later}::"))
                || text.contains("use crate::{")
                    && text
                        .lines()
                        .any(|line| line.trim_start().starts_with(&format!("{later}::")));
            assert!(!uses, "{} uses the later module `{later}`", path.display());
        }
    }
}

#[test]
fn each_library_stays_in_its_room() {
    let rooms: [(&str, &[&str]); 8] = [
        ("linfa", &["train/fit.rs"]),
        ("ndarray", &["train/fit.rs"]),
        ("tonic", &["proto.rs", "server/"]),
        ("tokio", &["server/"]),
        ("safetensors", &["model/container.rs", "model/file.rs", "model/whole.rs"]),
        ("plotters", &["eval/report/charts.rs", "eval/report/palette.rs"]),
        ("maud", &["eval/report/"]),
        ("opentelemetry", &["server/front/span.rs"]),
    ];
    for (path, _, text) in library() {
        for (library, rooms) in rooms {
            let uses = [format!("use {library}"), format!(" {library}::"), format!("<{library}::")];
            let is_room = rooms.iter().any(|room| path.to_str().unwrap().contains(room));
            let is_used = text
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"))
                .any(|line| uses.iter().any(|usage| line.contains(usage)));
            assert!(is_room || !is_used, "{} uses {library}", path.display());
        }
    }
}
