//! Clients that break the rules, among others that do not.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use h2::client::Builder;
use newsdesk::proto::ClassifyOptions;
use prost::bytes::Bytes;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    runtime::Runtime,
    task::{JoinHandle, JoinSet},
};
use tonic::Code;

use crate::{
    common::{
        GEOPOLITICS, document,
        raw::{BATCH, CLASSIFY},
        wire::{CONTINUATION, HEADERS, PING, PREFACE, SETTINGS, Wire, framed, head, whole},
        with_options,
    },
    process::Newsdesk,
    report::{Report, mebibytes, tell, times},
};

/// How many of them there are at once.
const ATTACKERS: usize = 4;

/// How many connections each has that has many.
const CONNECTIONS_EACH: usize = 100;

#[derive(Clone, Copy, Debug)]
enum Attack {
    None,
    Resets,
    Continuations,
    Headers,
    Pings,
    HalfMessages,
    UnreadAnswers,
    /// Unread answers on very many connections, from another address.
    ManyConnections,
    /// Long answers, of which one byte is read.
    SippedAnswers,
    Silence,
}

const ATTACKS: [Attack; 10] = [
    Attack::None,
    Attack::Resets,
    Attack::Continuations,
    Attack::Headers,
    Attack::Pings,
    Attack::HalfMessages,
    Attack::UnreadAnswers,
    Attack::ManyConnections,
    Attack::SippedAnswers,
    Attack::Silence,
];

pub async fn run(seconds: u64, report: &mut Report) {
    // Patience is short, so that it comes to its end within the time.
    let patience = ["--request-seconds", "1", "--answer-seconds", "1", "--handshake-seconds", "1"];
    let server = Newsdesk::start(&patience);
    let time = Duration::from_secs((seconds / ATTACKS.len() as u64).max(1));
    let mut memory_before = None;
    for attack in ATTACKS {
        let memory = server.watch_memory();
        let health = server.watch_health().await;
        let honest = Honest::begin(&server).await;
        let attackers = begin(attack, server.address);
        tokio::time::sleep(time).await;
        attackers.shutdown_background();
        let Fate { mut answered, shed, failed } = honest.end().await;
        let (_, silent) = health.end();
        let what = format!("{attack:?}: others that failed, health without an answer");
        report.must(&what, format!("{failed}, {silent}"), failed + silent == 0);
        let share = format!("{shed}, and {} answered", answered.len());
        report.must("others told to come back", share, shed * 100 <= answered.len());
        tell("others answered within", times(&mut answered));
        let most = memory.most();
        let before = *memory_before.get_or_insert(most);
        // See OPERATIONS.md, Limits, for what the places of two cores can take up.
        report.must("memory", mebibytes(most), most <= before + (256 << 20));
    }
}

