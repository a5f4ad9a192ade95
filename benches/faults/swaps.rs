//! New versions of a model, one after the other, under load.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Instant,
};

use newsdesk::proto::{ClassifyResponse, ReloadModelsRequest};
use tokio::task::JoinSet;

use crate::{
    common::{
        GEOPOLITICS, decided, document,
        folder::{Folder, confused_model},
        tiny_model,
    },
    process::Newsdesk,
    report::{Report, mebibytes, tell},
};

/// How many clients ask, each one thing after the other.
const CLIENTS: usize = 4;

/// How many swaps come before the memory is looked at, by when everything has been used.
const WARM_UP: u32 = 500;

/// What was seen of the answers.
#[derive(Default)]
struct Seen {
    answers: AtomicUsize,
    failed: AtomicUsize,
    /// Answers that are not those of the version that they name.
    false_names: AtomicUsize,
    versions: Mutex<HashSet<String>>,
    is_over: AtomicBool,
}

pub async fn run(swaps: u32, report: &mut Report) {
    let folder = Folder::new();
    folder.put("news", "0", tiny_model());
    let root = folder.root();
    let server = Newsdesk::start(&["--models", root.to_str().unwrap(), "--admin"]);
    let mut admin = server.admin().await;
    let seen = Arc::new(Seen::default());
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let (mut client, seen) = (server.classifier().await, Arc::clone(&seen));
        clients.spawn(async move {
            while !seen.is_over.load(Ordering::Relaxed) {
                match client.classify(document(GEOPOLITICS)).await {
                    Ok(response) => seen.add(response.get_ref()),
                    Err(_) => drop(seen.failed.fetch_add(1, Ordering::Relaxed)),
                }
            }
        });
    }
    let (mut memory, mut swapped, began) = (0, 0, Instant::now());
    for version in 1..=swaps {
        folder.put("news", &version.to_string(), model(version));
        if let Some(old) = version.checked_sub(4) {
            folder.remove("news", &old.to_string());
        }
        let there = admin.reload_models(ReloadModelsRequest {}).await.unwrap().into_inner();
        let current = there.versions.iter().find_map(|version| version.reference.as_ref());
        swapped += u32::from(current.is_some_and(|it| it.version == version.to_string()));
        if version == WARM_UP.min(swaps / 2) {
            memory = server.memory();
        }
    }
    let time = began.elapsed();
    seen.is_over.store(true, Ordering::Relaxed);
    clients.join_all().await;

    report.must("swaps that took place", swapped, swapped == swaps);
    tell("time", format!("{time:.1?}"));
    tell("answers meanwhile", seen.answers.load(Ordering::Relaxed));
    tell("versions that answered", seen.versions.lock().unwrap().len());
    let failed = seen.failed.load(Ordering::Relaxed);
    report.must("requests that failed", failed, failed == 0);
    let false_names = seen.false_names.load(Ordering::Relaxed);
    report.must("answers that name another version", false_names, false_names == 0);
    let after = server.memory();
    let text = format!("{} after {WARM_UP}, {} after all", mebibytes(memory), mebibytes(after));
    report.must("memory", text, after <= memory + (8 << 20));
}

/// Returns the model of a version: every other one says something else of the same text.
fn model(version: u32) -> newsdesk::model::Model {
    if version.is_multiple_of(2) { tiny_model() } else { confused_model() }
}

impl Seen {
    fn add(&self, response: &ClassifyResponse) {
        self.answers.fetch_add(1, Ordering::Relaxed);
        let version = &response.model.as_ref().unwrap().version;
        let is_even = version.parse::<u32>().unwrap().is_multiple_of(2);
        if is_even != (decided(response) == "geopolitics") {
            self.false_names.fetch_add(1, Ordering::Relaxed);
        }
        let mut versions = self.versions.lock().unwrap();
        if !versions.contains(version) {
            versions.insert(version.clone());
        }
    }
}
