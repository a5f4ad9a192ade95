//! Which service answers to which path.

use tonic::{codec::CompressionEncoding, service::Routes};
use tonic_health::pb::health_server::HealthServer;

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
