//! A folder of models, as somebody who retrains them changes it.

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use newsdesk::{
    model::{Model, ModelCounts, ModelFile, Weights},
    proto::{ModelVersion, ReloadModelsRequest, ReloadModelsResponse},
    server::{Extras, Gold, Keeper, ShadowPlan, Supply},
};
use tempfile::TempDir;
use tonic::transport::Channel;

use super::{AdminServiceClient, TestServer, config, tiny_model};

/// A folder of models.
pub struct Folder(TempDir);

impl Folder {
    pub fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }

    /// Puts `model` where `version` of `name` belongs, by a rename, as it should be done.
    pub fn put(&self, name: &str, version: &str, model: Model) {
        let path = self.path(name, version);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        file(model).write(&path).unwrap();
    }

    /// Puts `bytes` there, as a copy that was cut short would.
    pub fn spoil(&self, name: &str, version: &str, bytes: &[u8]) {
        let path = self.path(name, version);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    pub fn remove(&self, name: &str, version: &str) {
        fs::remove_file(self.path(name, version)).unwrap();
    }

    pub fn path(&self, name: &str, version: &str) -> PathBuf {
        self.0.path().join(name).join(format!("{version}.safetensors"))
    }

    pub fn root(&self) -> PathBuf {
        self.0.path().to_owned()
    }

    pub fn supply(&self) -> Supply {
        Supply { folder: Some(self.root()), ..Supply::default() }
    }

    pub fn gold(&self, loss_max: f64) -> Gold {
        let path = self.0.path().join("gold.jsonl");
        let rows = [
            ("The ambassador on sanctions", "geopolitics"),
            ("Register for tickets", "promotional"),
            ("football weather", "other"),
        ];
        let lines =
            rows.map(|(text, label)| serde_json::json!({"text": text, "label": label}).to_string());
        fs::write(&path, lines.join("\n")).unwrap();
        Gold::read(&[path], loss_max).unwrap()
    }
}

/// Returns the tiny model as a file.
pub fn file(model: Model) -> ModelFile {
    let features = model.vocabulary.len();
    let counts = ModelCounts {
        sums: vec![1; features * model.labels.len()],
        documents: vec![1; features],
        sources: vec![1; features],
        ..ModelCounts::default()
    };
    ModelFile { model, counts, whole: None }
}

/// Returns a model that calls everything of one label by the next one's name.
pub fn confused_model() -> Model {
    let model = tiny_model();
    let rows = model.weights.rows().chunks(3).flat_map(|row| [row[2], row[0], row[1]]).collect();
    Model { weights: Weights::new(model.weights.log_priors().to_vec(), rows), ..model }
}

pub fn shadow(name: &str, version: &str, share: f64) -> ShadowPlan {
    ShadowPlan { name: name.into(), version: version.into(), share }
}

/// Starts a server of what is supplied, which looks for new models when it is told to.
pub async fn start(supply: Supply) -> TestServer {
    start_looking_every(supply, Duration::from_hours(1)).await
}

pub async fn start_looking_every(supply: Supply, interval: Duration) -> TestServer {
    let keeper = Keeper::open(supply).unwrap();
    let registry = keeper.registry().clone();
    let extras = Extras { keeper: Some((keeper, interval)), admin: true, ..Extras::default() };
    TestServer::start_with_extras(registry, config(), extras).await
}

/// Has the server look for new models, and returns what there is then.
pub async fn reload(admin: &mut AdminServiceClient<Channel>) -> ReloadModelsResponse {
    admin.reload_models(ReloadModelsRequest {}).await.unwrap().into_inner()
}

/// Returns each version as `name@version STATE`.
pub fn states(versions: &[ModelVersion]) -> Vec<String> {
    let state = |version: &ModelVersion| {
        let name = version.state().as_str_name();
        let state = name.strip_prefix("MODEL_VERSION_STATE_").unwrap_or(name);
        let reference = version.reference.as_ref().unwrap();
        format!("{}@{} {state}", reference.name, reference.version)
    };
    versions.iter().map(state).collect()
}

/// Returns the versions that are served under their names, as `name@version`.
pub fn current(server: &TestServer) -> Vec<String> {
    let models = server.registry.models();
    let named = |served: &Arc<newsdesk::server::Served>| {
        format!("{}@{}", served.reference.name, served.reference.version)
    };
    models.current().map(named).collect()
}
