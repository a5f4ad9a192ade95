//! What a look at the files comes to.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    candidate::{self, Candidate},
    keeper::{Keeper, STANDBY_MAX},
    knowledge::{Fate, Knowledge, Known},
};
use crate::{
    model::ModelFileError,
    server::registry::{Models, Served},
};

/// What problems with the folder as a whole are filed under.
const FOLDER: &str = "models";

impl Keeper {
    /// Looks for new versions, and serves them if they are good.
    pub(in crate::server) fn look(&self) {
        let mut knowledge = self.knowledge();
        for path in &self.0.supply.files {
            self.look_at_file(&mut knowledge, path);
        }
        let Some(folder) = &self.0.supply.folder else { return };
        let found = candidate::in_folder(folder);
        let problem = found.as_ref().err().map(|error| format!("cannot read the folder: {error}"));
        self.0.registry.problem(FOLDER, problem);
        let Ok(candidates) = found else { return };
        self.forget_what_is_gone(&mut knowledge, &candidates);
        for versions in candidates.chunk_by(|a, b| a.called_name() == b.called_name()) {
            self.look_at_versions(&mut knowledge, versions);
        }
    }

    /// Serves what a single file holds if that is new and good.
    fn look_at_file(&self, knowledge: &mut Knowledge, path: &Path) {
        let models = self.0.registry.models();
        let candidate = Candidate::file(path);
        let Some(served) = self.usable(knowledge, &candidate, &models) else { return };
        let current = models.find(&served.reference.name).ok();
        if !knowledge.is_chosen_against(&served.reference)
            && !current.is_some_and(|current| current.reference == served.reference)
            && self.is_accepted(knowledge, &candidate, &served, current)
        {
            self.make_current(&served, &models);
        }
    }

    /// Serves the newest good one of the `versions` of a model in the folder, and offers some beside it.
    fn look_at_versions(&self, knowledge: &mut Knowledge, versions: &[Candidate]) {
        let Some(name) = versions.first().map(Candidate::called_name) else { return };
        let models = self.0.registry.models();
        let current = models.find(name).ok();
        knowledge.drop_old_choice(name, versions);
        let usable = self.usable_of(knowledge, versions, &models, current);
        let next = self.choose(knowledge, versions, &usable, current).or(current.cloned());
        let Some(next) = next else { return };
        let others = usable.into_iter().map(|(_, served)| served);
        let others: Vec<Arc<Served>> = others
            .filter(|other| other.reference.version != next.reference.version)
            .filter(|other| !knowledge.is_set_aside(&other.reference))
            .collect();
        if !current.is_some_and(|current| Arc::ptr_eq(current, &next)) {
            Keeper::log_change(&next, current);
        }
        let before = models.others(name).iter().map(Arc::as_ptr);
        let is_same = current.is_some_and(|current| Arc::ptr_eq(current, &next))
            && before.eq(others.iter().map(Arc::as_ptr));
        if !is_same {
            self.0.registry.set(next, others);
        }
    }

