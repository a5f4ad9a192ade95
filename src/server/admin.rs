//! The service that changes which models are served.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::{
    convert,
    refusal::Refusal,
    status,
    supply::{Keeper, Shadow, Version, VersionState},
};
use crate::proto::{
    GetShadowReportRequest, GetShadowReportResponse, ListModelVersionsRequest,
    ListModelVersionsResponse, ModelVersion, ModelVersionState, PromoteModelRequest,
    PromoteModelResponse, ReloadModelsRequest, ReloadModelsResponse, RollBackModelRequest,
    RollBackModelResponse, ShadowDifference, admin_service_server::AdminService,
};

/// The service that changes which models are served.
#[derive(Clone, Debug)]
pub(super) struct AdminDesk {
    pub(super) keeper: Keeper,
}

#[tonic::async_trait]
impl AdminService for AdminDesk {
    async fn list_model_versions(
        &self,
        _: Request<ListModelVersionsRequest>,
    ) -> Result<Response<ListModelVersionsResponse>, Status> {
        let (versions, problems) = self.run(|keeper| Ok(survey(keeper))).await?;
        Ok(Response::new(ListModelVersionsResponse { versions, problems }))
    }

    async fn reload_models(
        &self,
        _: Request<ReloadModelsRequest>,
    ) -> Result<Response<ReloadModelsResponse>, Status> {
        let look = |keeper: &Keeper| {
            keeper.look();
            Ok(survey(keeper))
        };
        let (versions, problems) = self.run(look).await?;
        Ok(Response::new(ReloadModelsResponse { versions, problems }))
    }

    async fn promote_model(
        &self,
        request: Request<PromoteModelRequest>,
    ) -> Result<Response<PromoteModelResponse>, Status> {
        let PromoteModelRequest { name, version } = request.into_inner();
        let current = self.run(move |keeper| Ok(keeper.promote(&name, &version)?)).await?;
        Ok(Response::new(PromoteModelResponse { current: Some(convert::reference(&current)) }))
    }

    async fn roll_back_model(
        &self,
        request: Request<RollBackModelRequest>,
    ) -> Result<Response<RollBackModelResponse>, Status> {
        let RollBackModelRequest { name } = request.into_inner();
        let reversal = self.run(move |keeper| keeper.roll_back(&name)).await?;
        Ok(Response::new(RollBackModelResponse {
            current: Some(convert::reference(&reversal.current)),
            set_aside: Some(convert::reference(&reversal.set_aside)),
            durable: reversal.is_durable,
        }))
    }

    async fn get_shadow_report(
        &self,
        _: Request<GetShadowReportRequest>,
    ) -> Result<Response<GetShadowReportResponse>, Status> {
        let models = self.keeper.registry().models();
        let shadow = models.shadow().ok_or_else(|| status::of(&Refusal::NoShadow, ""))?;
        Ok(Response::new(report(shadow)))
    }
}

impl AdminDesk {
    /// Has the keeper do `work`, which may read files.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Keeper) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Status> {
        let done = self.keeper.on_a_thread(work).await.unwrap_or(Err(Refusal::Panic));
        done.map_err(|refusal| status::of(&refusal, ""))
    }
}

fn survey(keeper: &Keeper) -> (Vec<ModelVersion>, Vec<String>) {
    let versions = keeper.versions().into_iter().map(version).collect();
    let problems = keeper.registry().problems().into_iter();
    (versions, problems.map(|(subject, reason)| format!("{subject}: {reason}")).collect())
}

fn version(version: Version) -> ModelVersion {
    let Version { reference, state, reason } = version;
    let state = match state {
        VersionState::Current => ModelVersionState::Current,
        VersionState::Standby => ModelVersionState::Standby,
        VersionState::Shadow => ModelVersionState::Shadow,
        VersionState::SetAside => ModelVersionState::SetAside,
        VersionState::Unusable => ModelVersionState::Unusable,
    };
    ModelVersion { reference: Some(convert::reference(&reference)), state: state.into(), reason }
}

fn report(shadow: &Arc<Shadow>) -> GetShadowReportResponse {
    GetShadowReportResponse {
        current: Some(convert::reference(&shadow.current.reference)),
        shadow: Some(convert::reference(&shadow.served.reference)),
        documents: shadow.pairs().map(|pair| pair.documents).sum(),
        skipped: shadow.skipped(),
        differences: shadow
            .pairs()
            .filter(|pair| pair.current != pair.shadow)
            .map(|pair| ShadowDifference {
                current_outcome: pair.current.to_owned(),
                shadow_outcome: pair.shadow.to_owned(),
                documents: pair.documents,
            })
            .collect(),
    }
}
