//! The service that tells which models are served.

use tonic::{Request, Response, Status};

use super::{convert, refusal::Refusal, registry::Registry, status};
use crate::proto::{
    GetModelRequest, GetModelResponse, ListModelsRequest, ListModelsResponse,
    model_service_server::ModelService,
};

/// The service that tells which models are served.
#[derive(Clone, Debug)]
pub(super) struct ModelDesk {
    pub(super) registry: Registry,
}

#[tonic::async_trait]
impl ModelService for ModelDesk {
    async fn list_models(
        &self,
        _: Request<ListModelsRequest>,
    ) -> Result<Response<ListModelsResponse>, Status> {
        let models = self.registry.models();
        let models = models.current().map(|model| convert::description(model)).collect();
        Ok(Response::new(ListModelsResponse { models }))
    }

    async fn get_model(
        &self,
        request: Request<GetModelRequest>,
    ) -> Result<Response<GetModelResponse>, Status> {
        let GetModelRequest { name } = request.into_inner();
        let models = self.registry.models();
        let found = models.find(&name);
        let model = found.map_err(|error| status::of(&Refusal::Model(error), ""))?;
        Ok(Response::new(GetModelResponse { model: Some(convert::description(model)) }))
    }
}
