//! Whether a request may be made.

use std::time::SystemTime;

use http::{HeaderMap, header::AUTHORIZATION};

use super::{Security, tokens::Standing};
use crate::server::refusal::Refusal;

/// What somebody may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum Role {
    /// Have documents labelled, and see which models do that.
    Call,
    /// Change the models.
    Admin,
}

impl Security {
    /// Tells whether a request with `headers` may do what takes `role`.
    pub(in crate::server) fn check(&self, headers: &HeaderMap, role: Role) -> Result<(), Refusal> {
        let Some(tokens) = self.tokens() else { return Ok(()) };
        let shown = headers.get(AUTHORIZATION).and_then(|value| bearer(value.as_bytes()));
        let shown = shown.ok_or(Refusal::NoToken)?;
        match tokens.standing(shown, role, SystemTime::now()) {
            Standing::Good => Ok(()),
            Standing::Unknown => Err(Refusal::UnknownToken),
            Standing::Expired => Err(Refusal::ExpiredToken),
            Standing::OtherRole => Err(Refusal::OtherRole),
        }
    }
}

/// Returns the token of `Bearer <token>` (RFC 6750, section 2.1).
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(7)?;
    let token = token.trim_ascii();
    (scheme.eq_ignore_ascii_case(b"Bearer ") && !token.is_empty()).then_some(token)
}
