//! Where work is done, and what becomes of it if it fails.
//!
//! The threads of the runtime serve all connections. An ordinary document takes them less time than
//! handing it over would; a long one, or many, would hold up everybody else.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::LazyLock,
};

use rayon::{ThreadPool, ThreadPoolBuilder};
use tokio::sync::oneshot;

use super::refusal::Refusal;

/// The longest document that is worked on by a thread of the runtime, in bytes. More than two articles; as a page,
/// with evidence for each passage, it takes half a millisecond.
const HERE_BYTES_MAX: usize = 16 * 1024;

/// The threads for what takes long, one for each core.
pub(super) static POOL: LazyLock<ThreadPool> = LazyLock::new(|| {
    let pool = ThreadPoolBuilder::new().thread_name(|n| format!("pool-{n}"));
    pool.start_handler(|_| step_back()).build().expect("a server can start threads")
});

/// How much the threads of the pool stand back behind those that serve connections, in steps of the system's
/// priority. When both are wanted at once, refusals and health go first, and a document takes a little longer.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 5;

/// Has the thread that calls this stand back. If the system does not allow it, all are equal.
pub(super) fn step_back() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::nice(NICENESS);
}

/// Does `work` on a document of `document_bytes`, here or on the pool, wherever it is in nobody's way.
pub(super) async fn run<T: Send + 'static>(
    document_bytes: usize,
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    if is_long(document_bytes) { on_pool(|_| work()).await } else { guarded(work) }
}

/// Tells whether a document of `document_bytes` takes long.
pub(super) fn is_long(document_bytes: usize) -> bool {
    HERE_BYTES_MAX < document_bytes
}

/// Does `work` on the pool, which has a thread for each core.
///
/// The pool's queue is bounded by the places for requests, since `work` keeps its request's place. Work
/// whose client has gone away is not begun, and `work` can ask about that too.
pub(super) async fn on_pool<T: Send + 'static>(
    work: impl FnOnce(&ClientGone<'_>) -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    let (sender, receiver) = oneshot::channel();
    POOL.spawn(move || {
        let is_gone = || sender.is_closed();
        let result = if is_gone() { Err(Refusal::ClientGone) } else { guarded(|| work(&is_gone)) };
        // If the client has gone away meanwhile, nobody misses the answer.
        let _ = sender.send(result);
    });
    receiver.await.unwrap_or(Err(Refusal::Panic))
}

/// Tells whether nobody waits for the answer any more.
pub(super) type ClientGone<'a> = dyn Fn() -> bool + Sync + 'a;

/// Does `work`. If it panics, which is a fault of the server, only this request suffers.
///
/// The message of the panic is not logged: it could quote the document.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T, Refusal>) -> Result<T, Refusal> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        tracing::error!("request failed with a panic");
        Err(Refusal::Panic)
    })
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Barrier,
        atomic::{AtomicBool, Ordering},
    };
    use std::{
        sync::Arc,
        task::{Context, Poll, Waker},
    };

    use super::*;

    #[test]
    fn work_whose_client_has_gone_is_not_begun() {
        // All threads of the pool are kept busy until the client has gone.
        let threads = POOL.current_num_threads();
        let barrier = Arc::new(Barrier::new(threads + 1));
        for _ in 0..threads {
            let barrier = Arc::clone(&barrier);
            POOL.spawn(move || {
                barrier.wait();
            });
        }
        let was_begun = Arc::new(AtomicBool::new(false));
        let begin = Arc::clone(&was_begun);
        let mut work = Box::pin(on_pool(move |_| {
            begin.store(true, Ordering::SeqCst);
            Ok(())
        }));
        let mut context = Context::from_waker(Waker::noop());
        assert!(matches!(work.as_mut().poll(&mut context), Poll::Pending));
        drop(work);
        barrier.wait();
        // What comes after it is done when it has been passed over.
        POOL.broadcast(|_| {});
        let (done, is_done) = std::sync::mpsc::channel();
        POOL.spawn(move || done.send(()).unwrap());
        is_done.recv().unwrap();
        assert!(!was_begun.load(Ordering::SeqCst));
    }
}
