//! What the tests of the service share: a tiny model, a server on a port of its own, and clients.

#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]

use std::{net::SocketAddr, num::NonZeroUsize, sync::Arc, time::Duration};

use newsdesk::{
    features::{FeatureSettings, Norm, TermFrequency, ValueSettings, Vocabulary},
    label::LabelSet,
    model::{
        Calibration, Estimator, Figures, Model, ModelCard, ModelReference, PageReader, Prior,
        ReliabilityBin, RiskPoint, SelectionSettings, Settings, Thresholds, WeighingSettings,
        Weights,
    },
    proto::{
        Abstention, AbstentionReason, ClassifyOptions, ClassifyRequest, ClassifyResponse,
        admin_service_client::AdminServiceClient,
        classifier_service_client::ClassifierServiceClient, decision::Outcome,
        model_service_client::ModelServiceClient,
    },
    server::{self, BATCH_BYTES_MAX, Config, Extras, Registry, ServeError, Stopped},
};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};
use tonic::{
    Status,
    transport::{Channel, Endpoint},
};
use tonic_health::pb::health_client::HealthClient;
use tonic_types::StatusExt as _;

pub mod authority;
pub mod folder;
pub mod pages;
pub mod process;
pub mod raw;
pub mod wire;

/// A text that the tiny model labels `geopolitics`.
pub const GEOPOLITICS: &str = "The ambassador said that sanctions follow if the ceasefire ends";

/// A text that the tiny model labels `promotional`.
pub const PROMOTIONAL: &str = "Register now: discount tickets for the trade fair";

/// How long a test waits for what must happen before it fails.
const PATIENCE: Duration = Duration::from_mins(1);

/// The features of the tiny model, sorted, and the label that each speaks for.
const FEATURES: [(&str, usize); 12] = [
    ("ambassador", 0),
    ("ceasefire", 0),
    ("discount", 2),
    ("fair", 2),
    ("football", 1),
    ("recipe", 1),
    ("register", 2),
    ("sanctions", 0),
    ("tickets", 2),
    ("trade fair", 2),
    ("treaty", 0),
    ("weather", 1),
];

/// Returns a model of three labels, of which `other` means neither, and twelve features.
pub fn tiny_model() -> Model {
    let labels = ["geopolitics", "other", "promotional"].map(str::to_owned);
    let row = |label| (0..3).map(move |column| if column == label { 3.0 } else { -1.0 });
    let rows = FEATURES.iter().flat_map(|&(_, label)| row(label)).collect();
    Model {
        reference: ModelReference {
            name: "tiny".into(),
            version: "1".into(),
            digest: "d1".repeat(32),
        },
        labels: LabelSet::new(labels, "other").unwrap(),
        vocabulary: Vocabulary::of_sorted(FEATURES.iter().map(|&(name, _)| name)).unwrap(),
        weights: Weights::new([0.42f64, 0.2, 0.38].map(f64::ln).to_vec(), rows),
        calibration: Calibration::none(3),
        thresholds: Thresholds { words_min: 2, known_share_min: 0.2, margin_min: 0.1 },
        page: PageReader::none(3),
        settings: tiny_settings(),
        card: ModelCard {
            label_documents: vec![42, 20, 38],
            sources: 7,
            furniture_examples: 0,
            tuning: None,
            corpus_digest: "c0".repeat(32),
            size_bytes: 1234,
            figures: Some(Figures {
                method: "5 folds".into(),
                documents: 100,
                accuracy: 0.9,
                macro_f1: 0.8,
                log_loss: 0.3,
                ece: 0.02,
                reliability: vec![ReliabilityBin {
                    documents: 100,
                    probability: 0.875,
                    accuracy: 0.9,
                }],
                risk: vec![
                    RiskPoint { margin: 0.9, coverage: 0.5, error: 0.01 },
                    RiskPoint { margin: 0.0, coverage: 1.0, error: 0.1 },
                ],
            }),
        },
    }
}

fn tiny_settings() -> Settings {
    Settings {
        features: FeatureSettings { ngram: 2, shapes: true, chars: 0 },
        values: ValueSettings { tf: TermFrequency::Log, norm: Norm::Length },
        selection: SelectionSettings { documents_min: 1, sources_min: 1, features_max: 100 },
        estimator: Estimator::Multinomial,
        own_weight: 1.0,
        smoothing: 0.5,
        prior: Prior::Empirical,
        weighing: WeighingSettings { source_balance: 0.0, passes: 0, slope: 1.0 },
    }
}

/// Returns the tiny model under another name or version.
pub fn named_model(name: &str, version: &str) -> Arc<Model> {
    let reference =
        ModelReference { name: name.into(), version: version.into(), digest: "d2".repeat(32) };
    Arc::new(Model { reference, ..tiny_model() })
}

/// Returns a request with other options than the model's own.
pub fn with_options(text: &str, options: ClassifyOptions) -> ClassifyRequest {
    ClassifyRequest { options: Some(options), ..document(text) }
}

