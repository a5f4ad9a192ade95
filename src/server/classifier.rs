//! The service that labels documents.

use std::{pin::Pin, sync::Arc};

use rayon::prelude::{
    IndexedParallelIterator as _, IntoParallelRefIterator as _, ParallelIterator as _,
};
use tokio_stream::{Stream, StreamExt as _};
use tonic::{Request, Response, Status, Streaming};

use super::{
    check, convert,
    front::{Deadline, LongAnswer},
    limits::{Limits, STREAM_ID_BYTES_MAX},
    messages::{Messages, StreamTimes},
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
    pub(super) limits: Limits,
    pub(super) stream_times: StreamTimes,
}

#[tonic::async_trait]
impl ClassifierService for Classifier {
    async fn classify(
        &self,
        request: Request<ClassifyRequest>,
    ) -> Result<Response<ClassifyResponse>, Status> {
        let models = self.registry.models();
        let bytes = document_bytes(request.get_ref());
        let limits = self.limits;
        let answered = work::run(bytes, move || answer(request.get_ref(), &models, &limits)).await;
        let response = answered.map(Response::new).map_err(|refusal| status::of(&refusal, ""))?;
        Ok(if work::is_long(bytes) { long(response) } else { response })
    }

    async fn batch_classify(
        &self,
        request: Request<BatchClassifyRequest>,
    ) -> Result<Response<BatchClassifyResponse>, Status> {
        let limits = self.limits;
        check::batch(request.get_ref(), &limits).map_err(|refusal| status::of(&refusal, ""))?;
        let models = self.registry.models();
        let work =
            move |is_gone: &work::ClientGone<'_>| outcomes(&request, &models, &limits, is_gone);
        let outcomes = work::on_pool(work).await.map_err(|refusal| status::of(&refusal, ""))?;
        Ok(long(Response::new(BatchClassifyResponse { outcomes })))
    }

    type StreamClassifyStream =
        Pin<Box<dyn Stream<Item = Result<StreamClassifyResponse, Status>> + Send>>;

    async fn stream_classify(
        &self,
        request: Request<Streaming<StreamClassifyRequest>>,
    ) -> Result<Response<Self::StreamClassifyStream>, Status> {
        let (registry, limits) = (self.registry.clone(), self.limits);
        let deadline = request.extensions().get::<Deadline>().copied();
        let messages = Messages::new(
            request,
            self.phase.clone(),
            self.stream_times,
            deadline,
            limits.messages,
        );
        // The next message is asked for when the answer to the one before has been taken.
        let answers =
            messages.then(move |message| answer_in_stream(message, registry.models(), limits));
        Ok(Response::new(Box::pin(answers)))
    }
}

/// Says of an answer that it can take long to write.
fn long<T>(mut response: Response<T>) -> Response<T> {
    response.extensions_mut().insert(LongAnswer);
    response
}

/// Returns what one of `models` says to `request`. Everything that is served comes through here.
fn answer(
    request: &ClassifyRequest,
    models: &Models,
    limits: &Limits,
) -> Result<ClassifyResponse, Refusal> {
    let reading = check::reading(request, limits)?;
    let question = check::question(request, &reading)?;
    let model = models.find(&request.model)?;
    let page = question.answer(model)?;
    model.tally.add(&page.answer, document_bytes(request));
    if let Some(shadow) = models.shadow().filter(|shadow| shadow.is_of(model)) {
        shadow.consider(request, page.answer.decision);
    }
    Ok(convert::response(model, page, question.wants_passages, &reading))
}

fn document_bytes(request: &ClassifyRequest) -> usize {
    request.title.len() + request.text.len()
}

/// Returns the outcome of each document of a batch, in their order.
fn outcomes(
    request: &Request<BatchClassifyRequest>,
    models: &Models,
    limits: &Limits,
    is_gone: &work::ClientGone<'_>,
) -> Result<Vec<ClassifyOutcome>, Refusal> {
    let requests = request.get_ref().requests.par_iter().enumerate();
    requests
        .map(|(index, request)| {
            if is_gone() {
                return Err(Refusal::ClientGone);
            }
            let outcome = match work::guarded(|| answer(request, models, limits)) {
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
    limits: Limits,
) -> Result<StreamClassifyResponse, Status> {
    let StreamClassifyRequest { mut id, request } = message?;
    // A client whose documents are always there would keep the thread to itself.
    tokio::task::consume_budget().await;
    let outcome = match stream_outcome(&id, request, models, limits).await {
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
    limits: Limits,
) -> Result<ClassifyResponse, (Refusal, &'static str)> {
    check::id(id).map_err(|refusal| (refusal, ""))?;
    let request = request.ok_or((Refusal::NoDocument, ""))?;
    let bytes = document_bytes(&request);
    let answered = work::run(bytes, move || answer(&request, &models, &limits)).await;
    answered.map_err(|refusal| (refusal, "request."))
}
