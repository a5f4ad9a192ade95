//! Clients that speak HTTP/2 themselves, to do what no gRPC client does.

use std::net::SocketAddr;

use h2::{
    Reason, RecvStream, SendStream,
    client::{Builder, ResponseFuture, SendRequest},
};
use http::{Method, Request};
use prost::bytes::Bytes;
use tokio::{
    net::{TcpSocket, TcpStream},
    task::JoinHandle,
};
use tonic::Code;

use super::within;

pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Kinds of frames, RFC 9113, section 6.
pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const CONTINUATION: u8 = 9;

/// Returns a frame that says that it has `length` bytes, and has `payload`.
pub fn frame(length: usize, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(length).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

pub fn whole(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    frame(payload.len(), kind, flags, stream, payload)
}

/// A connection whose frames the test chooses.
pub struct Wire {
    pub requests: SendRequest<Bytes>,
    /// Ends when the connection does.
    pub connection: JoinHandle<Result<(), h2::Error>>,
}

/// A request that has no message yet.
pub struct OnWire {
    pub response: ResponseFuture,
    pub message: SendStream<Bytes>,
}

impl Wire {
    pub async fn connect(address: SocketAddr) -> Wire {
        Wire::connect_as(address, &Builder::new()).await
    }

    pub async fn connect_as(address: SocketAddr, builder: &Builder) -> Wire {
        Wire::over(TcpStream::connect(address).await.unwrap(), builder).await
    }

    /// Connects from another address of this machine than the usual one.
    pub async fn connect_from(from: SocketAddr, address: SocketAddr, builder: &Builder) -> Wire {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(from).unwrap();
        Wire::over(socket.connect(address).await.unwrap(), builder).await
    }

    async fn over(stream: TcpStream, builder: &Builder) -> Wire {
        let (requests, connection) = builder.handshake::<_, Bytes>(stream).await.unwrap();
        Wire { requests, connection: tokio::spawn(connection) }
    }

    /// Begins a gRPC request with more headers than usual.
    pub async fn begin(&mut self, path: &str, headers: &[(&str, &str)]) -> OnWire {
        let request = head(path, headers).body(()).unwrap();
        self.send(request).await
    }

    pub async fn send(&mut self, request: Request<()>) -> OnWire {
        let mut requests = self.requests.clone().ready().await.unwrap();
        let (response, message) = requests.send_request(request, false).unwrap();
        OnWire { response, message }
    }
}

impl OnWire {
    /// Sends `message` whole, and returns the code of the answer.
    pub async fn ask(mut self, message: &impl prost::Message) -> Code {
        self.message.send_data(framed(message), true).unwrap();
        self.code().await
    }

    /// Returns the code of the answer.
    pub async fn code(self) -> Code {
        let response = within(self.response).await.unwrap();
        if let Some(code) = response.headers().get("grpc-status") {
            return Code::from_bytes(code.as_bytes());
        }
        let trailers = within(trailers(response.into_body())).await.unwrap().unwrap();
        Code::from_bytes(trailers.get("grpc-status").unwrap().as_bytes())
    }

    /// Gives the request up.
    pub fn reset(mut self) {
        self.message.send_reset(Reason::CANCEL);
    }
}

/// Returns the beginning of a gRPC request.
pub fn head(path: &str, headers: &[(&str, &str)]) -> http::request::Builder {
    let request = Request::builder().method(Method::POST).uri(format!("http://a{path}"));
    let request = request.header("te", "trailers").header("content-type", "application/grpc");
    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))
}

/// Returns `message` with its flag and length in front.
pub fn framed(message: &impl prost::Message) -> Bytes {
    let message = message.encode_to_vec();
    let length = u32::try_from(message.len()).unwrap();
    [&[0][..], &length.to_be_bytes(), &message].concat().into()
}

/// Returns what comes after an answer's messages.
pub async fn trailers(mut body: RecvStream) -> Result<Option<http::HeaderMap>, h2::Error> {
    while let Some(data) = body.data().await {
        let bytes = data?.len();
        body.flow_control().release_capacity(bytes)?;
    }
    body.trailers().await
}
