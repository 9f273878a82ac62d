//! Every kind of certificate, shown on loopback under the names of KIS's hosts.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::client::WebPkiServerVerifier;
use rustls::pki_types::PrivateKeyDer;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use super::*;
use crate::http::{CallLimits, NetError, Reply, ReqwestTransport, Transport as _};

const LIVE_HOST: &str = "openapi.koreainvestment.com";
/// What the paper host's certificate carries in these tests.
const CARRIED: &str = "vts-other.koreainvestment.com";

/// Who signs.
fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// What is wrong with a certificate beside its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    None,
    Expired,
    NotYet,
    OtherAuthority,
    SelfSigned,
}

/// A server on loopback whose certificate carries `name`; it answers whoever comes as far as to ask.
fn server(trusted: &CertifiedIssuer<'static, KeyPair>, name: &str, flaw: Flaw) -> SocketAddr {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    match flaw {
        Flaw::Expired => {
            (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
        }
        Flaw::NotYet => {
            (params.not_before, params.not_after) = (date_time_ymd(3000, 1, 1), date_time_ymd(3001, 1, 1));
        }
        Flaw::None | Flaw::OtherAuthority | Flaw::SelfSigned => {}
    }
    let certificate = match flaw {
        Flaw::SelfSigned => params.self_signed(&key).unwrap(),
        Flaw::OtherAuthority => params.signed_by(&key, &authority("another")).unwrap(),
        Flaw::None | Flaw::Expired | Flaw::NotYet => params.signed_by(&key, trusted).unwrap(),
    };
    let secret = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], secret)
        .unwrap();
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    // Ends with the first connection, refused or not.
    std::thread::spawn(move || {
        let (socket, _) = listener.accept().unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let connection = ServerConnection::new(Arc::new(config)).unwrap();
        let mut stream = StreamOwned::new(connection, socket);
        // A client that refuses the certificate never comes to ask.
        if stream.read(&mut [0; 1024]).is_ok() {
            let _sent = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
        }
    });
    address
}

/// Asks `host`, which is resolved to `address`, as a client that trusts one authority.
async fn ask(
    trusted: &CertifiedIssuer<'static, KeyPair>,
    other: Option<&OtherName>,
    host: &'static str,
    address: SocketAddr,
) -> Reply {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.der().clone()).unwrap();
    let provider = Arc::new(aws_lc_rs::default_provider());
    let inner =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build().unwrap();
    let transport =
        ReqwestTransport::resolving(host, address, config(provider, inner, other).unwrap()).unwrap();
    get(&transport, &format!("https://{host}:{}/uapi/x", address.port())).await
}

async fn get(transport: &ReqwestTransport, url: &str) -> Reply {
    let limits = CallLimits { timeout: Duration::from_secs(10), max_body_bytes: 64 };
    transport.send(http::Request::get(url).body(bytes::Bytes::new()).unwrap(), limits).await
}

#[tokio::test]
async fn every_certificate_is_judged_by_chain_dates_and_name_and_one_other_name_is_taken_for_the_paper_host_alone()
 {
    let trusted = authority("trusted");
    let other = OtherName::parse(CARRIED).unwrap();
    let (no, yes) = (None, Some(&other));
    let cases = [
        ("paper, its own name", PAPER_HOST, PAPER_HOST, Flaw::None, no, true),
        ("paper, its own name, opted in", PAPER_HOST, PAPER_HOST, Flaw::None, yes, true),
        ("paper, the other name", PAPER_HOST, CARRIED, Flaw::None, no, false),
        ("paper, the other name, opted in", PAPER_HOST, CARRIED, Flaw::None, yes, true),
        ("paper, a third name, opted in", PAPER_HOST, "evil.example.org", Flaw::None, yes, false),
        ("paper, expired, opted in", PAPER_HOST, PAPER_HOST, Flaw::Expired, yes, false),
        ("paper, the other name, expired, opted in", PAPER_HOST, CARRIED, Flaw::Expired, yes, false),
        ("paper, the other name, not yet, opted in", PAPER_HOST, CARRIED, Flaw::NotYet, yes, false),
        (
            "paper, the other name, wrong authority, opted in",
            PAPER_HOST,
            CARRIED,
            Flaw::OtherAuthority,
            yes,
            false,
        ),
        ("paper, the other name, self-signed, opted in", PAPER_HOST, CARRIED, Flaw::SelfSigned, yes, false),
        ("live, its own name", LIVE_HOST, LIVE_HOST, Flaw::None, no, true),
        ("live, the other name, opted in for paper", LIVE_HOST, CARRIED, Flaw::None, yes, false),
        ("live, the paper host's name", LIVE_HOST, PAPER_HOST, Flaw::None, yes, false),
        ("live, expired", LIVE_HOST, LIVE_HOST, Flaw::Expired, no, false),
        ("live, self-signed", LIVE_HOST, LIVE_HOST, Flaw::SelfSigned, no, false),
        ("live, wrong authority", LIVE_HOST, LIVE_HOST, Flaw::OtherAuthority, no, false),
    ];
    for (name, host, carried, flaw, other, answered) in cases {
        let reply = ask(&trusted, other, host, server(&trusted, carried, flaw)).await;
        match reply {
            Ok(response) => assert!(answered && response.status() == 200, "{name}: answered"),
            Err(NetError::NotSent(why)) => assert!(!answered && why.contains("certificate"), "{name}: {why}"),
            Err(NetError::Ambiguous(why)) => {
                panic!("{name}: a refused certificate means that nothing left: {why}")
            }
        }
    }
}

#[tokio::test]
async fn the_clients_of_the_product_refuse_a_certificate_that_nobody_vouches_for() {
    let trusted = authority("nobody this machine knows");
    let other = OtherName::parse(CARRIED).unwrap();
    let transports = [
        ReqwestTransport::for_reads(None),
        ReqwestTransport::for_orders(None),
        ReqwestTransport::for_reads(Some(&other)),
        ReqwestTransport::for_orders(Some(&other)),
    ];
    for transport in transports {
        let address = server(&trusted, "localhost", Flaw::None);
        let reply = get(&transport.unwrap(), &format!("https://localhost:{}/uapi/x", address.port())).await;
        assert!(matches!(reply, Err(NetError::NotSent(_))), "{reply:?}");
    }
}

#[test]
fn only_a_full_host_name_can_be_the_other_name() {
    for text in ["", "*", "*.koreainvestment.com", "127.0.0.1", "::1", "localhost", "a b.c", "https://x.y"] {
        assert_eq!(OtherName::parse(text), None, "{text}");
    }
    assert!(OtherName::parse(CARRIED).is_some());
}