    /// Returns those of the `versions` that can be asked, the newest first, with their files.
    fn usable_of<'a>(
        &self,
        knowledge: &mut Knowledge,
        versions: &'a [Candidate],
        models: &Models,
        current: Option<&Arc<Served>>,
    ) -> Vec<(&'a Candidate, Arc<Served>)> {
        let mut usable: Vec<(&Candidate, Arc<Served>)> = Vec::new();
        for candidate in versions {
            let is_special =
                self.0.supply.shadow.as_ref().is_some_and(|plan| candidate.is_of_plan(plan))
                    || knowledge.is_chosen(candidate)
                    || current.is_some_and(|current| candidate.is_called(&current.reference));
            if usable.len() <= STANDBY_MAX || is_special {
                let served = self.usable(knowledge, candidate, models);
                usable.extend(served.map(|served| (candidate, served)));
            }
        }
        usable
    }

    /// Returns the version that is to be current, if it is another than is now.
    fn choose(
        &self,
        knowledge: &mut Knowledge,
        versions: &[Candidate],
        usable: &[(&Candidate, Arc<Served>)],
        current: Option<&Arc<Served>>,
    ) -> Option<Arc<Served>> {
        let chosen = usable.iter().find(|(candidate, _)| knowledge.is_chosen(candidate));
        if let Some((_, chosen)) = chosen {
            return Some(Arc::clone(chosen));
        }
        // If the file of the current version is gone, one before it is meant to be served; but if it
        // is there and damaged, nobody has meant anything.
        let has_file = |current: &Arc<Served>| {
            versions.iter().any(|candidate| candidate.is_called(&current.reference))
        };
        let bound = current.filter(|current| has_file(current)).map(|current| &current.reference);
        for (candidate, served) in usable {
            if bound.is_some_and(|bound| candidate.is_before(&bound.version)) {
                break;
            }
            if current.is_some_and(|current| Arc::ptr_eq(current, served)) {
                break;
            }
            if !self.is_shadow(&served.reference)
                && self.is_accepted(knowledge, candidate, served, current)
            {
                return Some(Arc::clone(served));
            }
        }
        None
    }

    /// Returns the model of a file: the one that is served already if the file is the same, or else the one
    /// that is read from it, unless it was refused before or cannot be used.
    fn usable(
        &self,
        knowledge: &mut Knowledge,
        candidate: &Candidate,
        models: &Models,
    ) -> Option<Arc<Served>> {
        let subject = candidate.path.display().to_string();
        let identity = match candidate.identity() {
            Ok(identity) => identity,
            Err(error) => {
                self.0.registry.problem(&subject, Some(format!("cannot read the file: {error}")));
                return None;
            }
        };
        match knowledge.files.get(&candidate.path).filter(|known| known.is_of(identity)) {
            Some(Known { fate: Fate::Served(reference), .. }) => {
                let served = models.all().find(|served| served.reference == *reference);
                if served.is_some() {
                    return served.cloned();
                }
            }
            Some(Known { fate: Fate::SetAside(..) | Fate::Unusable(..), .. }) => return None,
            None => {}
        }
        let read = candidate.read();
        // What keeps a file from being read may pass without a change of the file.
        let is_read = !matches!(read, Err(ModelFileError::Read { .. }));
        let read = read.map_err(|error| candidate::chain(&error));
        let problem = read.as_ref().err().cloned();
        self.0.registry.loads().count(read.is_ok());
        self.0.registry.problem(&subject, problem);
        let (fate, model) = match read {
            Ok(model) => (Fate::Served(model.reference.clone()), Some(model)),
            Err(reason) => (Fate::Unusable(candidate.reference(), reason), None),
        };
        let identity = is_read.then_some(identity);
        knowledge.files.insert(candidate.path.clone(), Known { identity, fate });
        model.map(|model| Served::new(Arc::new(model)))
    }

    /// Tells whether a version may replace the current one; sets it aside if not.
    fn is_accepted(
        &self,
        knowledge: &mut Knowledge,
        candidate: &Candidate,
        new: &Served,
        current: Option<&Arc<Served>>,
    ) -> bool {
        let (Some(gold), Some(current)) = (&self.0.supply.gold, current) else { return true };
        // Going back is what somebody has decided.
        if candidate.is_before(&current.reference.version) {
            return true;
        }
        let Some(objection) = gold.objection(new, current) else { return true };
        self.0.registry.loads().count_refused();
        self.0.registry.problem(&candidate.path.display().to_string(), Some(objection.clone()));
        if let Some(known) = knowledge.files.get_mut(&candidate.path) {
            known.fate = Fate::SetAside(new.reference.clone(), objection);
        }
        false
    }

    fn forget_what_is_gone(&self, knowledge: &mut Knowledge, candidates: &[Candidate]) {
        let is_there = |path: &Path| {
            candidates.iter().any(|candidate| candidate.path == path)
                || self.0.supply.files.iter().any(|file| file == path)
        };
        let gone: Vec<PathBuf> =
            knowledge.files.keys().filter(|path| !is_there(path)).cloned().collect();
        for path in gone {
            knowledge.files.remove(&path);
            self.0.registry.problem(&path.display().to_string(), None);
        }
    }
}
