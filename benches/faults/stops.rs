//! SIGTERM under load, with idle and stuck clients.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{net::TcpStream, task::JoinSet};
use tonic::Code;

use crate::{
    common::{
        GEOPOLITICS, document,
        raw::CLASSIFY,
        wire::{Wire, framed, head, trailers},
    },
    process::Newsdesk,
    report::{Report, tell, times},
};

/// How long what is under way may take, in seconds.
const DRAIN: &str = "2";
const DRAIN_MAX: Duration = Duration::from_secs(2);

/// What the end itself may take beyond that.
const MARGIN: Duration = Duration::from_secs(1);

const BUSY: usize = 16;
const IDLE: usize = 20;
const STUCK: usize = 5;

/// The exit code of a server that cut off requests.
const REQUESTS_CUT: i32 = 3;

/// What became of the requests of a client that asks one thing after the other.
#[derive(Default)]
struct Tally {
    answered: AtomicUsize,
    /// Sent when the server took none any more: HTTP/2 says so, and a client sends them elsewhere.
    not_taken: AtomicUsize,
    cut: AtomicUsize,
}

pub async fn run(stops: u32, report: &mut Report) {
    let tally = Arc::new(Tally::default());
    let (mut quick, mut slow) = (Vec::new(), Vec::new());
    let mut codes = Vec::new();
    for n in 0..stops {
        let is_stuck = n % 2 == 1;
        let (time, code) = stop(is_stuck, &tally).await;
        let times = if is_stuck { &mut slow } else { &mut quick };
        times.push(time);
        codes.push((is_stuck, code));
    }
    let longest = quick.iter().max().copied().unwrap_or_default();
    report.must("ended within 1 s, idle clients", times(&mut quick), longest <= MARGIN);
    let longest = slow.iter().max().copied().unwrap_or_default();
    let what = "ended within drain_seconds (2) and 1 s, stuck clients";
    report.must(what, times(&mut slow), longest <= DRAIN_MAX + MARGIN);
    let code_of = |is_stuck| Some(if is_stuck { REQUESTS_CUT } else { 0 });
    let as_expected = codes.iter().filter(|(is_stuck, code)| *code == code_of(*is_stuck)).count();
    report.must(
        "exit codes that tell whether something was cut",
        as_expected,
        as_expected == codes.len(),
    );
    let [answered, not_taken, cut] =
        [&tally.answered, &tally.not_taken, &tally.cut].map(|n| n.load(Ordering::Relaxed));
    tell("requests answered", answered);
    tell("requests that came too late, and were told so", not_taken);
    report.must("requests under way that were cut", cut, cut == 0);
}

/// Stops a server, and returns how long that took, and its exit code.
async fn stop(is_stuck: bool, tally: &Arc<Tally>) -> (Duration, Option<i32>) {
    let server = Newsdesk::start(&["--drain-seconds", DRAIN]);
    let mut clients = JoinSet::new();
    for _ in 0..BUSY {
        let wire = Wire::connect(server.address).await;
        clients.spawn(ask_on(wire, Arc::clone(tally)));
    }
    let mut idle = Vec::new();
    for _ in 0..IDLE {
        idle.push(Wire::connect(server.address).await);
    }
    let silent = TcpStream::connect(server.address).await.unwrap();
    let mut stuck = Vec::new();
    if is_stuck {
        for _ in 0..STUCK {
            let mut wire = Wire::connect(server.address).await;
            let begun = wire.begin(CLASSIFY, &[]).await;
            stuck.push((wire, begun));
        }
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let began = Instant::now();
    server.signal("TERM");
    let code = server.ended().await.code();
    let time = began.elapsed();
    clients.join_all().await;
    drop((idle, silent, stuck));
    (time, code)
}

/// Asks one thing after the other, until the connection ends.
async fn ask_on(wire: Wire, tally: Arc<Tally>) {
    let message = framed(&document(GEOPOLITICS));
    while let Ok(mut requests) = wire.requests.clone().ready().await {
        let request = head(CLASSIFY, &[]).body(()).unwrap();
        let Ok((response, mut stream)) = requests.send_request(request, false) else { break };
        let sent = stream.send_data(message.clone(), true);
        let answer = async {
            let response = response.await?;
            let code = response.headers().get("grpc-status").cloned();
            let code = match code {
                Some(code) => Some(code),
                None => trailers(response.into_body())
                    .await?
                    .and_then(|t| t.get("grpc-status").cloned()),
            };
            Ok::<_, h2::Error>(code.map(|code| Code::from_bytes(code.as_bytes())))
        };
        let count = match sent.and(answer.await) {
            Ok(Some(Code::Ok)) => &tally.answered,
            Err(error)
                if error.is_go_away() || error.reason() == Some(h2::Reason::REFUSED_STREAM) =>
            {
                &tally.not_taken
            }
            Ok(_) | Err(_) => &tally.cut,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }
}
