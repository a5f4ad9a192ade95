//! A client as another service would have it: a deadline for each call, and another try when the server
//! is busy or restarts.
//!
//! ```sh
//! newsdesk serve &
//! cargo run --example client -- http://127.0.0.1:50051 'Ministers meet to discuss sanctions'
//! ```

#![allow(clippy::print_stdout, reason = "an example answers on standard output")]

use std::{env, error::Error, time::Duration};

use newsdesk::proto::{
    ClassifyOptions, ClassifyRequest, ClassifyResponse, Format, StreamClassifyRequest,
    classifier_service_client::ClassifierServiceClient, decision::Outcome,
    stream_classify_response,
};
use tonic::{
    Code, Request, Status,
    transport::{Channel, Endpoint},
};

type Client = ClassifierServiceClient<Channel>;

const DEADLINE: Duration = Duration::from_secs(1);
const TRIES: u32 = 4;
const FIRST_WAIT: Duration = Duration::from_millis(50);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = env::args().skip(1);
    let url = args.next().unwrap_or_else(|| "http://127.0.0.1:50051".to_owned());
    let mut texts: Vec<String> = args.collect();
    if texts.is_empty() {
        texts.push("Ministers meet to discuss sanctions".to_owned());
    }
    // The channel connects when it is first used, and again whenever it has to.
    let client = Client::new(Endpoint::from_shared(url)?.connect_lazy());
    for text in &texts {
        show(&classify(client.clone(), text).await?);
    }
    stream(client, texts).await
}

/// Asks for one document, and again if the server says that another time is better.
async fn classify(mut client: Client, text: &str) -> Result<ClassifyResponse, Status> {
    let mut wait = FIRST_WAIT;
    for _ in 1..TRIES {
        match client.classify(with_deadline(request(text))).await {
            Err(status) if matches!(status.code(), Code::Unavailable | Code::ResourceExhausted) => {
                tokio::time::sleep(wait).await;
                wait *= 2;
            }
            answered => return answered.map(tonic::Response::into_inner),
        }
    }
    client.classify(with_deadline(request(text))).await.map(tonic::Response::into_inner)
}

/// Sends all documents over one stream, and takes the answers as they come.
async fn stream(mut client: Client, texts: Vec<String>) -> Result<(), Box<dyn Error>> {
    let numbered = texts.into_iter().enumerate();
    let requests: Vec<StreamClassifyRequest> = numbered
        .map(|(id, text)| StreamClassifyRequest {
            id: id.to_string(),
            request: Some(request(&text)),
        })
        .collect();
    let mut answers = client.stream_classify(tokio_stream::iter(requests)).await?.into_inner();
    while let Some(answer) = answers.message().await? {
        match answer.outcome {
            Some(stream_classify_response::Outcome::Response(response)) => show(&response),
            Some(stream_classify_response::Outcome::Error(error)) => {
                eprintln!("{}: {}", answer.id, error.message);
            }
            None => eprintln!("{}: an answer of a newer server", answer.id),
        }
    }
    Ok(())
}

fn request(text: &str) -> ClassifyRequest {
    ClassifyRequest {
        text: text.to_owned(),
        title: String::new(),
        format: Format::Plain.into(),
        model: String::new(),
        options: Some(ClassifyOptions { evidence_max: 3, ..Default::default() }),
    }
}

fn with_deadline<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(DEADLINE);
    request
}

fn show(response: &ClassifyResponse) {
    let words: Vec<&str> = response.evidence.iter().map(|e| e.feature.as_str()).collect();
    match response.decision.as_ref().and_then(|decision| decision.outcome.as_ref()) {
        Some(Outcome::Label(label)) => println!("{label}, by {words:?}"),
        Some(Outcome::Abstention(abstention)) => {
            println!("no label ({})", abstention.reason().as_str_name());
        }
        None => println!("an answer of a newer server"),
    }
}
