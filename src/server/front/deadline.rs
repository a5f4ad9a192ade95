//! When a request is to be answered.

use std::time::Duration;

use http::{HeaderMap, HeaderName};
use tokio::time::Instant;

use super::super::refusal::Refusal;

/// The header of a client's deadline.
const TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// How much sooner than its client's deadline a request ends: an answer that says so has to travel, too,
/// and to come before the client, and the network library of this server, end it in words of their own.
const LEAD_MAX: Duration = Duration::from_millis(5);

/// When a request is to be answered, or a stream to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) struct Deadline {
    pub(in crate::server) at: Instant,
    is_clients: bool,
}

impl Deadline {
    /// Returns the deadline of a request that came `now`: the client's, or the server's if that is sooner.
    pub(super) fn of(headers: &HeaderMap, now: Instant, time_max: Duration) -> Deadline {
        let clients = headers.get(TIMEOUT).and_then(|value| parse(value.as_bytes()));
        let clients = clients.map(|timeout| timeout.saturating_sub(LEAD_MAX.min(timeout / 4)));
        let timeout = clients.map_or(time_max, |timeout| timeout.min(time_max));
        Deadline { at: now + timeout, is_clients: clients == Some(timeout) }
    }

    /// Tells whether the client has set it. The server's own is no deadline for a stream.
    pub(in crate::server) fn is_clients(self) -> bool {
        self.is_clients
    }

    /// Returns the refusal of a request that was not answered in time.
    pub(in crate::server) fn refusal(self) -> Refusal {
        if self.is_clients { Refusal::Deadline } else { Refusal::TooSlow }
    }
}

/// Reads a `grpc-timeout`: at most eight digits and a unit. What cannot be read is no deadline, as in
/// other servers.
fn parse(value: &[u8]) -> Option<Duration> {
    let (unit, digits) = value.split_last()?;
    if digits.is_empty() || 8 < digits.len() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let n: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    match unit {
        b'H' => Some(Duration::from_secs(n * 3600)),
        b'M' => Some(Duration::from_secs(n * 60)),
        b'S' => Some(Duration::from_secs(n)),
        b'm' => Some(Duration::from_millis(n)),
        b'u' => Some(Duration::from_micros(n)),
        b'n' => Some(Duration::from_nanos(n)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_read_with_their_units() {
        let seconds = |n| Some(Duration::from_secs(n));
        for (value, expected) in [
            ("2H", seconds(7200)),
            ("2M", seconds(120)),
            ("99999999S", seconds(99_999_999)),
            ("1500m", Some(Duration::from_millis(1500))),
            ("7u", Some(Duration::from_micros(7))),
            ("0n", Some(Duration::ZERO)),
            ("", None),
            ("S", None),
            ("100000000S", None),
            ("-1S", None),
            ("1s", None),
        ] {
            assert_eq!(parse(value.as_bytes()), expected, "{value}");
        }
    }

    #[test]
    fn the_sooner_of_the_clients_and_the_servers_deadline_holds() {
        let now = Instant::now();
        let of = |timeout: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("grpc-timeout", timeout.parse().unwrap());
            Deadline::of(&headers, now, Duration::from_secs(1))
        };
        let in_ms = |ms, is_clients| Deadline { at: now + Duration::from_millis(ms), is_clients };
        assert_eq!(of("100m"), in_ms(95, true));
        assert_eq!(of("8m"), in_ms(6, true));
        assert_eq!(of("1M"), in_ms(1000, false));
        assert_eq!(Deadline::of(&HeaderMap::new(), now, Duration::ZERO), in_ms(0, false));
    }
}
