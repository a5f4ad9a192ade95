//! The server tells its own contract, in both versions of the protocol.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{TestServer, within};
use prost::Message as _;

/// The same exchange in a version of the protocol: which services are there, and what describes one.
macro_rules! exchange {
    ($version:ident, $server:expr) => {{
        use tonic_reflection::pb::$version::{
            ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
            server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
        };
        let mut client = ServerReflectionClient::new($server.channel().await);
        let symbol = "newsdesk.v1.ClassifierService".to_owned();
        let requests = [
            MessageRequest::ListServices(String::new()),
            MessageRequest::FileContainingSymbol(symbol),
        ];
        let requests = requests.map(|request| ServerReflectionRequest {
            host: String::new(),
            message_request: Some(request),
        });
        let answers = client.server_reflection_info(tokio_stream::iter(requests)).await.unwrap();
        let mut answers = answers.into_inner();
        let mut next = async || {
            let answer = within(answers.message()).await.unwrap().unwrap();
            answer.message_response.unwrap()
        };
        let MessageResponse::ListServicesResponse(list) = next().await else { panic!("no list") };
        let MessageResponse::FileDescriptorResponse(file) = next().await else { panic!("no file") };
        let names: Vec<String> = list.service.into_iter().map(|service| service.name).collect();
        (names, file.file_descriptor_proto)
    }};
}

fn check(names: &[String], files: &[Vec<u8>], own: &str) {
    let expected =
        ["newsdesk.v1.ClassifierService", "newsdesk.v1.ModelService", "grpc.health.v1.Health", own];
    assert_eq!(names, expected);
    let file = prost_types::FileDescriptorProto::decode(files[0].as_slice()).unwrap();
    assert_eq!(file.package(), "newsdesk.v1");
    let methods = file.service[0].method.iter().map(prost_types::MethodDescriptorProto::name);
    assert_eq!(methods.collect::<Vec<_>>(), ["Classify", "BatchClassify", "StreamClassify"]);
}

#[tokio::test]
async fn version_1_lists_and_describes_the_services() {
    let server = TestServer::start().await;
    let (names, files) = exchange!(v1, server);
    check(&names, &files, "grpc.reflection.v1.ServerReflection");
    server.stop().await;
}

#[tokio::test]
async fn version_1_alpha_lists_and_describes_the_services() {
    let server = TestServer::start().await;
    let (names, files) = exchange!(v1alpha, server);
    check(&names, &files, "grpc.reflection.v1alpha.ServerReflection");
    server.stop().await;
}
