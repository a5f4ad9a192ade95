//! Files that may be models.

use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use super::{order, shadow::ShadowPlan};
use crate::model::{Model, ModelFile, ModelFileError, ModelReference, is_model_name};

/// The ending of a model file's name.
const ENDING: &str = ".safetensors";

/// The most names in the folder, and the most versions of a name, that are looked at: the newest of them.
const ENTRIES_MAX: usize = 1000;

/// A file that may be a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) path: PathBuf,
    /// What its path calls it. A single file is called as it says itself.
    pub(super) called: Option<Called>,
}

/// The name and the version that a path gives to a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Called {
    pub(super) name: String,
    pub(super) version: String,
}

/// What tells a file from another of the same path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    modified: (i64, i64),
    bytes: u64,
    inode: u64,
}

impl Candidate {
    pub(super) fn identity(&self) -> io::Result<Identity> {
        let metadata = fs::metadata(&self.path)?;
        Ok(Identity {
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            bytes: metadata.len(),
            inode: metadata.ino(),
        })
    }

    /// Returns a single file, whose path tells nothing.
    pub(super) fn file(path: &Path) -> Candidate {
        Candidate { path: path.to_owned(), called: None }
    }

    /// Returns the name that the path gives, or nothing.
    pub(super) fn called_name(&self) -> &str {
        self.called.as_ref().map_or("", |called| &called.name)
    }

    /// Returns what the model would be called, as far as the path tells.
    pub(super) fn reference(&self) -> ModelReference {
        let called = self.called.clone();
        let Called { name, version } = called.unwrap_or_else(|| Called {
            name: self.path.display().to_string(),
            version: String::new(),
        });
        ModelReference { name, version, digest: String::new() }
    }

    pub(super) fn is_called(&self, reference: &ModelReference) -> bool {
        let Some(called) = &self.called else { return false };
        called.name == reference.name && called.version == reference.version
    }

    pub(super) fn is_of_plan(&self, plan: &ShadowPlan) -> bool {
        let Some(called) = &self.called else { return false };
        called.name == plan.name && called.version == plan.version
    }

    pub(super) fn is_before(&self, version: &str) -> bool {
        let called = self.called.as_ref();
        called.is_some_and(|called| order::compare(&called.version, version).is_lt())
    }

    pub(super) fn is_after(&self, version: &str) -> bool {
        let called = self.called.as_ref();
        called.is_some_and(|called| order::compare(&called.version, version).is_gt())
    }

    /// Reads the model, under the name and version of its path if that gives them.
    pub(super) fn read(&self) -> Result<Model, ModelFileError> {
        let mut model = ModelFile::read(&self.path)?.model;
        if let Some(Called { name, version }) = self.called.clone() {
            let digest = model.reference.digest;
            model.reference = ModelReference { name, version, digest };
        }
        Ok(model)
    }
}

/// Returns what `folder` holds as `name/version.safetensors`, by name, the newest version first. Whatever is called
/// otherwise is passed over: a file that is still being written, one that was set aside.
pub(super) fn in_folder(folder: &Path) -> io::Result<Vec<Candidate>> {
    let mut candidates = Vec::new();
    let mut names = names(folder)?;
    names.retain(|name| is_model_name(name) && folder.join(name).is_dir());
    names.sort_unstable();
    for name in names.into_iter().take(ENTRIES_MAX) {
        let models = folder.join(&name);
        candidates.extend(versions(&models)?.into_iter().take(ENTRIES_MAX).map(|version| {
            let path = models.join(format!("{version}{ENDING}"));
            Candidate { path, called: Some(Called { name: name.clone(), version }) }
        }));
    }
    Ok(candidates)
}

/// Returns the versions that `models` has files of, the newest first.
fn versions(models: &Path) -> io::Result<Vec<String>> {
    let files = names(models)?;
    let versions = files.iter().filter_map(|file| file.strip_suffix(ENDING));
    let mut versions: Vec<String> =
        versions.filter(|version| is_model_name(version)).map(str::to_owned).collect();
    versions.sort_unstable_by(|a, b| order::compare(b, a));
    Ok(versions)
}

fn names(folder: &Path) -> io::Result<Vec<String>> {
    let names: io::Result<Vec<_>> =
        fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name())).collect();
    Ok(names?.into_iter().filter_map(|name| name.into_string().ok()).collect())
}

/// Returns an error with its causes, on one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_too_many_versions_the_newest_are_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let models = folder.path().join("news");
        fs::create_dir(&models).unwrap();
        for version in 1..=ENTRIES_MAX + 5 {
            fs::write(models.join(format!("{version}{ENDING}")), "").unwrap();
        }
        let found = in_folder(folder.path()).unwrap();
        assert_eq!(found.len(), ENTRIES_MAX);
        assert_eq!(found[0].reference().version, (ENTRIES_MAX + 5).to_string());
        assert_eq!(found[ENTRIES_MAX - 1].reference().version, "6");
    }
}
