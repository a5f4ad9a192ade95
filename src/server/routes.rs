//! Which service answers to which path.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use http::{Request, Response};
use tonic::{body::Body, codec::CompressionEncoding, service::Routes};
use tonic_health::pb::health_server::HealthServer;
use tower::{Layer, Service};

use super::{
    admin::AdminDesk, classifier::Classifier, config::Config, health::HealthDesk, limits::Limits,
    messages::StreamTimes, models::ModelDesk, phase::PhaseWatch, reflection, registry::Registry,
    supply::Keeper,
};
use crate::proto::{
    admin_service_server::AdminServiceServer, classifier_service_server::ClassifierServiceServer,
    model_service_server::ModelServiceServer,
};

/// The path of batches, whose messages are longer than those of the rest of their service.
const BATCH_PATH: &str = "/newsdesk.v1.ClassifierService/BatchClassify";

/// The path of single documents, which need no router.
const CLASSIFY_PATH: &str = "/newsdesk.v1.ClassifierService/Classify";

/// See [`ShortCut`].
#[derive(Clone, Debug)]
pub(super) struct ShortCutLayer {
    classifier: ClassifierServiceServer<Classifier>,
}

/// Hands single documents to their service, and all else to the router.
///
/// Behind the router a request and its answer are boxed twice more, and the path is taken apart: for a
/// headline that costs a fifth of what its scoring does.
#[derive(Clone, Debug)]
pub(super) struct ShortCut<S> {
    classifier: ClassifierServiceServer<Classifier>,
    router: S,
}

impl ShortCutLayer {
    pub(super) fn new(registry: &Registry, config: &Config, phase: &PhaseWatch) -> ShortCutLayer {
        let bytes_max = Limits::of(config).messages.document;
        ShortCutLayer { classifier: classifier(registry, config, phase, bytes_max) }
    }
}

impl<S> Layer<S> for ShortCutLayer {
    type Service = ShortCut<S>;

    fn layer(&self, router: S) -> ShortCut<S> {
        ShortCut { classifier: self.classifier.clone(), router }
    }
}

impl<S> Service<Request<Body>> for ShortCut<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.router.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if request.uri().path() == CLASSIFY_PATH {
            self.classifier.call(request)
        } else {
            Box::pin(self.router.call(request))
        }
    }
}

/// Returns the services of a server, each at its paths.
pub(super) fn routes(
    registry: &Registry,
    config: &Config,
    phase: &PhaseWatch,
    admin: Option<Keeper>,
) -> Result<Routes, tonic_reflection::server::Error> {
    let messages = Limits::of(config).messages;
    let models = ModelDesk { registry: registry.clone() };
    let models = ModelServiceServer::new(models).max_decoding_message_size(messages.small);
    let mut routes = Routes::new(classifier(registry, config, phase, messages.document));
    routes = routes.add_service(models);
    if config.health {
        let health = HealthDesk { registry: registry.clone(), phase: phase.clone() };
        let health = HealthServer::new(health).max_decoding_message_size(messages.small);
        routes = routes.add_service(health);
    }
    if config.reflection {
        let (current, old) =
            (reflection::current(admin.is_some())?, reflection::old(admin.is_some())?);
        routes = routes
            .add_service(current.max_decoding_message_size(messages.small))
            .add_service(old.max_decoding_message_size(messages.small));
    }
    if let Some(keeper) = admin {
        let admin = AdminServiceServer::new(AdminDesk { keeper });
        routes = routes.add_service(admin.max_decoding_message_size(messages.small));
    }
    let batches = classifier(registry, config, phase, messages.batch);
    Ok(Routes::from(routes.into_axum_router().route_service(BATCH_PATH, batches)))
}

/// Returns the service that labels documents, for messages of at most `bytes_max`, compressed or not.
fn classifier(
    registry: &Registry,
    config: &Config,
    phase: &PhaseWatch,
    bytes_max: usize,
) -> ClassifierServiceServer<Classifier> {
    let classifier = Classifier {
        registry: registry.clone(),
        phase: phase.clone(),
        limits: Limits::of(config),
        stream_times: StreamTimes {
            idle_max: config.stream_idle_max,
            age_max: config.connection_age_max,
        },
    };
    let service = ClassifierServiceServer::new(classifier)
        .max_decoding_message_size(bytes_max)
        .accept_compressed(CompressionEncoding::Gzip)
        .accept_compressed(CompressionEncoding::Zstd);
    if !config.compress_answers {
        return service;
    }
    service.send_compressed(CompressionEncoding::Gzip).send_compressed(CompressionEncoding::Zstd)
}
