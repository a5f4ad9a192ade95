//! How far a server has come on its way to its end.

use tokio::sync::watch;

/// How far a server has come on its way to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// It serves.
    Serving,
    /// It serves, but says that it is about to stop.
    Leaving,
    /// It takes no new connections or requests, and ends those under way.
    Closing,
}

/// Tells the phase of a server, and when it changes.
#[derive(Clone, Debug)]
pub(super) struct PhaseWatch(watch::Receiver<Phase>);

impl PhaseWatch {
    /// Makes a server's phase, and a handle that tells it.
    pub(super) fn channel() -> (watch::Sender<Phase>, PhaseWatch) {
        let (sender, receiver) = watch::channel(Phase::Serving);
        (sender, PhaseWatch(receiver))
    }

    /// Returns the phase, and takes note of it.
    ///
    /// A server that is no more is closing.
    pub(super) fn now(&mut self) -> Phase {
        if self.0.has_changed().is_err() { Phase::Closing } else { *self.0.borrow_and_update() }
    }

    /// Waits until the phase is another than the one that was noted last, or the server is no more.
    pub(super) async fn changed(&mut self) {
        let _ = self.0.changed().await;
    }

    /// Waits until the server closes, or is no more.
    pub(super) async fn closing(mut self) {
        let _ = self.0.wait_for(|&phase| phase == Phase::Closing).await;
    }
}