/// Returns a model that panics on a text with the word `weather`: that feature has no weights.
pub fn faulty_model() -> Model {
    let model = tiny_model();
    let rows = model.weights.rows()[..3 * (FEATURES.len() - 1)].to_vec();
    Model { weights: Weights::new(model.weights.log_priors().to_vec(), rows), ..model }
}

/// Returns a configuration that never gets in the way of a test.
pub fn config() -> Config {
    let request_time_max = 2 * PATIENCE;
    Config { drain_max: PATIENCE, request_time_max, ..Config::for_cores(NonZeroUsize::MIN) }
}

/// A server on a port of its own.
pub struct TestServer {
    pub address: SocketAddr,
    pub registry: Registry,
    shutdown: Option<oneshot::Sender<()>>,
    server: JoinHandle<Result<Stopped, ServeError>>,
}

impl TestServer {
    /// Starts a server of the tiny model.
    pub async fn start() -> TestServer {
        TestServer::start_with(Registry::new(Arc::new(tiny_model())), config()).await
    }

    pub async fn start_with(registry: Registry, config: Config) -> TestServer {
        TestServer::start_with_extras(registry, config, Extras::default()).await
    }

    pub async fn start_with_extras(
        registry: Registry,
        config: Config,
        extras: Extras,
    ) -> TestServer {
        // The port is open from here on, so a client needs no retry and a test no sleep.
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (shutdown, asked) = oneshot::channel();
        let models = registry.clone();
        let server = tokio::spawn(server::serve_with(listener, models, config, extras, async {
            asked.await.ok();
        }));
        TestServer { address, registry, shutdown: Some(shutdown), server }
    }

    pub async fn admin(&self) -> AdminServiceClient<Channel> {
        AdminServiceClient::new(self.channel().await)
    }

    pub fn endpoint(&self) -> Endpoint {
        Endpoint::from_shared(format!("http://{}", self.address)).unwrap()
    }

    /// Returns a new connection.
    pub async fn channel(&self) -> Channel {
        self.endpoint().connect().await.unwrap()
    }

    pub async fn classifier(&self) -> ClassifierServiceClient<Channel> {
        let client = ClassifierServiceClient::new(self.channel().await);
        client.max_decoding_message_size(2 * BATCH_BYTES_MAX)
    }

    pub async fn models(&self) -> ModelServiceClient<Channel> {
        ModelServiceClient::new(self.channel().await)
    }

    pub async fn health(&self) -> HealthClient<Channel> {
        HealthClient::new(self.channel().await)
    }

    /// Asks the server to stop.
    pub fn leave(&mut self) {
        self.shutdown.take().expect("a server leaves once").send(()).unwrap();
    }

    /// Waits until the server takes no connections any more.
    pub async fn closed(&self) {
        let address = self.address;
        within(async move {
            while tokio::net::TcpStream::connect(address).await.is_ok() {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }

    /// Waits until the server has stopped.
    pub async fn stopped(self) -> Stopped {
        within(self.server).await.unwrap().unwrap()
    }

    /// Stops the server, and fails the test if it did not stop cleanly.
    pub async fn stop(mut self) {
        self.leave();
        assert_eq!(self.stopped().await, Stopped::Drained);
    }

    /// Drops the future that serves.
    pub async fn abort(self) {
        self.server.abort();
        assert!(self.server.await.unwrap_err().is_cancelled());
    }
}

/// Waits for `future`, and fails the test rather than wait for ever.
pub async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it takes too long")
}

pub fn document(text: impl Into<String>) -> ClassifyRequest {
    ClassifyRequest { text: text.into(), ..ClassifyRequest::default() }
}

pub fn with_evidence(text: &str, evidence_max: u32) -> ClassifyRequest {
    ClassifyRequest {
        options: Some(ClassifyOptions { evidence_max, ..ClassifyOptions::default() }),
        ..document(text)
    }
}

/// Returns what was decided: a label, or the name of the reason for abstaining.
pub fn decided(response: &ClassifyResponse) -> &str {
    match response.decision.as_ref().unwrap().outcome.as_ref().unwrap() {
        Outcome::Label(label) => label,
        Outcome::Abstention(Abstention { reason }) => {
            AbstentionReason::try_from(*reason).unwrap().as_str_name()
        }
    }
}

/// Returns the field that a status blames, with its code in front.
pub fn blamed(status: &Status) -> String {
    let request = status.get_details_bad_request();
    let violations = request.map(|request| request.field_violations).unwrap_or_default();
    let fields: Vec<String> = violations.into_iter().map(|violation| violation.field).collect();
    format!("{:?} {}", status.code(), fields.join(","))
}

/// Returns the reason by which a program tells a status from others.
pub fn reason(status: &Status) -> String {
    status.get_details_error_info().map(|info| info.reason).unwrap_or_default()
}

/// Returns the status that stands in an answer.
pub fn status_of(error: &tonic_types::pb::Status) -> Status {
    use prost::Message as _;
    Status::with_details(error.code.into(), error.message.clone(), error.encode_to_vec().into())
}
