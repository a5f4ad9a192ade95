//! Clients that do what a generated client cannot.

use http::uri::PathAndQuery;
use newsdesk::proto::{ClassifyRequest, ClassifyResponse};
use prost::bytes::{Buf as _, BufMut as _};
use tokio::{sync::mpsc, task::JoinHandle};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{
    Request, Response, Status,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    transport::Channel,
};
use tonic_prost::ProstCodec;

pub const CLASSIFY: &str = "/newsdesk.v1.ClassifierService/Classify";
pub const BATCH: &str = "/newsdesk.v1.ClassifierService/BatchClassify";
pub const STREAM: &str = "/newsdesk.v1.ClassifierService/StreamClassify";
pub const GET_MODEL: &str = "/newsdesk.v1.ModelService/GetModel";

/// Messages as the bytes that they are.
#[derive(Clone, Copy)]
pub struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Raw;
    type Decoder = Raw;

    fn encoder(&mut self) -> Raw {
        Raw
    }

    fn decoder(&mut self) -> Raw {
        Raw
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, message: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&message);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let bytes = buffer.remaining();
        Ok(Some(buffer.copy_to_bytes(bytes).to_vec()))
    }
}

/// Sends `message` to the method at `path`, as it is.
pub async fn send(
    channel: Channel,
    path: &'static str,
    message: Vec<u8>,
) -> Result<Vec<u8>, Status> {
    let mut client = Grpc::new(channel);
    client.ready().await.unwrap();
    let stream = tokio_stream::once(message);
    let path = PathAndQuery::from_static(path);
    client.client_streaming(Request::new(stream), path, Raw).await.map(Response::into_inner)
}

/// A `Classify` request whose message has not been sent yet.
///
/// For the server it is under way, for as long as the test likes.
pub struct Held {
    message: mpsc::Sender<ClassifyRequest>,
    answer: JoinHandle<Result<Response<ClassifyResponse>, Status>>,
}

impl Held {
    /// Begins a request. The server knows of it soon, or when the next one on `channel` is answered.
    pub async fn begin(channel: Channel) -> Held {
        Held::begin_at(CLASSIFY, channel).await
    }

    /// Begins a request to the method at `path`, which need not take these messages if none comes.
    pub async fn begin_at(path: &'static str, channel: Channel) -> Held {
        let (message, messages) = mpsc::channel(1);
        let mut client = Grpc::new(channel);
        client.ready().await.unwrap();
        let codec: ProstCodec<ClassifyRequest, ClassifyResponse> = ProstCodec::default();
        let request = Request::new(ReceiverStream::new(messages));
        let path = PathAndQuery::from_static(path);
        let answer =
            tokio::spawn(async move { client.client_streaming(request, path, codec).await });
        Held { message, answer }
    }

    /// Sends the message, and returns the answer.
    pub async fn finish(self, message: ClassifyRequest) -> Result<ClassifyResponse, Status> {
        self.message.send(message).await.unwrap();
        drop(self.message);
        self.answer.await.unwrap().map(Response::into_inner)
    }

    /// Ends the request before its message.
    pub async fn abandon(self) {
        self.answer.abort();
        let _ = self.answer.await;
    }

    /// Returns the answer to a request whose message never comes.
    pub async fn give_up(self) -> Result<ClassifyResponse, Status> {
        let answer = self.answer.await.unwrap().map(Response::into_inner);
        drop(self.message);
        answer
    }
}
