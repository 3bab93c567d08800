//! Trusted servers, and the errors for all other ones. No request is sent to an untrusted server.

use bytes::Bytes;
use deis_store::ErrorKind;
use deis_store::error::At;
use deis_store::http::{Body, ConnectOptions, Stage, connect};
use http::Request;

use super::certificates::Authority;
use super::heard::{NOTHING, Server};
use crate::main_job::block;

/// Sends a request to a server that is not trusted. The error must say each of these words.
async fn refused(server: &Server, options: ConnectOptions, words: &[&str]) {
    let transport = connect(&format!("https://{}", server.address), options).unwrap();
    let error = transport.send(Request::new(Body::Bytes(Bytes::new()))).await.unwrap_err();
    assert_eq!(error.stage, Stage::Untrusted, "{error:?}");
    let error = error.into_error().at(At::Endpoint, transport.endpoint());
    assert_eq!(error.kind(), ErrorKind::Protocol);
    let said = format!("{}; to do: {}", error.what(), error.advice().unwrap());
    for word in words {
        assert!(said.contains(word), "`{word}` is not said: {said}");
    }
    assert!(server.heard().is_empty());
}

fn trusting(authority: &Authority) -> ConnectOptions {
    let mut options = ConnectOptions::default();
    options.ca_file_pem = Some(authority.pem());
    options
}

#[test]
fn a_server_of_an_unknown_authority_is_refused_by_name() {
    block(async {
        let (ours, other) = (Authority::new(), Authority::new());
        let server = Server::start(Some(ours.acceptor("IP:127.0.0.1", "1")), NOTHING).await;
        let todo = "ca_certs_file";
        refused(&server, ConnectOptions::default(), &["cannot be trusted", "UnknownIssuer", todo]).await;
        // Both authorities have the same name, so only the signature tells them apart.
        refused(&server, trusting(&other), &["cannot be trusted", "BadSignature", todo]).await;
    });
}

#[test]
fn a_certificate_for_another_host_is_refused_by_name() {
    block(async {
        let authority = Authority::new();
        let server = Server::start(Some(authority.acceptor("DNS:gateway.example.com", "1")), NOTHING).await;
        refused(&server, trusting(&authority), &["127.0.0.1", "gateway.example.com", "use a host name"])
            .await;
    });
}

#[test]
fn a_certificate_that_has_expired_is_refused_by_name() {
    block(async {
        let authority = Authority::new();
        let server = Server::start(Some(authority.acceptor("IP:127.0.0.1", "0")), NOTHING).await;
        tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
        refused(&server, trusting(&authority), &["expired", "renew", "clock"]).await;
    });
}

#[test]
fn a_server_that_does_not_speak_tls_is_refused_by_name() {
    block(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            use tokio::io::AsyncWriteExt as _;
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await.unwrap();
            std::future::pending::<()>().await;
        });
        let transport = connect(&format!("https://{address}"), ConnectOptions::default()).unwrap();
        let error = transport.send(Request::new(Body::Bytes(Bytes::new()))).await.unwrap_err();
        assert_eq!(error.stage, Stage::Untrusted, "{error:?}");
        assert!(error.todo.unwrap().contains("http://"));
    });
}

#[test]
fn an_unchecked_certificate_is_taken_whatever_it_says() {
    block(async {
        let authority = Authority::new();
        let server = Server::start(Some(authority.acceptor("DNS:gateway.example.com", "0")), NOTHING).await;
        let mut options = ConnectOptions::default();
        options.check_certificate = false;
        let transport = connect(&format!("https://{}", server.address), options).unwrap();
        let answer = transport.send(Request::new(Body::Bytes(Bytes::new()))).await.unwrap();
        assert_eq!((answer.status().as_u16(), server.heard().len()), (200, 1));
    });
}
