//! What a request may ask for, and how many requests there may be at once.

use std::{num::NonZeroUsize, sync::Arc};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::{Request, Status, service::Interceptor};

use super::{refusal::Refusal, status};

/// The most documents of a batch. With more, the answer of the first is held up for no gain: beyond
/// some hundred documents the costs of a request are negligible.
pub const BATCH_DOCUMENTS_MAX: usize = 256;

/// The most evidence that can be asked for. An article has fewer features; a whole book would only
/// make the answer larger than its text.
pub const EVIDENCE_MAX: u32 = 1000;

/// The longest `id` in a stream, in bytes: room for any address or key.
pub const STREAM_ID_BYTES_MAX: usize = 256;

/// The longest message that is read, in bytes: 16 MiB of documents, and 256 bytes for each of a batch's
/// 256, which is more than a model's name, options and lengths can take.
pub const MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024 + 256 * BATCH_DOCUMENTS_MAX;

/// Gives each request a place, or refuses it at once when all places are taken.
///
/// A request is refused before its message is read, so a refused one costs neither memory nor time.
/// Waiting instead would hide from clients and load balancers that there is too much to do.
#[derive(Clone, Debug)]
pub(super) struct Places {
    free: Arc<Semaphore>,
    max: usize,
}

/// A place that is taken. It stands in the extensions of the request: whoever holds those, holds it.
#[derive(Clone, Debug)]
struct Place {
    _permit: Arc<OwnedSemaphorePermit>,
}

impl Places {
    pub(super) fn new(max: NonZeroUsize) -> Places {
        let max = max.get().min(Semaphore::MAX_PERMITS);
        Places { free: Arc::new(Semaphore::new(max)), max }
    }

    /// Returns the number of places that are taken.
    pub(super) fn taken(&self) -> usize {
        self.max - self.free.available_permits()
    }
}

impl Interceptor for Places {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let permit = Arc::clone(&self.free)
            .try_acquire_owned()
            .map_err(|_| status::of(&Refusal::Overloaded { requests_max: self.max }, ""))?;
        request.extensions_mut().insert(Place { _permit: Arc::new(permit) });
        Ok(request)
    }
}