/// Lets attackers go about it, on threads of their own.
fn begin(attack: Attack, address: SocketAddr) -> Runtime {
    let attackers = Runtime::new().unwrap();
    for _ in 0..ATTACKERS {
        attackers.spawn(async move {
            loop {
                once(attack, address).await;
                // If it is cut off, it comes again.
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
    }
    attackers
}

async fn once(attack: Attack, address: SocketAddr) {
    let x_header = [&[0x00, 1, b'x', 100][..], &[b'v'; 100]].concat();
    match attack {
        Attack::None => std::future::pending().await,
        Attack::Resets => {
            let wire = Wire::connect(address).await;
            while let Ok(mut requests) = wire.requests.clone().ready().await {
                let request = head(CLASSIFY, &[]).body(()).unwrap();
                let Ok((_, mut message)) = requests.send_request(request, false) else { return };
                message.send_reset(h2::Reason::CANCEL);
                tokio::task::yield_now().await;
            }
        }
        Attack::Continuations => {
            let beginning = whole(HEADERS, 0, 1, &x_header);
            pour(address, &beginning, &whole(CONTINUATION, 0, 1, &x_header.repeat(100))).await;
        }
        Attack::Pings => pour(address, &[], &whole(PING, 0, 0, &[0; 8]).repeat(500)).await,
        Attack::Headers => {
            let wire = Wire::connect(address).await;
            let value = "v".repeat(15_000);
            while let Ok(mut requests) = wire.requests.clone().ready().await {
                let request = head(CLASSIFY, &[("x", &value)]).body(()).unwrap();
                let Ok((response, _)) = requests.send_request(request, true) else { return };
                let _ = response.await;
            }
        }
        Attack::HalfMessages => send_halves(Wire::connect(address).await).await,
        Attack::UnreadAnswers => {
            let mut builder = Builder::new();
            let wire = Wire::connect_as(address, builder.initial_window_size(0)).await;
            leave_answers(wire, framed(&document(GEOPOLITICS))).await;
        }
        Attack::ManyConnections => leave_answers_on_many(address).await,
        Attack::SippedAnswers => {
            let mut builder = Builder::new();
            let wire = Wire::connect_as(address, builder.initial_window_size(1)).await;
            leave_answers(wire, page()).await;
        }
        Attack::Silence => {
            let mut silent = Vec::new();
            for _ in 0..100 {
                silent.extend(TcpStream::connect(address).await);
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}

/// Begins messages, and never ends them.
async fn send_halves(wire: Wire) {
    let half = Bytes::from([&[0, 0, 0x10, 0, 0][..], &vec![b'a'; 60_000]].concat());
    let mut held = JoinSet::new();
    while let Ok(mut requests) = wire.requests.clone().ready().await {
        let request = head(BATCH, &[]).body(()).unwrap();
        let Ok((response, mut message)) = requests.send_request(request, false) else {
            return;
        };
        let _ = message.send_data(half.clone(), false);
        // A client that did not yield here would only fill its own memory.
        tokio::time::sleep(Duration::from_millis(1)).await;
        held.spawn(async move {
            let _ = response.await;
            drop(message);
        });
        while held.try_join_next().is_some() {}
    }
}

/// Asks on very many connections from another address, and takes no answer.
async fn leave_answers_on_many(address: SocketAddr) {
    let mut builder = Builder::new();
    builder.initial_window_size(0);
    let from = "127.0.0.2:0".parse().unwrap();
    let mut all = JoinSet::new();
    for _ in 0..CONNECTIONS_EACH {
        let wire = Wire::connect_from(from, address, &builder).await;
        all.spawn(leave_answers(wire, framed(&document(GEOPOLITICS))));
    }
    // Those that are cut off come again.
    while all.join_next().await.is_some() {
        let wire = Wire::connect_from(from, address, &builder).await;
        all.spawn(leave_answers(wire, framed(&document(GEOPOLITICS))));
    }
}

/// Asks as often as it can, and takes no answer.
async fn leave_answers(wire: Wire, message: Bytes) {
    let mut held = Vec::new();
    while let Ok(mut requests) = wire.requests.clone().ready().await {
        let request = head(CLASSIFY, &[]).body(()).unwrap();
        let Ok((response, mut stream)) = requests.send_request(request, false) else { return };
        let _ = stream.send_data(message.clone(), true);
        held.push((response.await, stream));
    }
}

/// Returns a page of many passages, whose answer is longer than it.
fn page() -> Bytes {
    let options = ClassifyOptions { passages: true, ..ClassifyOptions::default() };
    let text = format!("{GEOPOLITICS}.\n\n").repeat(1000);
    framed(&with_options(&text, options))
}

/// Sends `again` over and over, and reads nothing, until the server closes the connection.
async fn pour(address: SocketAddr, beginning: &[u8], again: &[u8]) {
    let Ok(stream) = TcpStream::connect(address).await else { return };
    let (mut from, mut to) = stream.into_split();
    let begun = [PREFACE, &whole(SETTINGS, 0, 0, &[]), beginning].concat();
    if to.write_all(&begun).await.is_err() {
        return;
    }
    let say = async { while to.write_all(again).await.is_ok() {} };
    let mut heard = [0; 64];
    let hear = async { while from.read(&mut heard).await.is_ok_and(|bytes| 0 < bytes) {} };
    tokio::select! {
        () = say => {}
        () = hear => {}
    }
}

/// A client that does nothing wrong.
struct Honest {
    is_over: Arc<AtomicBool>,
    task: JoinHandle<Fate>,
}

#[derive(Default)]
struct Fate {
    answered: Vec<Duration>,
    shed: usize,
    failed: usize,
}

impl Honest {
    async fn begin(server: &Newsdesk) -> Honest {
        let mut client = server.classifier().await;
        let is_over = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&is_over);
        let task = tokio::spawn(async move {
            let mut fate = Fate::default();
            while !over.load(Ordering::Relaxed) {
                let began = Instant::now();
                match client.classify(document(GEOPOLITICS)).await {
                    Ok(_) => fate.answered.push(began.elapsed()),
                    Err(status) if status.code() == Code::ResourceExhausted => fate.shed += 1,
                    Err(_) => fate.failed += 1,
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            fate
        });
        Honest { is_over, task }
    }

    async fn end(self) -> Fate {
        self.is_over.store(true, Ordering::Relaxed);
        self.task.await.unwrap()
    }
}
