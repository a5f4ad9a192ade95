//! What became of each version of each model.

use std::path::PathBuf;

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

/// Returns the path that a file is moved to when it is set aside: one that no look takes for a model.
pub(super) fn aside(path: &std::path::Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".set-aside");
    name.into()
}
