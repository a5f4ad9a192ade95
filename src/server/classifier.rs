//! The service that labels documents.

use std::{pin::Pin, sync::Arc};

use rayon::prelude::{
    IndexedParallelIterator as _, IntoParallelRefIterator as _, ParallelIterator as _,
};
use tokio_stream::{Stream, StreamExt as _};
use tonic::{Request, Response, Status, Streaming};

use super::{
    check, convert,
    limits::STREAM_ID_BYTES_MAX,
    messages::Messages,
    phase::PhaseWatch,
    refusal::Refusal,
    registry::{Models, Registry},
    status, work,
};
use crate::proto::{
    BatchClassifyRequest, BatchClassifyResponse, ClassifyOutcome, ClassifyRequest,
    ClassifyResponse, StreamClassifyRequest, StreamClassifyResponse,
    classifier_service_server::ClassifierService, classify_outcome, stream_classify_response,
};

/// The service that labels documents.
#[derive(Clone, Debug)]
pub(super) struct Classifier {
    pub(super) registry: Registry,
    pub(super) phase: PhaseWatch,
}

#[tonic::async_trait]
impl ClassifierService for Classifier {
    async fn classify(
        &self,
        request: Request<ClassifyRequest>,
    ) -> Result<Response<ClassifyResponse>, Status> {
        let models = self.registry.models();
        let bytes = document_bytes(request.get_ref());
        let answered = work::run(bytes, move || answer(request.get_ref(), &models)).await;
        answered.map(Response::new).map_err(|refusal| status::of(&refusal, ""))
    }

    async fn batch_classify(
        &self,
        request: Request<BatchClassifyRequest>,
    ) -> Result<Response<BatchClassifyResponse>, Status> {
        check::batch(request.get_ref()).map_err(|refusal| status::of(&refusal, ""))?;
        let models = self.registry.models();
        let work = move |is_gone: &work::ClientGone<'_>| outcomes(&request, &models, is_gone);
        let outcomes = work::on_pool(work).await.map_err(|refusal| status::of(&refusal, ""))?;
        Ok(Response::new(BatchClassifyResponse { outcomes }))
    }

    type StreamClassifyStream =
        Pin<Box<dyn Stream<Item = Result<StreamClassifyResponse, Status>> + Send>>;

    async fn stream_classify(
        &self,
        request: Request<Streaming<StreamClassifyRequest>>,
    ) -> Result<Response<Self::StreamClassifyStream>, Status> {
        let registry = self.registry.clone();
        let messages = Messages::new(request, self.phase.clone());
        // The next message is asked for when the answer to the one before has been taken.
        let answers = messages.then(move |message| answer_in_stream(message, registry.models()));
        Ok(Response::new(Box::pin(answers)))
    }
}

/// Returns what one of `models` says to `request`. Everything that is served comes through here.
fn answer(request: &ClassifyRequest, models: &Models) -> Result<ClassifyResponse, Refusal> {
    let check::Question { document, evidence_max, thresholds, model } =
        check::question(request, models)?;
    Ok(convert::response(model, model.classify_by(&thresholds, &document, evidence_max)))
}

fn document_bytes(request: &ClassifyRequest) -> usize {
    request.title.len() + request.text.len()
}

/// Returns the outcome of each document of a batch, in their order.
fn outcomes(
    request: &Request<BatchClassifyRequest>,
    models: &Models,
    is_gone: &work::ClientGone<'_>,
) -> Result<Vec<ClassifyOutcome>, Refusal> {
    let requests = request.get_ref().requests.par_iter().enumerate();
    requests
        .map(|(index, request)| {
            if is_gone() {
                return Err(Refusal::ClientGone);
            }
            let outcome = match work::guarded(|| answer(request, models)) {
                Ok(response) => classify_outcome::Outcome::Response(response),
                Err(refusal) => classify_outcome::Outcome::Error(status::outcome(
                    &refusal,
                    &format!("requests[{index}]."),
                )),
            };
            Ok(ClassifyOutcome { outcome: Some(outcome) })
        })
        .collect()
}

async fn answer_in_stream(
    message: Result<StreamClassifyRequest, Status>,
    models: Arc<Models>,
) -> Result<StreamClassifyResponse, Status> {
    let StreamClassifyRequest { mut id, request } = message?;
    // A client whose documents are always there would keep the thread to itself.
    tokio::task::consume_budget().await;
    let outcome = match stream_outcome(&id, request, models).await {
        Ok(response) => stream_classify_response::Outcome::Response(response),
        Err((refusal, path)) => {
            stream_classify_response::Outcome::Error(status::outcome(&refusal, path))
        }
    };
    id.truncate(id.floor_char_boundary(STREAM_ID_BYTES_MAX));
    Ok(StreamClassifyResponse { id, outcome: Some(outcome) })
}

/// Returns the answer to a document of a stream, or why there is none, and where that was.
async fn stream_outcome(
    id: &str,
    request: Option<ClassifyRequest>,
    models: Arc<Models>,
) -> Result<ClassifyResponse, (Refusal, &'static str)> {
    check::id(id).map_err(|refusal| (refusal, ""))?;
    let request = request.ok_or((Refusal::NoDocument, ""))?;
    let answered = work::run(document_bytes(&request), move || answer(&request, &models)).await;
    answered.map_err(|refusal| (refusal, "request."))
}
