//! Who may speak with the server, and who may hear it.
//!
//! Certificates and tokens come from files, and are read again when those change. What is wrong with a new
//! file is said, and the ones before go on.

mod access;
mod date;
mod tls;
mod tokens;

use std::{sync::Arc, time::Duration};

use tokio::{sync::Notify, time};

pub(super) use self::{access::Role, tls::Tls};
pub use self::{
    tls::{TlsError, TlsFiles},
    tokens::{TokenError, Tokens, hash_token},
};
use super::registry::Registry;

/// Who may speak with the server, and who may hear it. Each clone is a handle to the same.
#[derive(Clone, Debug)]
pub struct Security(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    tls: Option<Tls>,
    tokens: Option<Tokens>,
    wake: Notify,
}

impl Security {
    /// Speaks TLS with `tls`, and listens only to those who have one of `tokens`, each if it is given.
    pub fn new(tls: Option<TlsFiles>, tokens: Option<Tokens>) -> Result<Security, TlsError> {
        let tls = tls.map(Tls::open).transpose()?;
        Ok(Security(Arc::new(Parts { tls, tokens, wake: Notify::new() })))
    }

    /// Has the files read now instead of when it is time.
    pub fn look_soon(&self) {
        self.0.wake.notify_one();
    }

    pub(super) fn tls(&self) -> Option<&Tls> {
        self.0.tls.as_ref()
    }

    pub(super) fn tokens(&self) -> Option<&Tokens> {
        self.0.tokens.as_ref()
    }

    /// Reads the files again and again, for ever, and tells `registry` what is wrong with them.
    pub(super) async fn keep(self, interval: Duration, registry: Registry) {
        loop {
            let _ = time::timeout(interval, self.0.wake.notified()).await;
            let (security, registry) = (self.clone(), registry.clone());
            // It only fails if the work panics, which is told where that happens.
            let _ = tokio::task::spawn_blocking(move || security.look(&registry)).await;
        }
    }

    fn look(&self, registry: &Registry) {
        if let Some(tls) = self.tls() {
            registry.problem("tls", tls.reload().err().map(|error| chain(&error)));
        }
        if let Some(tokens) = self.tokens() {
            registry.problem("tokens", tokens.reload().err().map(|error| chain(&error)));
        }
    }
}

/// Returns an error with its causes, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
