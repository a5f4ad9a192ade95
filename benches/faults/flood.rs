//! Requests in great numbers, on a handful of connections.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use clap::ValueEnum;
use flate2::{Compression, write::GzEncoder};
use newsdesk::proto::ClassifyOptions;
use prost::{Message, bytes::Bytes};
use tokio::task::JoinSet;
use tonic::Code;

use crate::common::{
    document,
    raw::CLASSIFY,
    wire::{OnWire, Wire, framed, head},
    with_options,
};

const CONNECTIONS: usize = 8;

/// The bytes of each page. Its passages and the words that speak for them are asked for, so that the server's work is
/// much more than the client's, who has the same processors.
const PAGE_BYTES: usize = 150_000;

/// What became of requests.
#[derive(Default)]
pub struct Outcome {
    pub served: Vec<Duration>,
    pub refused: Vec<Duration>,
    pub failed: usize,
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Load {
    /// Pages, with all that can be asked about them
    Pages,
    /// Documents of a megabyte, packed by gzip: small on their way and long when they are there
    Packed,
}

impl Load {
    fn message(self) -> Bytes {
        let text = "The ministers signed the treaty in Geneva, and tickets for the trade fair are sold out. ";
        match self {
            Load::Pages => {
                let paragraph = text.repeat(6) + "\n\n";
                let page = paragraph.repeat(PAGE_BYTES / paragraph.len());
                let options =
                    ClassifyOptions { passages: true, evidence_max: 20, ..Default::default() };
                framed(&with_options(&page, options))
            }
            Load::Packed => packed(&document(text.repeat(1_000_000 / text.len()))),
        }
    }

    fn headers(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Load::Pages => &[],
            Load::Packed => &[("grpc-encoding", "gzip")],
        }
    }
}

fn packed(message: &impl Message) -> Bytes {
    use std::io::Write as _;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&message.encode_to_vec()).unwrap();
    let packed = encoder.finish().unwrap();
    let length = u32::try_from(packed.len()).unwrap();
    [&[1][..], &length.to_be_bytes(), &packed].concat().into()
}

/// A request that can be sent again and again.
#[derive(Clone)]
pub struct Question {
    headers: &'static [(&'static str, &'static str)],
    message: Bytes,
}

impl Question {
    pub fn of(load: Load) -> Question {
        Question { headers: load.headers(), message: load.message() }
    }
}

pub async fn connect(address: SocketAddr) -> Vec<Wire> {
    let mut wires = Vec::new();
    for _ in 0..CONNECTIONS {
        wires.push(Wire::connect(address).await);
    }
    wires
}

/// Keeps `at_once` requests under way for `time`.
pub async fn steady(
    wires: &[Wire],
    question: &Question,
    at_once: usize,
    time: Duration,
) -> Outcome {
    let outcome = Arc::new(Mutex::new(Outcome::default()));
    let until = Instant::now() + time;
    let mut tasks = JoinSet::new();
    for wire in wires.iter().cycle().take(at_once) {
        let (requests, question) = (wire.requests.clone(), question.clone());
        let outcome = Arc::clone(&outcome);
        tasks.spawn(async move {
            while Instant::now() < until {
                let (code, time) = ask(requests.clone(), question.clone()).await;
                outcome.lock().unwrap().add(code, time);
            }
        });
    }
    tasks.join_all().await;
    std::mem::take(&mut *outcome.lock().unwrap())
}

/// Sends `per_second` requests for `time`, whatever becomes of those before.
pub async fn pour(wires: &[Wire], question: &Question, per_second: f64, time: Duration) -> Outcome {
    let outcome = Arc::new(Mutex::new(Outcome::default()));
    let (began, mut sent) = (Instant::now(), 0_u32);
    let mut tasks = JoinSet::new();
    while began.elapsed() < time {
        while began.elapsed().as_secs_f64() * per_second >= f64::from(sent) {
            let requests = wires[sent as usize % wires.len()].requests.clone();
            let (question, outcome) = (question.clone(), Arc::clone(&outcome));
            tasks.spawn(async move {
                let (code, time) = ask(requests, question).await;
                outcome.lock().unwrap().add(code, time);
            });
            sent += 1;
        }
        while tasks.try_join_next().is_some() {}
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    tasks.join_all().await;
    std::mem::take(&mut *outcome.lock().unwrap())
}

type Requests = h2::client::SendRequest<Bytes>;

/// Asks once, and returns what the answer was, and how long it took.
async fn ask(requests: Requests, question: Question) -> (Option<Code>, Duration) {
    let Ok(mut requests) = requests.ready().await else { return (None, Duration::ZERO) };
    let request = head(CLASSIFY, question.headers).body(()).unwrap();
    let began = Instant::now();
    let Ok((response, mut stream)) = requests.send_request(request, false) else {
        return (None, Duration::ZERO);
    };
    // It may be refused before it is sent.
    let _ = stream.send_data(question.message, true);
    let code = OnWire { response, message: stream }.code().await;
    (Some(code), began.elapsed())
}

impl Outcome {
    pub fn add_all(&mut self, other: Outcome) {
        self.served.extend(other.served);
        self.refused.extend(other.refused);
        self.failed += other.failed;
    }

    fn add(&mut self, code: Option<Code>, time: Duration) {
        match code {
            Some(Code::Ok) => self.served.push(time),
            Some(Code::ResourceExhausted) => self.refused.push(time),
            _ => self.failed += 1,
        }
    }
}
