//! What is known of the model files from the looks before.

use std::{collections::BTreeMap, path::PathBuf};

use super::{
    candidate::{Candidate, Identity},
    order,
    versions::{Version, VersionState},
};
use crate::model::ModelReference;

/// What is known from the looks before.
#[derive(Debug, Default)]
pub(super) struct Knowledge {
    pub(super) files: BTreeMap<PathBuf, Known>,
    /// By name, the version that was promoted by a call, and the newest that there was then: one that is
    /// newer still takes its place.
    pub(super) chosen: BTreeMap<String, [String; 2]>,
}

/// A file as it was at the last look.
#[derive(Clone, Debug)]
pub(super) struct Known {
    /// None if it could not be read, so that it is tried again.
    pub(super) identity: Option<Identity>,
    pub(super) fate: Fate,
}

impl Known {
    /// Tells whether this is what is known of a file that has `identity` now.
    pub(super) fn is_of(&self, identity: Identity) -> bool {
        self.identity == Some(identity)
    }
}

/// What became of a file.
#[derive(Clone, Debug)]
pub(super) enum Fate {
    /// It was read, and is or was served.
    Served(ModelReference),
    /// It was read, and must not be served, for a reason.
    SetAside(ModelReference, String),
    /// It is no model, for a reason. Its path may tell what it was meant to be.
    Unusable(ModelReference, String),
}

impl Fate {
    /// Returns the model that was read from the file, if one was.
    pub(super) fn reference(&self) -> Option<&ModelReference> {
        match self {
            Fate::Served(reference) | Fate::SetAside(reference, _) => Some(reference),
            Fate::Unusable(..) => None,
        }
    }

    pub(super) fn is_served_as(&self, reference: &ModelReference) -> bool {
        matches!(self, Fate::Served(served) if served == reference)
    }

    pub(super) fn is_set_aside(&self, reference: &ModelReference) -> bool {
        matches!(self, Fate::SetAside(aside, _) if aside == reference)
    }

    /// Returns the version that was refused, if it was.
    pub(super) fn refused(&self) -> Option<Version> {
        let (reference, state, reason) = match self {
            Fate::Served(_) => return None,
            Fate::SetAside(reference, reason) => (reference, VersionState::SetAside, reason),
            Fate::Unusable(reference, reason) => (reference, VersionState::Unusable, reason),
        };
        Some(Version { reference: reference.clone(), state, reason: reason.clone() })
    }
}

impl Knowledge {
    /// Notes that a version was promoted by a call.
    pub(super) fn choose(&mut self, reference: &ModelReference) {
        let served = self.files.values().filter_map(|known| known.fate.reference());
        let same_name = served.filter(|other| other.name == reference.name);
        let versions = same_name.map(|other| other.version.as_str());
        let newest = versions.max_by(|a, b| order::compare(a, b)).unwrap_or(&reference.version);
        let choice = [reference.version.clone(), newest.to_owned()];
        self.chosen.insert(reference.name.clone(), choice);
    }

    /// Forgets a version that was promoted by a call if there is one that is newer than all were then.
    pub(super) fn drop_old_choice(&mut self, name: &str, versions: &[Candidate]) {
        let is_old = self.chosen.get(name).is_some_and(|[_, newest]| {
            versions.first().is_some_and(|first| first.is_after(newest))
        });
        if is_old {
            self.chosen.remove(name);
        }
    }

    pub(super) fn is_chosen(&self, candidate: &Candidate) -> bool {
        candidate.called.as_ref().is_some_and(|called| {
            self.chosen.get(&called.name).is_some_and(|[version, _]| *version == called.version)
        })
    }

    /// Tells whether another version of the same name was promoted by a call.
    pub(super) fn is_chosen_against(&self, reference: &ModelReference) -> bool {
        let choice = self.chosen.get(&reference.name);
        choice.is_some_and(|[version, _]| *version != reference.version)
    }

    pub(super) fn is_set_aside(&self, reference: &ModelReference) -> bool {
        self.files.values().any(|known| known.fate.is_set_aside(reference))
    }
}
