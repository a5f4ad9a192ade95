//! What a monitoring system reads.

use std::net::SocketAddr;

use newsdesk::server::Extras;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use super::within;

/// The pages of a server that is to be started.
pub async fn pages() -> (SocketAddr, Extras) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (address, Extras { pages: Some(listener), ..Extras::default() })
}

/// Returns the status and the body of a page.
pub async fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut response = String::new();
    within(stream.read_to_string(&mut response)).await.unwrap();
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// The figures of a server at a moment.
pub struct Figures(String);

impl Figures {
    pub async fn read(address: SocketAddr) -> Figures {
        let (code, text) = get(address, "/metrics").await;
        assert_eq!(code, 200);
        assert!(text.ends_with("# EOF\n"), "{text}");
        Figures(text)
    }

    /// Returns the value of a sample; 0 if there is none.
    pub fn get(&self, sample: &str) -> f64 {
        let value = self.0.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
        value.map_or(0.0, |value| value.parse().unwrap())
    }

    pub fn text(&self) -> &str {
        &self.0
    }
}
