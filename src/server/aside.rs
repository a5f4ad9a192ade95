//! Threads for requests whose messages take long to read.

use std::{io, thread};

use tokio::{
    runtime::{Builder, Handle, Runtime},
    task::{JoinError, JoinSet},
};

use super::work;

/// A runtime of its own, whose threads stand back behind those that serve connections.
///
/// The network library unpacks a message wherever the request is waited for. A mebibyte takes milliseconds, in which a
/// thread that serves connections would leave refusals and health waiting.
#[derive(Debug)]
pub(super) struct AsideRuntime(Option<Runtime>);

/// The way to an [`AsideRuntime`].
#[derive(Clone, Debug)]
pub(super) struct Aside(Handle);

impl AsideRuntime {
    pub(super) fn start() -> io::Result<AsideRuntime> {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(threads).thread_name("aside").on_thread_start(work::step_back);
        Ok(AsideRuntime(Some(builder.build()?)))
    }

    pub(super) fn aside(&self) -> Aside {
        let runtime = self.0.as_ref().expect("it is there until it is dropped");
        Aside(runtime.handle().clone())
    }
}

impl Drop for AsideRuntime {
    fn drop(&mut self) {
        // Waiting for its threads is not possible here, and nothing is left that they are needed for.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Aside {
    /// Waits for `work` aside. It fails if the work panicked, or the server is gone.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, JoinError> {
        // A set gives up what is in it when it is dropped, as a handle does not.
        let mut task = JoinSet::new();
        task.spawn_on(work, &self.0);
        task.join_next().await.expect("there is one")
    }
}
