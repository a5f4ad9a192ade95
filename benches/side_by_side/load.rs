//! Asks a gRPC service about a thousand different documents, as fast as it answers or at a given rate.
//!
//! `load URL PATH BYTES CONNECTIONS STREAMS SECONDS [RATE]` prints one JSON object. Requests are encoded
//! before the clock starts, and answers only counted, so that the client costs as little as a client
//! can. With a rate, a request's time runs from when it was due: one that waits behind another counts
//! its wait.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench")]

#[path = "../texts/mod.rs"]
mod texts;

use std::{
    env,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use http::uri::PathAndQuery;
use newsdesk::proto::ClassifyRequest;
use prost::{
    Message as _,
    bytes::{Buf as _, BufMut as _, Bytes},
};
use tonic::{
    Request, Status,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    transport::Endpoint,
};

/// Messages that are bytes already.
#[derive(Clone, Copy)]
struct Encoded;

impl Codec for Encoded {
    type Encode = Bytes;
    type Decode = usize;
    type Encoder = Encoded;
    type Decoder = Encoded;

    fn encoder(&mut self) -> Encoded {
        Encoded
    }

    fn decoder(&mut self) -> Encoded {
        Encoded
    }
}

impl Encoder for Encoded {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, message: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(message);
        Ok(())
    }
}

impl Decoder for Encoded {
    type Item = usize;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<usize>, Status> {
        let bytes = buffer.remaining();
        buffer.advance(bytes);
        Ok(Some(bytes))
    }
}

/// What to send, and how fast.
struct Load {
    path: PathAndQuery,
    messages: Vec<Bytes>,
    next: AtomicUsize,
    started: Instant,
    warm: Duration,
    end: Duration,
    /// The time between two requests of one stream; zero for none.
    pause: Duration,
}

/// The part of the time that is not counted: caches fill, connections open their windows.
const WARM_SHARE: f64 = 0.25;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).filter(|typed| typed != "--bench").collect();
    let number = |place: usize| arguments[place].parse::<usize>().unwrap();
    let (connections, streams) = (number(3), number(4));
    let seconds: f64 = arguments[5].parse().unwrap();
    let rate: Option<f64> = arguments.get(6).map(|rate| rate.parse().unwrap());
    let workers = f64::from(u32::try_from(connections * streams).unwrap());
    let load = Arc::new(Load {
        path: arguments[1].parse().unwrap(),
        messages: messages(number(2)),
        next: AtomicUsize::new(0),
        started: Instant::now(),
        warm: Duration::from_secs_f64(seconds * WARM_SHARE),
        end: Duration::from_secs_f64(seconds * (1.0 + WARM_SHARE)),
        pause: rate.map_or(Duration::ZERO, |rate| Duration::from_secs_f64(workers / rate)),
    });
    let endpoint = Endpoint::from_shared(arguments[0].clone()).unwrap().tcp_nodelay(true);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let micros = runtime.block_on(run(&load, &endpoint, connections, streams));
    report(micros, seconds);
}

/// Returns the requests. The text is the first field of newsdesk's and of fasttext-serving's; both get one
/// line, since fastText reads no more.
fn messages(bytes: usize) -> Vec<Bytes> {
    let pool = texts::pool();
    let documents = texts::documents(&pool, bytes).into_iter();
    let request =
        |text: &str| ClassifyRequest { text: text.replace('\n', " "), ..Default::default() };
    documents.map(|text| Bytes::from(request(text).encode_to_vec())).collect()
}

async fn run(
    load: &Arc<Load>,
    endpoint: &Endpoint,
    connections: usize,
    streams: usize,
) -> Vec<u32> {
    let mut tasks = Vec::new();
    for connection in 0..connections {
        let client = Grpc::new(endpoint.connect().await.unwrap());
        for stream in 0..streams {
            let worker = u32::try_from(connection * streams + stream).unwrap();
            let offset = load.pause * worker / u32::try_from(connections * streams).unwrap();
            tasks.push(tokio::spawn(ask(Arc::clone(load), client.clone(), offset)));
        }
    }
    let mut micros = Vec::new();
    for task in tasks {
        micros.extend(task.await.unwrap());
    }
    micros
}

/// Sends request after request on one stream; returns how long each took, in microseconds.
async fn ask(
    load: Arc<Load>,
    mut client: Grpc<tonic::transport::Channel>,
    offset: Duration,
) -> Vec<u32> {
    let mut micros = Vec::new();
    let mut due = load.started.elapsed() + offset;
    loop {
        if load.pause.is_zero() {
            due = load.started.elapsed();
        } else {
            tokio::time::sleep_until((load.started + due).into()).await;
        }
        if load.end < due {
            return micros;
        }
        let next = load.next.fetch_add(1, Ordering::Relaxed) % load.messages.len();
        let request = Request::new(load.messages[next].clone());
        client.ready().await.unwrap();
        let answer = client.unary(request, load.path.clone(), Encoded).await.unwrap();
        assert!(0 < answer.into_inner(), "an answer is empty");
        if load.warm < due {
            let taken = load.started.elapsed() - due;
            micros.push(u32::try_from(taken.as_micros()).unwrap());
        }
        due += load.pause;
    }
}

fn report(mut micros: Vec<u32>, seconds: f64) {
    micros.sort_unstable();
    let quantile = |per_mille: usize| micros[(micros.len() - 1) * per_mille / 1000];
    let report = serde_json::json!({
        "per_second": micros.len() as f64 / seconds,
        "p50_us": quantile(500),
        "p99_us": quantile(990),
    });
    println!("{report}");
}
