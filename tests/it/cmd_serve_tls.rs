//! `serve` in TLS: others on the network may come in, and nobody reads along.

use crate::cli_support::TestEnvironment;
use crate::cli_support::web::Serving;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

/// A certificate for `localhost` and its key, in files; and a client that trusts nothing else.
fn certificate(env: &TestEnvironment, name: &str) -> ([String; 2], Arc<rustls::ClientConfig>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_string()]).unwrap();
    let files = ["crt", "key"].map(|end| env.path(format!("{name}.{end}")));
    fs::write(&files[0], made.cert.pem()).unwrap();
    fs::write(&files[1], made.signing_key.serialize_pem()).unwrap();
    expose(&files[1].display().to_string(), 0o600);
    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let client = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (files.map(|path| path.display().to_string()), Arc::new(client))
}

fn expose(path: &str, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn with_a_certificate_it_listens_to_others_and_the_cookie_never_goes_without() {
    let env = TestEnvironment::with_session(1);
    let ([certificate, key], client) = certificate(&env, "own");
    let args = ["--tls-cert", &certificate, "--tls-key", &key, "--host", "ledger.test"];
    let serving = Serving::start_at(&env, "0.0.0.0:0", &args, Some(client));
    let port = serving.address.split(':').next_back().unwrap();
    let link = format!("https://ledger.test:{port}/enter#");
    assert!(serving.link.starts_with(&link), "{}", serving.link);
    let visitor = serving.enter(&serving.key);
    assert!(visitor.cookie.starts_with("__Host-codex_ledger="));
    let page = visitor.get("/").expect(200);
    assert_eq!(page.header("strict-transport-security"), "max-age=31536000");
    let origin = format!("Origin: http://{}", serving.address);
    let cookie = format!("Cookie: {}", visitor.cookie);
    let form = format!("form_secret={}", visitor.form_secret);
    serving.ask("POST", "/leave", &[&cookie, &origin], Some(&form)).expect(403);
    let left = visitor.post("/leave", &[]).expect(303);
    assert!(
        left.header("set-cookie").contains("; Secure")
            && left.header("set-cookie").contains("HttpOnly")
    );
    for host in ["Host: ledger.test".to_string(), format!("Host: ledger.test:{port}")] {
        serving.ask("GET", "/enter", &[&host], None).expect(200);
    }
    serving.ask("GET", "/enter", &["Host: localhost"], None).expect(421);
    // Whoever does not speak it gets nothing, and whoever does not greet has to go.
    let plain = |say: &[u8]| {
        let mut stream = TcpStream::connect(&serving.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.write_all(say).unwrap();
        let mut answer = Vec::new();
        // Whether it is closed or reset is the same here; that it waits longer is not.
        let ended = stream.read_to_end(&mut answer);
        let is_patient = ended.is_err_and(|e| e.kind() == std::io::ErrorKind::WouldBlock);
        assert!(!is_patient && !answer.starts_with(b"HTTP"), "{answer:?}");
    };
    plain(b"GET / HTTP/1.1\r\nHost: ledger.test\r\n\r\n");
    plain(b"");
    assert_eq!(serving.stop(), Some(0));
}

#[test]
fn a_key_that_others_read_or_that_fits_nothing_is_refused_and_so_is_the_network_without() {
    let env = TestEnvironment::with_session(1);
    let ([certificate, key], _) = certificate(&env, "own");
    let (other, _) = self::certificate(&env, "other");
    let serve = ["serve", "--listen", "127.0.0.1:0", "--tls-cert", &certificate, "--tls-key"];
    let refused = |key: &str, words: &[&str]| {
        env.run(serve.iter().chain(&[key])).refused(words);
    };
    refused(&other[1], &["own.crt", "not usable"]);
    refused(&certificate, &["own.crt", "others can read"]);
    refused(&env.path("none").display().to_string(), &["none"]);
    expose(&key, 0o640);
    refused(&key, &["own.key", "others can read", "chmod 600"]);
    expose(&key, 0o600);
    fs::write(&certificate, "nothing").unwrap();
    refused(&key, &["own.crt", "no certificate"]);
    env.run(["serve", "--tls-cert", &certificate]).refused(&["--tls-key"]);
    env.run(["serve", "--listen", "0.0.0.0:0"]).refused(&["--tls-cert", "proxy"]);
    let all = ["serve", "--listen", "0.0.0.0:0", "--tls-cert", &other[0], "--tls-key", &other[1]];
    env.run(all).refused(&["--host"]);
}
