//! The models that are served, by name and version.

use std::{
    ops::Deref,
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::ArcSwap;
use tokio::sync::watch;

use super::watch::Tally;
use crate::model::{Model, NAME_BYTES_MAX, is_model_name};

/// A model that is served, and what it has said so far.
#[derive(Debug)]
pub struct Served {
    model: Arc<Model>,
    pub(super) tally: Tally,
}

/// The models that are served at a moment, the default model first.
#[derive(Clone, Debug, Default)]
pub struct Models(Vec<Named>);

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
    fn new(model: Arc<Model>) -> Arc<Served> {
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
        self.0.is_empty()
    }

    /// Returns the current version of each model, the default model first.
    pub fn current(&self) -> impl Iterator<Item = &Arc<Served>> {
        self.0.iter().map(|named| &named.current)
    }

    /// Returns every version that can be asked; of each model, the current one first.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Served>> {
        self.0.iter().flat_map(|named| std::iter::once(&named.current).chain(&named.others))
    }

    /// Returns the model called `name`, such as `news` or `news@7`, or the default model if that is empty.
    pub fn find(&self, name: &str) -> Result<&Arc<Served>, FindModelError> {
        let default = self.0.first().ok_or(FindModelError::Empty)?;
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

    fn names(&self) -> String {
        let (first, more) = self.0.split_at(self.0.len().min(SERVED_NAMED_MAX));
        let mut names: Vec<String> =
            first.iter().map(|named| format!("`{}`", named.current.reference.name)).collect();
        if !more.is_empty() {
            names.push(format!("{} more", more.len()));
        }
        names.join(", ")
    }

    fn named(&mut self, name: &str) -> Option<&mut Named> {
        self.0.iter_mut().find(|named| named.current.reference.name == name)
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
                models.0.push(Named { current: served, others: Vec::new() });
                None
            }
        })
    }

    /// Serves the model called `name` no longer, and returns its current version. The default model is
    /// followed by the one that was served next longest.
    pub fn remove(&self, name: &str) -> Option<Arc<Model>> {
        self.change(|models| {
            let index = models.0.iter().position(|named| named.current.reference.name == name)?;
            Some(Arc::clone(&models.0.remove(index).current.model))
        })
    }

    /// Returns a channel that tells when the models change.
    pub fn subscribe(&self) -> watch::Receiver<()> {
        self.0.changed.subscribe()
    }

    fn change<T>(&self, change: impl FnOnce(&mut Models) -> T) -> T {
        let _changing = self.0.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut models = Models::clone(&self.0.models.load());
        let result = change(&mut models);
        self.0.models.store(Arc::new(models));
        self.0.changed.send_replace(());
        result
    }
}
