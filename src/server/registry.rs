//! The models that are served, by name and version.

use std::{
    collections::BTreeMap,
    ops::Deref,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use arc_swap::ArcSwap;
use tokio::sync::watch;

use super::{
    supply::{Shadow, ShadowPlan},
    watch::Tally,
};
use crate::model::{Model, NAME_BYTES_MAX, is_model_name};

/// A model that is served, and what it has said so far.
#[derive(Debug)]
pub struct Served {
    model: Arc<Model>,
    pub(super) tally: Tally,
}

/// The models that are served at a moment, the default model first.
#[derive(Clone, Debug, Default)]
pub struct Models {
    names: Vec<Named>,
    shadow: Option<Arc<Shadow>>,
}

/// The versions of a model that can be asked.
#[derive(Clone, Debug)]
struct Named {
    /// The one that answers if no version is asked for.
    current: Arc<Served>,
    /// Those that answer if they are asked for, the one that was current last first.
    others: Vec<Arc<Served>>,
}

/// The models that are served. Each clone is a handle to the same ones.
///
/// A request takes all models once, as they are at that moment, and keeps them until it is answered:
/// a model that is replaced meanwhile lives on for it.
#[derive(Clone, Debug)]
pub struct Registry(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    models: ArcSwap<Models>,
    /// Held while the models change, so that no change is lost.
    changing: Mutex<()>,
    changed: watch::Sender<()>,
    plans: OnceLock<Plans>,
    problems: Mutex<BTreeMap<String, String>>,
    loads: Loads,
}

/// What holds of the models, whichever there are.
#[derive(Debug, Default)]
struct Plans {
    /// The name of the default model. Until it is there, the first one is.
    default: Option<String>,
    shadow: Option<ShadowPlan>,
}

/// What became of the model files that were read.
#[derive(Debug, Default)]
pub(super) struct Loads {
    pub(super) loaded: AtomicU64,
    pub(super) failed: AtomicU64,
    pub(super) refused: AtomicU64,
}

/// Why there is no model for a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FindModelError {
    /// No model is served at all.
    #[error("no model is served yet")]
    Empty,
    /// No model of that name, or of that name and version, is served.
    #[error("no model `{name}` is served; there is {served}")]
    Unknown {
        /// What was asked for, if it can be the name of a model, or else what one looks like. What
        /// clients send is neither repeated at any length nor logged.
        name: String,
        /// The models that are served, or the first of them.
        served: String,
    },
}

/// The most models that an error names, since it travels in a header of some thousand bytes.
const SERVED_NAMED_MAX: usize = 8;

/// What stands between the name and the version of a model that is asked for. No name has it.
const VERSION_SIGN: char = '@';

impl Served {
    pub(super) fn new(model: Arc<Model>) -> Arc<Served> {
        Arc::new(Served { tally: Tally::new(&model.labels), model })
    }

    /// Returns the model.
    pub fn model(&self) -> &Arc<Model> {
        &self.model
    }

    fn is(&self, name: &str, version: &str) -> bool {
        self.reference.name == name && self.reference.version == version
    }
}

impl Deref for Served {
    type Target = Model;

    fn deref(&self) -> &Model {
        &self.model
    }
}

impl Models {
    /// Tells whether there is no model.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Returns the current version of each model, the default model first.
    pub fn current(&self) -> impl Iterator<Item = &Arc<Served>> {
        self.names.iter().map(|named| &named.current)
    }

    /// Returns every version that can be asked; of each model, the current one first.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Served>> {
        self.names.iter().flat_map(|named| std::iter::once(&named.current).chain(&named.others))
    }

    /// Returns the model called `name`, such as `news` or `news@7`, or the default model if that is empty.
    pub fn find(&self, name: &str) -> Result<&Arc<Served>, FindModelError> {
        let default = self.names.first().ok_or(FindModelError::Empty)?;
        if name.is_empty() {
            return Ok(&default.current);
        }
        // A handful of models are searched faster in order than by any index.
        let found = match name.split_once(VERSION_SIGN) {
            None => self.current().find(|served| served.reference.name == name),
            Some((name, version)) => self.all().find(|served| served.is(name, version)),
        };
        found.ok_or_else(|| FindModelError::Unknown { name: printable(name), served: self.names() })
    }

    /// Returns the versions of the model called `name` that can be asked beside the current one.
    pub(super) fn others(&self, name: &str) -> &[Arc<Served>] {
        let named = self.names.iter().find(|named| named.current.reference.name == name);
        named.map_or(&[], |named| &named.others)
    }

    /// Returns the shadow model, if there is one.
    pub(super) fn shadow(&self) -> Option<&Arc<Shadow>> {
        self.shadow.as_ref()
    }

    fn names(&self) -> String {
        let (first, more) = self.names.split_at(self.names.len().min(SERVED_NAMED_MAX));
        let mut names: Vec<String> =
            first.iter().map(|named| format!("`{}`", named.current.reference.name)).collect();
        if !more.is_empty() {
            names.push(format!("{} more", more.len()));
        }
        names.join(", ")
    }

    fn named(&mut self, name: &str) -> Option<&mut Named> {
        self.names.iter_mut().find(|named| named.current.reference.name == name)
    }
}

