//! The models that are served, by name.

use std::sync::Arc;

use tokio::sync::watch;

use crate::model::{Model, NAME_BYTES_MAX, is_model_name};

/// The models that are served at a moment, the default model first.
#[derive(Clone, Debug, Default)]
pub struct Models(Vec<Arc<Model>>);

/// The models that are served. Each clone is a handle to the same ones.
///
/// A request takes all models once, as they are at that moment, and keeps them until it is answered:
/// a model that is replaced meanwhile lives on for it.
#[derive(Clone, Debug)]
pub struct Registry {
    /// The one place where models stand is also the channel that tells of a change. Reading takes an
    /// uncontended lock for as long as it takes to copy a pointer, next to nothing beside a request.
    models: watch::Sender<Arc<Models>>,
}

/// Why there is no model for a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FindModelError {
    /// No model is served at all.
    #[error("no model is served yet")]
    Empty,
    /// No model of that name is served.
    #[error("no model `{name}` is served; there is {served}")]
    Unknown {
        /// The name that was asked for, if it can be the name of a model, or else what one looks like.
        /// What clients send is neither repeated at any length nor logged.
        name: String,
        /// The names of the models that are served, or the first of them.
        served: String,
    },
}

/// The most models that an error names, since it travels in a header of some thousand bytes.
const SERVED_NAMED_MAX: usize = 8;

impl Models {
    /// Returns all models, the default model first.
    pub fn all(&self) -> &[Arc<Model>] {
        &self.0
    }

    /// Returns the model called `name`, or the default model if that is empty.
    pub fn find(&self, name: &str) -> Result<&Arc<Model>, FindModelError> {
        let default = self.0.first().ok_or(FindModelError::Empty)?;
        if name.is_empty() {
            return Ok(default);
        }
        // A handful of models are searched faster in order than by any index.
        let found = self.0.iter().find(|model| model.reference.name == name);
        found.ok_or_else(|| FindModelError::Unknown { name: printable(name), served: self.names() })
    }

    fn names(&self) -> String {
        let (first, more) = self.0.split_at(self.0.len().min(SERVED_NAMED_MAX));
        let mut names: Vec<String> =
            first.iter().map(|model| format!("`{}`", model.reference.name)).collect();
        if !more.is_empty() {
            names.push(format!("{} more", more.len()));
        }
        names.join(", ")
    }

    fn insert(&mut self, model: Arc<Model>) -> Option<Arc<Model>> {
        let name = &model.reference.name;
        if let Some(served) = self.0.iter_mut().find(|served| served.reference.name == *name) {
            return Some(std::mem::replace(served, model));
        }
        self.0.push(model);
        None
    }

    fn remove(&mut self, name: &str) -> Option<Arc<Model>> {
        let index = self.0.iter().position(|model| model.reference.name == name)?;
        Some(self.0.remove(index))
    }
}

fn printable(name: &str) -> String {
    if is_model_name(name) {
        return name.to_owned();
    }
    format!("(a name has 1 to {NAME_BYTES_MAX} letters, digits and signs of `._-+`)")
}

impl Registry {
    /// Makes a registry that serves `default`, under its own name and when no name is asked for.
    pub fn new(default: Arc<Model>) -> Registry {
        Registry { models: watch::Sender::new(Arc::new(Models(vec![default]))) }
    }

    /// Makes a registry without a model. Until it has one, requests are answered with `UNAVAILABLE`.
    pub fn empty() -> Registry {
        Registry { models: watch::Sender::new(Arc::default()) }
    }

    /// Returns the models that are served at this moment.
    pub fn models(&self) -> Arc<Models> {
        Arc::clone(&self.models.borrow())
    }

    /// Serves `model` from now on, in the place of the one with the same name, which is returned.
    ///
    /// The first model of a registry is its default model.
    pub fn insert(&self, model: Arc<Model>) -> Option<Arc<Model>> {
        let mut replaced = None;
        self.models.send_modify(|models| replaced = Arc::make_mut(models).insert(model));
        replaced
    }

    /// Serves the model called `name` no longer, and returns it. The default model is followed by the
    /// one that was served next longest.
    pub fn remove(&self, name: &str) -> Option<Arc<Model>> {
        let mut removed = None;
        self.models.send_modify(|models| removed = Arc::make_mut(models).remove(name));
        removed
    }

    /// Returns a channel that tells when the models change.
    pub fn subscribe(&self) -> watch::Receiver<Arc<Models>> {
        self.models.subscribe()
    }
}
