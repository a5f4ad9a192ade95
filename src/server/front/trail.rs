//! By what a request is found again in the logs, here and elsewhere.

use std::{
    fmt::Write as _,
    hash::{BuildHasher as _, RandomState},
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};

use http::{HeaderMap, HeaderName, HeaderValue};

/// The header that names a request, in the request and in its answer.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The header of W3C Trace Context.
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The longest name that is taken over from a client.
const REQUEST_ID_BYTES_MAX: usize = 64;

/// By what a request is found again.
#[derive(Clone, Debug)]
pub(super) struct Trail {
    /// The client's name for the request if it has one that can be logged, or else one of ours.
    pub(super) request_id: HeaderValue,
    /// The [`TRACEPARENT`], if there is one.
    parent: Option<HeaderValue>,
}

impl Trail {
    pub(super) fn of(headers: &HeaderMap) -> Trail {
        let given = headers.get(REQUEST_ID).filter(|value| is_id(value.as_bytes()));
        let mut request_id = given.cloned().unwrap_or_else(new_id);
        // No two answers share it. In the connection's table of headers it would push out those that they
        // do share, and be compared with all its predecessors. To HTTP/2, "sensitive" is "not in the table".
        request_id.set_sensitive(true);
        let parent = headers.get(TRACEPARENT).filter(|value| is_traceparent(value.as_bytes()));
        Trail { request_id, parent: parent.cloned() }
    }

    pub(super) fn request_id(&self) -> &str {
        self.request_id.to_str().unwrap_or_default()
    }

    /// Returns the `traceparent` of the request, if it has one that keeps to the format.
    pub(super) fn parent(&self) -> Option<&str> {
        self.parent.as_ref().and_then(|parent| parent.to_str().ok())
    }

    /// Returns the trace and the span that the request belongs to, each empty if there is none.
    pub(super) fn trace(&self) -> (&str, &str) {
        self.parent().map_or(("", ""), |parent| (&parent[3..35], &parent[36..52]))
    }
}

fn is_id(value: &[u8]) -> bool {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
    (1..=REQUEST_ID_BYTES_MAX).contains(&value.len()) && value.iter().all(is_plain)
}

/// Tells whether `value` is `00-<trace, 32>-<span, 16>-<flags, 2>` in small hexadecimal digits, with
/// neither of the two all zeros. Later versions may go on after that.
fn is_traceparent(value: &[u8]) -> bool {
    let is_hex = |part: &[u8]| part.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let is_some = |part: &[u8]| is_hex(part) && part.iter().any(|&byte| byte != b'0');
    let (Some(head), rest) = (value.get(..55), value.get(55)) else { return false };
    let version = &head[..2];
    let is_long = version != b"00" && rest == Some(&b'-');
    is_hex(version)
        && version != b"ff"
        && (rest.is_none() || is_long)
        && [2, 35, 52].iter().all(|&dash| head[dash] == b'-')
        && is_some(&head[3..35])
        && is_some(&head[36..52])
        && is_hex(&head[53..])
}

/// Returns a name that no other request of this server has, nor is likely to have one of another server.
fn new_id() -> HeaderValue {
    static SERVER: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(0));
    static REQUEST: AtomicU64 = AtomicU64::new(0);
    let mut id = String::with_capacity(32);
    let n = REQUEST.fetch_add(1, Ordering::Relaxed);
    write!(id, "{:016x}-{n:x}", *SERVER).expect("a string takes anything");
    HeaderValue::try_from(id).expect("hexadecimal digits can stand in a header")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_traceparent_is_read_if_it_keeps_to_the_format() {
        let of = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("traceparent", value.parse().unwrap());
            let trail = Trail::of(&headers);
            let (trace, span) = trail.trace();
            format!("{trace} {span}")
        };
        let read = "4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba902b7";
        assert_eq!(of(PARENT), read);
        assert_eq!(of(&PARENT.replacen("00", "cc", 1)), read);
        assert_eq!(of(&(PARENT.replacen("00", "cc", 1) + "-more")), read);
        for wrong in [
            String::new(),
            PARENT.replacen("00", "ff", 1),
            PARENT.to_uppercase(),
            PARENT[..54].to_owned(),
            PARENT.to_owned() + "-more",
            PARENT.replace("00f067aa0ba902b7", "0000000000000000"),
            PARENT.replace('-', "_"),
        ] {
            assert_eq!(of(&wrong), " ", "{wrong}");
        }
    }

    #[test]
    fn an_id_is_taken_over_if_it_is_plain_and_short() {
        let of = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, value.parse().unwrap());
            Trail::of(&headers).request_id().to_owned()
        };
        assert_eq!(of("a.B_c-1"), "a.B_c-1");
        assert_eq!(of(&"x".repeat(64)), "x".repeat(64));
        for wrong in ["", "two words", "a\tb", &"x".repeat(65)] {
            assert_eq!(of(wrong).len(), of("").len().max(18), "{wrong}");
        }
        assert_ne!(of(""), of(""));
    }
}