fn printable(name: &str) -> String {
    let (model, version) = name.split_once(VERSION_SIGN).unwrap_or((name, "1"));
    if is_model_name(model) && is_model_name(version) {
        return name.to_owned();
    }
    format!(
        "(a name has 1 to {NAME_BYTES_MAX} letters, digits and signs of `._-+`, and so has a \
         version, which stands after it and an `@`)"
    )
}

impl Registry {
    /// Makes a registry that serves `default`, under its own name and when no name is asked for.
    pub fn new(default: Arc<Model>) -> Registry {
        let registry = Registry::empty();
        registry.insert(default);
        registry
    }

    /// Makes a registry without a model. Until it has one, requests are answered with `UNAVAILABLE`.
    pub fn empty() -> Registry {
        Registry(Arc::new(Shared {
            models: ArcSwap::default(),
            changing: Mutex::new(()),
            changed: watch::Sender::new(()),
            plans: OnceLock::new(),
            problems: Mutex::default(),
            loads: Loads::default(),
        }))
    }

    /// Returns the models that are served at this moment.
    pub fn models(&self) -> Arc<Models> {
        self.0.models.load_full()
    }

    /// Serves `model` from now on, in the place of the one with the same name, which is returned.
    ///
    /// The first model of a registry is its default model.
    pub fn insert(&self, model: Arc<Model>) -> Option<Arc<Model>> {
        let served = Served::new(model);
        self.change(|models| match models.named(&served.reference.name) {
            Some(named) => Some(Arc::clone(&std::mem::replace(&mut named.current, served).model)),
            None => {
                models.names.push(Named { current: served, others: Vec::new() });
                None
            }
        })
    }

    /// Serves the model called `name` no longer, and returns its current version. The default model is
    /// followed by the one that was served next longest.
    pub fn remove(&self, name: &str) -> Option<Arc<Model>> {
        self.change(|models| {
            let index =
                models.names.iter().position(|named| named.current.reference.name == name)?;
            Some(Arc::clone(&models.names.remove(index).current.model))
        })
    }

    /// Returns a channel that tells when the models change.
    pub fn subscribe(&self) -> watch::Receiver<()> {
        self.0.changed.subscribe()
    }

    /// Returns what is wrong with the sources of models, certificates or tokens, by the source.
    pub fn problems(&self) -> Vec<(String, String)> {
        let problems = self.0.problems.lock().unwrap_or_else(PoisonError::into_inner);
        problems.clone().into_iter().collect()
    }

    /// Notes that `subject` has a problem, or has none any more; logs it if that is new.
    pub(super) fn problem(&self, subject: &str, reason: Option<String>) {
        let mut problems = self.0.problems.lock().unwrap_or_else(PoisonError::into_inner);
        match reason {
            Some(reason) if problems.get(subject) != Some(&reason) => {
                tracing::warn!(subject, reason, "problem");
                problems.insert(subject.to_owned(), reason);
            }
            None if problems.remove(subject).is_some() => tracing::info!(subject, "problem solved"),
            Some(_) | None => {}
        }
    }

    pub(super) fn loads(&self) -> &Loads {
        &self.0.loads
    }

    /// Sets, once, which name is the default model's, and which version is a shadow.
    pub(super) fn plan(&self, default: Option<String>, shadow: Option<ShadowPlan>) {
        let is_first = self.0.plans.set(Plans { default, shadow }).is_ok();
        debug_assert!(is_first, "a registry has one keeper");
    }

    /// Serves `current` and, if they are asked for, `others`, from now on, and no other versions of the name.
    pub(super) fn set(&self, current: Arc<Served>, others: Vec<Arc<Served>>) {
        self.change(|models| match models.named(&current.reference.name) {
            Some(named) => *named = Named { current, others },
            None => models.names.push(Named { current, others }),
        });
    }

    fn change<T>(&self, change: impl FnOnce(&mut Models) -> T) -> T {
        let _changing = self.0.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut models = Models::clone(&self.0.models.load());
        let result = change(&mut models);
        if let Some(plans) = self.0.plans.get() {
            models.follow(plans);
        }
        self.0.models.store(Arc::new(models));
        self.0.changed.send_replace(());
        result
    }
}

impl Models {
    /// Puts the default model first, and the shadow beside what it is the shadow of.
    fn follow(&mut self, plans: &Plans) {
        if let Some(default) = &plans.default {
            self.names.sort_by_key(|named| named.current.reference.name != *default);
        }
        let Some(plan) = &plans.shadow else { return };
        let current = self.current().find(|served| served.reference.name == plan.name);
        let shadow = self.all().find(|served| served.is(&plan.name, &plan.version));
        let pair = current.zip(shadow).filter(|(current, shadow)| !Arc::ptr_eq(current, shadow));
        let is_same = |before: &Arc<Shadow>, (current, shadow): (&Arc<Served>, &Arc<Served>)| {
            Arc::ptr_eq(&before.current, current) && Arc::ptr_eq(&before.served, shadow)
        };
        self.shadow = match (pair, &self.shadow) {
            (Some(pair), Some(before)) if is_same(before, pair) => Some(Arc::clone(before)),
            (Some((current, shadow)), _) => {
                let (current, shadow) = (Arc::clone(current), Arc::clone(shadow));
                Some(Arc::new(Shadow::new(current, shadow, plan.share)))
            }
            (None, _) => None,
        };
    }
}

impl Loads {
    pub(super) fn count(&self, is_usable: bool) {
        let counter = if is_usable { &self.loaded } else { &self.failed };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }
}
