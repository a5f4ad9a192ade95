//! Who may not speak is refused, counted, and told nothing; who may is served.

#![allow(
    clippy::unwrap_used,
    clippy::float_cmp,
    reason = "a test fails by panicking; counts are whole"
)]

mod common;

use std::{fs, net::SocketAddr, path::PathBuf, process::Command, time::Duration};

use common::{
    GEOPOLITICS, TestServer,
    authority::{Authority, Pair},
    config, decided, document,
    folder::{Folder, current, reload},
    pages::{Figures, pages},
    reason, tiny_model, within,
};
use newsdesk::{
    proto::{
        RollBackModelRequest, admin_service_client::AdminServiceClient,
        classifier_service_client::ClassifierServiceClient,
    },
    server::{
        Extras, Keeper, Registry, Security, TlsError, TlsFiles, TokenError, Tokens, hash_token,
    },
};
use tempfile::TempDir;
use tonic::{
    Code, Request, Status,
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity},
};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

const HOUR: Duration = Duration::from_hours(1);

/// The files of a server.
struct Files(TempDir);

impl Files {
    fn new() -> Files {
        Files(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    fn tls(&self, server: &Pair, client_authority: Option<&Authority>) -> TlsFiles {
        TlsFiles {
            certificate: self.write("server.pem", &server.certificate),
            key: self.write("server.key", &server.key),
            client_authorities: client_authority.map(|ca| self.write("clients.pem", &ca.pem())),
        }
    }

    fn tokens(&self, lines: &[String]) -> Result<Tokens, TokenError> {
        Tokens::open(&self.write("tokens", &lines.join("\n")))
    }
}

async fn start(security: Security, interval: Duration) -> (TestServer, SocketAddr) {
    let (address, extras) = pages().await;
    let extras = Extras { security: Some((security, interval)), ..extras };
    let registry = Registry::new(tiny_model().into());
    (TestServer::start_with_extras(registry, config(), extras).await, address)
}

fn tls_endpoint(server: &TestServer, authority: &Authority, identity: Option<&Pair>) -> Endpoint {
    let mut tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(authority.pem()));
    if let Some(Pair { certificate, key }) = identity {
        tls = tls.identity(Identity::from_pem(certificate, key));
    }
    let url = format!("https://localhost:{}", server.address.port());
    Endpoint::from_shared(url).unwrap().tls_config(tls).unwrap()
}

/// Tells whether a client that speaks TLS so is served.
async fn is_served(endpoint: Endpoint) -> bool {
    // With TLS 1.3 a client learns only after its handshake that its certificate was refused.
    let Ok(channel) = within(endpoint.connect()).await else { return false };
    let answer =
        within(ClassifierServiceClient::new(channel).classify(document(GEOPOLITICS))).await;
    answer.is_ok_and(|response| decided(response.get_ref()) == "geopolitics")
}

#[tokio::test]
async fn with_tls_only_those_who_speak_it_are_served() {
    let (files, authority) = (Files::new(), Authority::new());
    let server = authority.sign(|_| {});
    let security = Security::new(Some(files.tls(&server, None)), None).unwrap();
    let (server, pages) = start(security, HOUR).await;
    assert!(is_served(tls_endpoint(&server, &authority, None)).await);
    assert!(!is_served(tls_endpoint(&server, &Authority::new(), None)).await);
    assert!(!is_served(server.endpoint()).await);
    let failed = within(async {
        loop {
            let failed = Figures::read(pages).await.get("newsdesk_tls_handshakes_failed_total");
            if failed >= 2.0 {
                break failed;
            }
        }
    });
    assert_eq!(failed.await, 2.0);
    assert!(is_served(tls_endpoint(&server, &authority, None)).await);
    server.stop().await;
}

#[tokio::test]
async fn with_client_authorities_only_good_certificates_are_served() {
    let (files, authority) = (Files::new(), Authority::new());
    let server = authority.sign(|_| {});
    let security = Security::new(Some(files.tls(&server, Some(&authority))), None).unwrap();
    let (server, _) = start(security, HOUR).await;
    let good = authority.sign(|_| {});
    let foreign = Authority::new().sign(|_| {});
    let expired = authority.sign(|params| params.not_after = rcgen::date_time_ymd(2020, 1, 1));
    let early = authority.sign(|params| params.not_before = rcgen::date_time_ymd(4000, 1, 1));
    for (identity, expected) in [
        (Some(&good), true),
        (None, false),
        (Some(&foreign), false),
        (Some(&expired), false),
        (Some(&early), false),
        (Some(&good), true),
    ] {
        let endpoint = tls_endpoint(&server, &authority, identity);
        assert_eq!(is_served(endpoint).await, expected);
    }
    server.stop().await;
}

#[tokio::test]
async fn a_new_certificate_is_used_and_a_bad_one_is_not() {
    let (files, old, new) = (Files::new(), Authority::new(), Authority::new());
    let tls = files.tls(&old.sign(|_| {}), None);
    let security = Security::new(Some(tls), None).unwrap();
    let (server, _) = start(security, Duration::from_millis(10)).await;
    let open = tls_endpoint(&server, &old, None).connect().await.unwrap();
    let pair = new.sign(|_| {});
    // At first they do not fit one another.
    files.write("server.pem", &pair.certificate);
    within(async {
        while server.registry.problems().is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(is_served(tls_endpoint(&server, &old, None)).await);
    files.write("server.key", &pair.key);
    within(async { while !is_served(tls_endpoint(&server, &new, None)).await {} }).await;
    assert_eq!(server.registry.problems(), []);
    // Connections that were there go on.
    let mut client = ClassifierServiceClient::new(open);
    assert!(client.classify(document(GEOPOLITICS)).await.is_ok());
    server.stop().await;
}

fn with_token<T>(message: T, token: Option<&str>) -> Request<T> {
    let mut request = Request::new(message);
    if let Some(token) = token {
        request.metadata_mut().insert("authorization", token.parse().unwrap());
    }
    request
}

async fn classify(channel: &Channel, token: Option<&str>) -> Result<(), Status> {
    let mut client = ClassifierServiceClient::new(channel.clone());
    client.classify(with_token(document(GEOPOLITICS), token)).await.map(|_| ())
}

async fn roll_back(channel: &Channel, token: Option<&str>) -> Result<(), Status> {
    let mut client = AdminServiceClient::new(channel.clone());
    client.roll_back_model(with_token(RollBackModelRequest::default(), token)).await.map(|_| ())
}

fn told(result: Result<(), Status>) -> String {
    result
        .map_or_else(|status| format!("{:?} {}", status.code(), reason(&status)), |()| "Ok".into())
}

fn lines() -> [String; 4] {
    [
        format!("# who\ncall feeds {}", hash_token("caller")),
        format!("admin ops {} 2999-12-31", hash_token("administrator")),
        format!("call,admin both {}", hash_token("both")),
        format!("call old {} 2020-01-01", hash_token("expired")),
    ]
}

#[tokio::test]
async fn a_token_opens_what_its_role_does_and_nothing_else() {
    let (files, folder) = (Files::new(), Folder::new());
    folder.put("tiny", "1", tiny_model());
    folder.put("tiny", "2", tiny_model());
    let keeper = Keeper::open(folder.supply()).unwrap();
    let registry = keeper.registry().clone();
    let security = Security::new(None, Some(files.tokens(&lines()).unwrap())).unwrap();
    let (pages, extras) = pages().await;
    let extras = Extras {
        keeper: Some((keeper, HOUR)),
        admin: true,
        security: Some((security, HOUR)),
        ..extras
    };
    let server = TestServer::start_with_extras(registry, config(), extras).await;
    let channel = server.channel().await;
    for (token, call, admin) in [
        (None, "Unauthenticated NO_TOKEN", "Unauthenticated NO_TOKEN"),
        (Some("caller"), "Unauthenticated NO_TOKEN", "Unauthenticated NO_TOKEN"),
        (Some("Basic caller"), "Unauthenticated NO_TOKEN", "Unauthenticated NO_TOKEN"),
        (Some("Bearer "), "Unauthenticated NO_TOKEN", "Unauthenticated NO_TOKEN"),
        (Some("Bearer Caller"), "Unauthenticated UNKNOWN_TOKEN", "Unauthenticated UNKNOWN_TOKEN"),
        (Some("Bearer expired"), "Unauthenticated EXPIRED_TOKEN", "Unauthenticated EXPIRED_TOKEN"),
        (Some("Bearer caller"), "Ok", "PermissionDenied OTHER_ROLE"),
        (Some("bearer administrator"), "PermissionDenied OTHER_ROLE", "Ok"),
        (Some("Bearer both"), "Ok", "FailedPrecondition NO_EARLIER_VERSION"),
    ] {
        assert_eq!(told(classify(&channel, token).await), call, "{token:?}");
        assert_eq!(told(roll_back(&channel, token).await), admin, "{token:?}");
    }
    assert_eq!(current(&server), ["tiny@1"]);
    let figures = Figures::read(pages).await;
    let refused =
        |reason| figures.get(&format!("newsdesk_access_refused_total{{reason=\"{reason}\"}}"));
    let counts = ["NO_TOKEN", "UNKNOWN_TOKEN", "EXPIRED_TOKEN", "OTHER_ROLE"].map(refused);
    assert_eq!(counts, [8.0, 2.0, 2.0, 2.0]);
    // Those who ask after its health have no token.
    let mut health = HealthClient::new(channel.clone());
    assert!(health.check(HealthCheckRequest::default()).await.is_ok());
    server.stop().await;
}

#[tokio::test]
async fn tokens_change_with_their_file_and_a_bad_file_changes_nothing() {
    let files = Files::new();
    let security = Security::new(None, Some(files.tokens(&lines()).unwrap())).unwrap();
    let (server, _) = start(security, Duration::from_millis(10)).await;
    let channel = server.channel().await;
    files.write("tokens", "call feeds secret-by-mistake");
    within(async {
        while server.registry.problems().is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let problem = server.registry.problems().remove(0).1;
    assert!(problem.contains("tokens:1: ") && !problem.contains("mistake"), "{problem}");
    assert_eq!(told(classify(&channel, Some("Bearer caller")).await), "Ok");
    files.write("tokens", &format!("call feeds {}", hash_token("new")));
    within(async { while classify(&channel, Some("Bearer new")).await.is_err() {} }).await;
    assert_eq!(
        told(classify(&channel, Some("Bearer caller")).await),
        "Unauthenticated UNKNOWN_TOKEN"
    );
    server.stop().await;
}

#[test]
fn files_that_cannot_be_used_are_refused_with_what_is_wrong() {
    let files = Files::new();
    let hash = hash_token("t");
    for (line, expected) in [
        (String::new(), "has 0 tokens"),
        ("call feeds".into(), "the third word is no SHA-256"),
        (format!("call feeds {}", &hash[1..]), "the third word is no SHA-256"),
        (format!("caller feeds {hash}"), "the roles are not"),
        (format!("call feeds {hash} tomorrow"), "the last day is not as"),
        (format!("call feeds {hash} 2027-01-31 x"), "more than four words"),
    ] {
        let error = files.tokens(std::slice::from_ref(&line)).unwrap_err().to_string();
        assert!(error.contains(expected), "{line}: {error}");
    }
    let pair = Authority::new().sign(|_| {});
    let good = files.tls(&pair, None);
    let open = |tls: TlsFiles| Security::new(Some(tls), None).map(|_| ());
    let missing = files.0.path().join("no.pem");
    let error = open(TlsFiles { certificate: missing, ..good.clone() }).unwrap_err();
    assert!(matches!(error, TlsError::Read { .. }), "{error}");
    let empty = files.write("empty.pem", "");
    let error = open(TlsFiles { certificate: empty.clone(), ..good.clone() }).unwrap_err();
    assert!(error.to_string().ends_with("holds no certificate in PEM"), "{error}");
    let error = open(TlsFiles { key: empty.clone(), ..good.clone() }).unwrap_err();
    assert!(error.to_string().ends_with("holds no private key in PEM"), "{error}");
    let error = open(TlsFiles { client_authorities: Some(empty), ..good.clone() }).unwrap_err();
    assert!(error.to_string().ends_with("holds no certificate in PEM"), "{error}");
    let other = files.write("other.key", &Authority::new().sign(|_| {}).key);
    let error = open(TlsFiles { key: other, ..good }).unwrap_err();
    assert!(matches!(error, TlsError::Certificate { .. }), "{error}");
}

#[tokio::test]
async fn an_administrators_call_needs_no_token_where_there_are_none() {
    let folder = Folder::new();
    folder.put("tiny", "1", tiny_model());
    let server = common::folder::start(folder.supply()).await;
    assert_eq!(reload(&mut server.admin().await).await.versions.len(), 1);
    server.stop().await;
}

#[tokio::test]
async fn health_and_reflection_can_be_switched_off() {
    let config = newsdesk::server::Config { health: false, reflection: false, ..config() };
    let server = TestServer::start_with(Registry::new(tiny_model().into()), config).await;
    let status = server.health().await.check(HealthCheckRequest::default()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    let path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
    let answer = common::raw::send(server.channel().await, path, Vec::new()).await;
    assert_eq!(answer.unwrap_err().code(), Code::Unimplemented);
    assert!(server.classifier().await.classify(document(GEOPOLITICS)).await.is_ok());
    server.stop().await;
}

/// Asks a server by the command, and returns the exit code with what it printed and what it told.
async fn command(server: &TestServer, scheme: &str, args: &[&PathBuf]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_newsdesk"));
    let url = format!("{scheme}://localhost:{}", server.address.port());
    command.args(["classify", "--json", "--text", GEOPOLITICS, "--server", &url]).args(args);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let told = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(told).unwrap())
}

#[tokio::test]
async fn the_command_shows_its_certificate_and_its_token_to_a_server_that_it_knows() {
    let (files, authority) = (Files::new(), Authority::new());
    let tls = files.tls(&authority.sign(|_| ()), Some(&authority));
    let tokens = files.tokens(&lines()).unwrap();
    let security = Security::new(Some(tls), Some(tokens)).unwrap();
    let (server, _) = start(security, HOUR).await;
    let Pair { certificate, key } = authority.sign(|_| ());
    let flag = |flag: &str, name: &str, text: &str| {
        let path = files.write(name, text);
        [PathBuf::from(flag), path]
    };
    let ca = flag("--ca", "ca.pem", &authority.pem());
    let certificate = flag("--client-cert", "client.pem", &certificate);
    let key = flag("--client-key", "client.key", &key);
    let token = flag("--token-file", "token", "caller\n");
    let unknown = flag("--token-file", "unknown", "secret");
    let hashes = flag("--token-file", "hashes", &lines()[0]);
    let stranger = flag("--ca", "stranger.pem", &Authority::new().pem());
    let ask = async |scheme: &str, flags: &[&[PathBuf; 2]]| {
        command(&server, scheme, &flags.iter().copied().flatten().collect::<Vec<_>>()).await
    };
    let (code, told) = ask("https", &[&ca, &certificate, &key, &token]).await;
    assert!(code == Some(0) && told.contains(r#""label":"geopolitics""#), "{told}");
    for (scheme, flags, expected) in [
        ("https", vec![&ca, &certificate, &key], "Unauthenticated: "),
        ("https", vec![&ca, &certificate, &key, &unknown], "Unauthenticated: "),
        ("https", vec![&ca, &certificate, &key, &hashes], "hashes holds no token"),
        ("https", vec![&stranger, &certificate, &key, &token], "invalid peer certificate"),
        ("https", vec![&certificate, &key, &token], "needs --ca FILE"),
        ("http", vec![&ca, &token], "--ca and --client-cert are for https"),
        ("ftp", vec![&token], "is no address of a server"),
    ] {
        let (code, told) = ask(scheme, &flags).await;
        assert!(code == Some(1) && told.contains(expected), "{expected}: {code:?} {told}");
        assert!(!told.contains("secret") && !told.contains(&hash_token("caller")), "{told}");
    }
    let (code, told) = ask("http", &[&token]).await;
    assert!(code == Some(1) && told.contains("if the server speaks TLS, write https://"), "{told}");
    // Without a certificate the server hangs up, at the handshake or, with TLS 1.3, after it.
    assert_eq!(ask("https", &[&ca, &token]).await.0, Some(1));
    server.stop().await;
    let plain = TestServer::start().await;
    let (code, told) = command(&plain, "https", &[&ca[0], &ca[1]]).await;
    assert!(
        code == Some(1) && told.contains("if the server speaks no TLS, write http://"),
        "{told}"
    );
    plain.stop().await;
}
