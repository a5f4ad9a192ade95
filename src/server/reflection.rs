//! The contract, told by the server itself, for clients that have no copy of it.

use tonic_health::pb::health_server;
use tonic_reflection::{
    pb::{
        v1::server_reflection_server as v1_server,
        v1alpha::server_reflection_server as v1alpha_server,
    },
    server::{Builder, Error, v1, v1alpha},
};

use crate::proto::{self, admin_service_server, classifier_service_server, model_service_server};

/// Returns the reflection service that is current.
pub(super) fn current(
    has_admin: bool,
) -> Result<v1::ServerReflectionServer<impl v1::ServerReflection>, Error> {
    described(has_admin).with_service_name(v1_server::SERVICE_NAME).build_v1()
}

/// Returns the reflection service that older clients ask.
pub(super) fn old(
    has_admin: bool,
) -> Result<v1alpha::ServerReflectionServer<impl v1alpha::ServerReflection>, Error> {
    described(has_admin).with_service_name(v1alpha_server::SERVICE_NAME).build_v1alpha()
}

/// Services are listed by name, so that none shows up because a file happens to describe it.
fn described(has_admin: bool) -> Builder<'static> {
    let described = Builder::configure()
        .register_encoded_file_descriptor_set(proto::DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .with_service_name(classifier_service_server::SERVICE_NAME)
        .with_service_name(model_service_server::SERVICE_NAME)
        .with_service_name(health_server::SERVICE_NAME);
    if has_admin {
        described.with_service_name(admin_service_server::SERVICE_NAME)
    } else {
        described
    }
}
