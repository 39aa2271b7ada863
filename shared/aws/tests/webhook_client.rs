//! The client that posts webhooks, against servers on loopback and resolvers that lie. The tests
//! dial through the connector that also dials in production.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bulk_aws::{LookUp, WebhookClient};
use bulk_domain::delivery::NoAnswer;
use bulk_domain::webhook_url::UrlPolicy;
use bulk_pipeline::ports::prelude::*;
use bulk_pipeline::ports::{PingOutcome, PostOutcome, WebhookRequest};
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

const NAME: &str = "hooks.example.com";

/// A resolver with its answers. Each look-up takes the next answer, and the last one stays.
#[derive(Clone, Default)]
struct Answers {
    answers: Arc<Mutex<VecDeque<Vec<SocketAddr>>>>,
    asked: Arc<AtomicUsize>,
}

impl Answers {
    fn new(answers: &[&[&str]]) -> Self {
        let parse = |address: &&str| SocketAddr::new(address.parse::<IpAddr>().unwrap(), 0);
        let answers = answers.iter().map(|answer| answer.iter().map(parse).collect()).collect();
        Self { answers: Arc::new(Mutex::new(answers)), asked: Arc::default() }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

impl LookUp for Answers {
    async fn look_up(&self, _name: &str) -> std::io::Result<Vec<SocketAddr>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let mut answers = self.answers.lock().unwrap();
        Ok(if answers.len() > 1 { answers.pop_front().unwrap() } else { answers[0].clone() })
    }
}

/// A resolver that never answers.
struct Silent;

impl LookUp for Silent {
    async fn look_up(&self, _name: &str) -> std::io::Result<Vec<SocketAddr>> {
        std::future::pending().await
    }
}

/// A server with TLS on loopback, which answers 200 to every request and counts connections.
struct Server {
    port: u16,
    connections: Arc<AtomicUsize>,
    certificate: CertificateDer<'static>,
}

impl Server {
    async fn start(name_in_certificate: &str) -> Self {
        let made = rcgen::generate_simple_self_signed([name_in_certificate.to_owned()]).unwrap();
        let certificate = made.cert.der().clone();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key)
            .unwrap();
        let (acceptor, listener) =
            (TlsAcceptor::from(Arc::new(tls)), TcpListener::bind("127.0.0.1:0").await.unwrap());
        let (port, connections) =
            (listener.local_addr().unwrap().port(), Arc::<AtomicUsize>::default());
        let count = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await;
                let _ = stream.shutdown().await;
            }
        });
        Self { port, connections, certificate }
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    fn trusted(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        roots
    }
}

fn request(url: String) -> WebhookRequest {
    let (headers, within) = (vec![("x-test", "1".into())], Duration::from_secs(4));
    WebhookRequest { url, headers, body: b"{}".to_vec(), within }
}

fn client(policy: UrlPolicy, answers: &Answers, server: &Server) -> WebhookClient {
    WebhookClient::with(policy, answers.clone(), server.trusted()).unwrap()
}

const SUCCESS: PostOutcome = PostOutcome::Answered { status: 200, retry_after: None };

#[tokio::test]
async fn the_address_that_was_judged_is_the_address_that_is_dialled() {
    let server = Server::start(NAME).await;
    // A second look-up would lead elsewhere, but there is none.
    let answers = Answers::new(&[&["127.0.0.1"], &["10.0.0.1"]]);
    let client = client(UrlPolicy::LoopbackToo, &answers, &server);
    let url = format!("https://{NAME}:{}/", server.port);
    assert_eq!(client.post(request(url)).await, SUCCESS);
    assert_eq!((answers.asked(), server.connections()), (1, 1));
}

#[tokio::test]
async fn the_same_answer_is_dialled_or_not_as_the_setting_says() {
    let server = Server::start(NAME).await;
    // The name and the address are the same: the client dials them where loopback is allowed, and
    // does not dial them where it is not.
    let answers = Answers::new(&[&["127.0.0.1"], &["127.0.0.1"]]);
    let url = format!("https://{NAME}:{}/", server.port);
    let taken = client(UrlPolicy::LoopbackToo, &answers, &server);
    assert_eq!(taken.post(request(url.clone())).await, SUCCESS);
    let refused = client(UrlPolicy::PublicOnly, &answers, &server);
    let outcome = refused.post(request(url)).await;
    assert_eq!(outcome, PostOutcome::Unreachable(NoAnswer::AddressNotAllowed));
    assert_eq!((answers.asked(), server.connections()), (2, 1), "asked again, and not connected");
}

#[tokio::test]
async fn every_request_looks_up_again_and_no_connection_outlives_its_answer() {
    let server = Server::start(NAME).await;
    let answers = Answers::new(&[&["127.0.0.1"], &["10.0.0.1"], &["127.0.0.1"]]);
    let client = client(UrlPolicy::LoopbackToo, &answers, &server);
    let url = format!("https://{NAME}:{}/", server.port);
    assert_eq!(client.post(request(url.clone())).await, SUCCESS);
    let outcome = client.post(request(url.clone())).await;
    assert_eq!(outcome, PostOutcome::Unreachable(NoAnswer::AddressNotAllowed), "rebound");
    assert_eq!(server.connections(), 1, "and no connection of before was used");
    assert_eq!(client.post(request(url)).await, SUCCESS);
    assert_eq!((answers.asked(), server.connections()), (3, 2));
}

