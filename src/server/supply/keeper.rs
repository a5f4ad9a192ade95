//! The one who looks for new versions, and puts them where requests find them.

use std::{
    fs, io,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time};

use super::{
    Supply,
    candidate::{self, Candidate},
    knowledge::{Fate, Knowledge, Known},
    versions::{self, Reversal, Version, VersionState},
};
use crate::{
    model::{ModelFileError, ModelReference},
    server::{
        refusal::Refusal,
        registry::{FindModelError, Models, Registry, Served},
    },
};

/// How many versions of a model of the folder can be asked beside the current one, the newest of those
/// before it: enough to go back, and back again. Each takes some megabytes.
pub(super) const STANDBY_MAX: usize = 2;

/// The name of the default model if no other is preferred.
const DEFAULT_NAME: &str = "default";

/// Looks for new versions of models. Each clone is a handle to the same one.
#[derive(Clone, Debug)]
pub struct Keeper(pub(super) Arc<Inner>);

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) supply: Supply,
    pub(super) registry: Registry,
    knowledge: Mutex<Knowledge>,
    wake: Notify,
}

/// Why there are no models to begin with.
#[derive(Debug, thiserror::Error)]
pub enum SupplyError {
    /// A file is no usable model.
    #[error(transparent)]
    File(#[from] ModelFileError),
    /// Two files hold models of one name.
    #[error(
        "{path} is another model called `{name}`; put versions of a model in a folder (--models)"
    )]
    SameName {
        /// The second file.
        path: PathBuf,
        /// The name.
        name: String,
    },
    /// The folder cannot be read.
    #[error("cannot read the folder of models {path}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Keeper {
    /// Reads the models that there are; the built-in one if no files and no folder are given.
    ///
    /// Single files have to be usable. The folder has to be readable, but what is in it need not be, nor
    /// need there be anything: it may yet come.
    pub fn open(supply: Supply) -> Result<Keeper, SupplyError> {
        let registry = Registry::empty();
        let fallback = supply.files.is_empty().then(|| DEFAULT_NAME.to_owned());
        registry.plan(supply.default.clone().or(fallback), supply.shadow.clone());
        if supply.files.is_empty() && supply.folder.is_none() {
            registry.insert(crate::default_model());
        }
        let wake = Notify::new();
        let keeper =
            Keeper(Arc::new(Inner { supply, registry, knowledge: Mutex::default(), wake }));
        keeper.read_files()?;
        if let Some(path) = keeper.0.supply.folder.clone() {
            candidate::in_folder(&path).map_err(|source| SupplyError::Folder { path, source })?;
        }
        keeper.look();
        Ok(keeper)
    }

    /// Returns the models that are served.
    pub fn registry(&self) -> &Registry {
        &self.0.registry
    }

    /// Has the keeper look now instead of when the next look is due.
    pub fn look_soon(&self) {
        self.0.wake.notify_one();
    }

    /// Looks again and again, for ever.
    pub(in crate::server) async fn keep(self, interval: Duration) {
        loop {
            let _ = time::timeout(interval, self.0.wake.notified()).await;
            self.on_a_thread(Keeper::look).await;
        }
    }

    /// Does what takes time on a thread where nobody waits for it.
    pub(in crate::server) async fn on_a_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Keeper) -> T + Send + 'static,
    ) -> Option<T> {
        let keeper = self.clone();
        // It only fails if the work panics, which is told where that happens.
        tokio::task::spawn_blocking(move || work(&keeper)).await.ok()
    }

    /// Has a version answer from now on.
    pub(in crate::server) fn promote(
        &self,
        name: &str,
        version: &str,
    ) -> Result<ModelReference, FindModelError> {
        let mut knowledge = self.knowledge();
        let models = self.0.registry.models();
        let served = models.find(&format!("{name}@{version}"))?;
        knowledge.choose(&served.reference);
        self.make_current(served, &models);
        Ok(served.reference.clone())
    }

    /// Has the version answer that answered before, and sets the present one aside.
    pub(in crate::server) fn roll_back(&self, name: &str) -> Result<Reversal, Refusal> {
        let mut knowledge = self.knowledge();
        let models = self.0.registry.models();
        let current = models.find(name)?;
        let reference = &current.reference;
        let mut others = models.others(&reference.name).iter();
        let before = others.find(|other| !self.is_shadow(&other.reference));
        let before = before.ok_or_else(|| Refusal::NoneBefore { name: reference.name.clone() })?;
        let is_durable = self.set_aside(&mut knowledge, reference);
        let others =
            models.others(&reference.name).iter().filter(|other| !Arc::ptr_eq(other, before));
        self.0.registry.set(Arc::clone(before), others.cloned().collect());
        let (from, to) = (&reference.version, &before.reference.version);
        tracing::warn!(name = reference.name, from, to, is_durable, "model rolled back by a call");
        let set_aside = reference.clone();
        Ok(Reversal { current: before.reference.clone(), set_aside, is_durable })
    }

    /// Returns all versions, by name; of each model the current one first.
    pub(in crate::server) fn versions(&self) -> Vec<Version> {
        let models = self.0.registry.models();
        let served = models.all().map(|served| {
            let is_current =
                models.find(&served.reference.name).is_ok_and(|c| Arc::ptr_eq(c, served));
            let state = match (is_current, self.is_shadow(&served.reference)) {
                (true, _) => VersionState::Current,
                (false, true) => VersionState::Shadow,
                (false, false) => VersionState::Standby,
            };
            Version { reference: served.reference.clone(), state, reason: String::new() }
        });
        let knowledge = self.knowledge();
        let refused = knowledge.files.values().filter_map(|known| known.fate.refused());
        let mut versions: Vec<Version> = served.chain(refused).collect();
        versions.sort_by(|a, b| a.reference.name.cmp(&b.reference.name));
        versions
    }

    pub(super) fn knowledge(&self) -> MutexGuard<'_, Knowledge> {
        self.0.knowledge.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_shadow(&self, reference: &ModelReference) -> bool {
        self.0.supply.shadow.as_ref().is_some_and(|plan| plan.is_of(reference))
    }

    /// Reads the single files for the first time.
    fn read_files(&self) -> Result<(), SupplyError> {
        let mut knowledge = self.knowledge();
        for path in &self.0.supply.files {
            let candidate = Candidate::file(path);
            let unreadable = |source| ModelFileError::Read { path: path.clone(), source };
            let identity = candidate.identity().map_err(unreadable)?;
            let model = candidate.read()?;
            let name = model.reference.name.clone();
            let models = self.0.registry.models();
            if models.current().any(|served| served.reference.name == name) {
                return Err(SupplyError::SameName { path: path.clone(), name });
            }
            let fate = Fate::Served(model.reference.clone());
            knowledge.files.insert(path.clone(), Known { identity: Some(identity), fate });
            self.make_current(&Served::new(Arc::new(model)), &models);
        }
        Ok(())
    }

    /// Makes `served` the current version of its name, beside those that there are.
    pub(super) fn make_current(&self, served: &Arc<Served>, models: &Models) {
        let name = &served.reference.name;
        let current = models.current().find(|current| current.reference.name == *name);
        let all = current.into_iter().chain(models.others(name));
        let others = all.filter(|other| other.reference.version != served.reference.version);
        Keeper::log_change(served, current);
        self.0.registry.set(Arc::clone(served), others.take(STANDBY_MAX + 1).cloned().collect());
    }

    pub(super) fn log_change(next: &Served, before: Option<&Arc<Served>>) {
        let ModelReference { name, version, digest } = &next.reference;
        let before = before.map_or("none", |before| &before.reference.version);
        tracing::info!(name, version, digest, before, "model served");
    }

    /// Sets the file of a version aside, and tells whether it stays so.
    fn set_aside(&self, knowledge: &mut Knowledge, reference: &ModelReference) -> bool {
        knowledge.chosen.remove(&reference.name);
        let mut files = knowledge.files.iter_mut();
        let Some((path, known)) = files.find(|(_, known)| known.fate.is_served_as(reference))
        else {
            return false;
        };
        known.fate = Fate::SetAside(reference.clone(), "it was rolled back by a call".to_owned());
        let is_in_folder = self.0.supply.folder.as_ref().is_some_and(|f| path.starts_with(f));
        is_in_folder && fs::rename(path, versions::aside(path)).is_ok()
    }
}
