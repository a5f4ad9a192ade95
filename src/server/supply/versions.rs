//! What became of each version of each model.

use std::{collections::BTreeMap, path::PathBuf};

use super::{candidate::Candidate, order};
use crate::model::ModelReference;

/// What a version is used for, as an administrator sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum VersionState {
    Current,
    Standby,
    Shadow,
    SetAside,
    Unusable,
}

/// A version, as an administrator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::server) struct Version {
    pub(in crate::server) reference: ModelReference,
    pub(in crate::server) state: VersionState,
    pub(in crate::server) reason: String,
}

/// What a call to roll back has done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::server) struct Reversal {
    pub(in crate::server) current: ModelReference,
    pub(in crate::server) set_aside: ModelReference,
    pub(in crate::server) is_durable: bool,
}

/// Returns the candidates of each name, the newest version first.
pub(super) fn by_name(candidates: Vec<Candidate>) -> Vec<Vec<Candidate>> {
    let mut names: BTreeMap<String, Vec<Candidate>> = BTreeMap::new();
    for candidate in candidates {
        names.entry(candidate.called_name().to_owned()).or_default().push(candidate);
    }
    let mut names: Vec<Vec<Candidate>> = names.into_values().collect();
    for versions in &mut names {
        versions.sort_by(|a, b| order::compare(version(b), version(a)));
    }
    names
}

fn version(candidate: &Candidate) -> &str {
    candidate.called.as_ref().map_or("", |called| &called.version)
}

/// Returns the path that a file is moved to when it is set aside: one that no look takes for a model.
pub(super) fn aside(path: &std::path::Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".set-aside");
    name.into()
}