#[tokio::test]
async fn of_many_addresses_only_those_that_are_allowed_are_dialled() {
    let server = Server::start(NAME).await;
    let mixed =
        ["10.0.0.1", "169.254.169.254", "fd00:ec2::254", "::ffff:10.0.0.1", "127.0.0.1", "fe80::1"];
    let answers = Answers::new(&[&mixed]);
    let client = client(UrlPolicy::LoopbackToo, &answers, &server);
    let started = Instant::now();
    assert_eq!(client.post(request(format!("https://{NAME}:{}/", server.port))).await, SUCCESS);
    assert!(started.elapsed() < Duration::from_secs(1), "nothing else was tried before");
}

#[tokio::test]
async fn a_resolver_that_answers_with_an_address_that_is_not_public_gets_no_connection() {
    let server = Server::start(NAME).await;
    let url = format!("https://{NAME}:{}/", server.port);
    for address in [
        "127.0.0.1",
        "::1",
        "0.0.0.0",
        "::",
        "::ffff:127.0.0.1",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "169.254.170.2",
        "100.64.0.1",
        "fd00:ec2::254",
        "fe80::1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2001::1",
        "224.0.0.1",
        "255.255.255.255",
        "192.0.2.1",
        "2001:db8::1",
    ] {
        let answers = Answers::new(&[&[address]]);
        let outcome =
            client(UrlPolicy::PublicOnly, &answers, &server).post(request(url.clone())).await;
        assert_eq!(outcome, PostOutcome::Unreachable(NoAnswer::AddressNotAllowed), "{address}");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_url_with_an_address_is_judged_without_a_resolver() {
    let server = Server::start(NAME).await;
    let answers = Answers::new(&[&["127.0.0.1"]]);
    let client = client(UrlPolicy::PublicOnly, &answers, &server);
    for host in
        ["127.0.0.1", "2130706433", "0x7f.1", "127.1", "[::1]", "[::ffff:127.0.0.1]", "localhost"]
    {
        let outcome = client.post(request(format!("https://{host}:{}/", server.port))).await;
        assert_eq!(outcome, PostOutcome::Unreachable(NoAnswer::UrlNotAllowed), "{host}");
    }
    assert_eq!((answers.asked(), server.connections()), (0, 0));
}

#[tokio::test]
async fn a_certificate_that_does_not_hold_is_no_answer() {
    let (right, of_another) = (Server::start(NAME).await, Server::start("other.example.com").await);
    let answers = Answers::new(&[&["127.0.0.1"]]);
    let no_tls = PostOutcome::Unreachable(NoAnswer::NoTls);
    let trusting = client(UrlPolicy::LoopbackToo, &answers, &of_another);
    let wrong_name = trusting.post(request(format!("https://{NAME}:{}/", of_another.port))).await;
    assert_eq!(wrong_name, no_tls, "a certificate of another name");
    let untrusted = trusting.post(request(format!("https://{NAME}:{}/", right.port))).await;
    assert_eq!(untrusted, no_tls, "a certificate of an authority that the client does not trust");
}

#[tokio::test]
async fn the_four_seconds_include_the_look_up() {
    let client =
        WebhookClient::with(UrlPolicy::PublicOnly, Silent, RootCertStore::empty()).unwrap();
    let started = Instant::now();
    let outcome = client.post(request(format!("https://{NAME}/"))).await;
    assert_eq!(outcome, PostOutcome::Unreachable(NoAnswer::Timeout));
    assert!((4..6).contains(&started.elapsed().as_secs()), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_name_without_addresses_is_not_found_and_a_closed_port_is_no_connection() {
    let server = Server::start(NAME).await;
    let nothing = client(UrlPolicy::PublicOnly, &Answers::new(&[&[]]), &server);
    let outcome = nothing.post(request(format!("https://{NAME}/"))).await;
    assert_eq!(outcome, PostOutcome::Unreachable(NoAnswer::NameNotFound));
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let local = client(UrlPolicy::LoopbackToo, &Answers::new(&[&["127.0.0.1"]]), &server);
    let outcome = local.post(request(format!("https://{NAME}:{closed}/"))).await;
    assert_eq!(outcome, PostOutcome::Unreachable(NoAnswer::NoConnection));
}

#[tokio::test]
async fn of_a_pings_answer_no_more_is_read_than_a_right_one_can_have() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 4096]).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        while stream.write_all(&[b'a'; 16384]).await.is_ok() {}
    });
    let client = WebhookClient::new(UrlPolicy::LoopbackToo).unwrap();
    let started = Instant::now();
    let PingOutcome::Answered { status: 200, body } =
        client.ping(request(format!("http://127.0.0.1:{port}/"))).await
    else {
        panic!("an answer")
    };
    assert_eq!(body.len(), 4096);
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_server_has_as_long_as_the_request_allows() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let client = WebhookClient::new(UrlPolicy::LoopbackToo).unwrap();
    let within = Duration::from_millis(200);
    let url = format!("http://127.0.0.1:{port}/");
    let started = Instant::now();
    let silent = client.ping(WebhookRequest { within, ..request(url) }).await;
    assert_eq!(silent, PingOutcome::Unreachable(NoAnswer::Timeout));
    assert!((within..Duration::from_secs(2)).contains(&started.elapsed()));
}

#[test]
fn the_proxy_that_the_environment_names_is_not_asked() {
    // Variables belong to a whole process, so that this test runs another one once more, in a
    // process that has them.
    let closed = "http://127.0.0.1:9";
    let again = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "the_address_that_was_judged_is_the_address_that_is_dialled"])
        .envs([("HTTPS_PROXY", closed), ("https_proxy", closed), ("ALL_PROXY", closed)])
        .env_remove("NO_PROXY")
        .env_remove("no_proxy")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&again.stdout);
    assert!(again.status.success() && said.contains("1 passed"), "{said}");
}
