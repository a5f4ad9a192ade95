//! Whether there is a model and the server goes on, in the words of `grpc.health.v1`.
//!
//! tonic-health has a service of its own, but it has to be told of each change, and its watches never
//! end: one client that watches would hold up every stop until it is cut off. Its messages are used.

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse,
    health_check_response::ServingStatus,
    health_server::{self, Health},
};

use super::{
    phase::{Phase, PhaseWatch},
    refusal::Refusal,
    registry::Registry,
    status,
};
use crate::proto::{classifier_service_server, model_service_server};

/// The services whose health can be asked for. The empty name is the whole server's.
const SERVICES: [&str; 4] = [
    "",
    classifier_service_server::SERVICE_NAME,
    model_service_server::SERVICE_NAME,
    health_server::SERVICE_NAME,
];

/// Tells whether there is a model and the server goes on.
#[derive(Clone, Debug)]
pub(super) struct HealthDesk {
    pub(super) registry: Registry,
    pub(super) phase: PhaseWatch,
}

#[tonic::async_trait]
impl Health for HealthDesk {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        let HealthCheckRequest { service } = request.into_inner();
        if !SERVICES.contains(&service.as_str()) {
            return Err(status::of(&Refusal::Service, ""));
        }
        Ok(Response::new(response(self.clone().status(&service))))
    }

    type WatchStream = ReceiverStream<Result<HealthCheckResponse, Status>>;

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let HealthCheckRequest { service } = request.into_inner();
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(self.clone().tell(service, sender));
        Ok(Response::new(ReceiverStream::new(receiver)))
    }
}

impl HealthDesk {
    /// Returns the status of `service`, and takes note of the phase that it comes from.
    fn status(&mut self, service: &str) -> ServingStatus {
        let is_serving = self.phase.now() == Phase::Serving && !self.registry.models().is_empty();
        match (SERVICES.contains(&service), is_serving) {
            // The protocol has it that a watch waits for a service that may yet come.
            (false, _) => ServingStatus::ServiceUnknown,
            (true, true) => ServingStatus::Serving,
            (true, false) => ServingStatus::NotServing,
        }
    }

    /// Sends the status of `service`, and again when it changes, until the client or the server leaves.
    async fn tell(
        mut self,
        service: String,
        sender: mpsc::Sender<Result<HealthCheckResponse, Status>>,
    ) {
        let mut models = self.registry.subscribe();
        let mut told = None;
        loop {
            let status = self.status(&service);
            if told.replace(status) != Some(status)
                && sender.send(Ok(response(status))).await.is_err()
            {
                return;
            }
            if self.phase.now() == Phase::Closing {
                return;
            }
            tokio::select! {
                _ = models.changed() => {}
                () = self.phase.changed() => {}
                () = sender.closed() => return,
            }
        }
    }
}

fn response(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse { status: status.into() }
}
