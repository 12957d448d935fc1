use super::*;
use antar_types::Name;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

fn made(name: &str) -> (Tls, Fingerprint) {
    let directory = tempfile::tempdir().unwrap();
    let name = Name::parse(name).unwrap();
    let identity = Identity::open_or_make(directory.path(), &name).unwrap();
    (Tls::new(&identity), identity.fingerprint())
}

/// Both ends of a connection.
async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (called, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
    (called.unwrap(), accepted.unwrap().0)
}

async fn read(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> String {
    let mut all = String::new();
    stream.read_to_string(&mut all).await.unwrap();
    all
}

#[tokio::test]
async fn both_sides_learn_the_others_key() {
    let ((alpha, alpha_key), (beta, beta_key)) = (made("alpha"), made("beta"));
    let (called, accepted) = pair().await;
    let (called, accepted) = tokio::join!(alpha.connect(called), beta.accept(accepted, HANDSHAKE));
    let ((mut called, answered), (mut accepted, asked)) = (called.unwrap(), accepted.unwrap());
    assert_eq!((answered, asked), (beta_key, Some(alpha_key)));
    called.write_all(b"ping").await.unwrap();
    called.shutdown().await.unwrap();
    assert_eq!(read(&mut accepted).await, "ping");
    accepted.write_all(b"pong").await.unwrap();
    accepted.shutdown().await.unwrap();
    assert_eq!(read(&mut called).await, "pong");
}

#[tokio::test]
async fn a_client_needs_no_certificate() {
    let (tls, _) = made("alpha");
    let anonymous = TlsConnector::from(Arc::new(client_config(None)));
    let (called, accepted) = pair().await;
    let (called, accepted) =
        tokio::join!(anonymous.connect(nowhere(), called), tls.accept(accepted, HANDSHAKE));
    called.unwrap();
    assert_eq!(accepted.unwrap().1, None);
}

/// Somebody else's certificate, copied, without its key.
#[tokio::test]
async fn a_certificate_is_worth_nothing_without_its_key() {
    let ((alpha, _), (beta, _)) = (made("alpha"), made("beta"));
    let identity = |name: &str| {
        let directory = tempfile::tempdir().unwrap();
        Identity::open_or_make(directory.path(), &Name::parse(name).unwrap()).unwrap()
    };
    let (thief, owner) = (identity("thief"), identity("owner"));
    let thief = Tls::new(&thief.with_certificate_of(&owner));
    let (called, accepted) = pair().await;
    let (called, accepted) = tokio::join!(alpha.connect(called), thief.accept(accepted, HANDSHAKE));
    assert!(matches!(called, Err(ConnectError::Failed(_))));
    assert!(accepted.is_err());
    let (called, accepted) = pair().await;
    let (_, accepted) = tokio::join!(thief.connect(called), beta.accept(accepted, HANDSHAKE));
    assert!(accepted.unwrap_err().to_string().contains("BadSignature"));
}

#[tokio::test]
async fn no_tls_is_told_from_tls_that_fails() {
    let (tls, _) = made("alpha");
    // What it says, and whether that is TLS: a banner, an alert, a record that is none.
    let said: [(&[u8], bool); 4] = [
        (b"", false),
        (b"{\"status\":\"ERROR\"}\r\n\r\n", false),
        (&[0x15, 3, 3, 0, 2, 2, 70], true),
        (&[0x16, 3, 3, 0, 1, 9], true),
    ];
    for (bytes, speaks) in said {
        let (called, mut accepted) = pair().await;
        accepted.write_all(bytes).await.unwrap();
        // Its sending side only: a connection that is reset loses what was said.
        accepted.shutdown().await.unwrap();
        let error = tls.connect(called).await.unwrap_err();
        assert_eq!(matches!(error, ConnectError::Failed(_)), speaks, "{bytes:?}: {error}");
        assert_eq!(matches!(error, ConnectError::NoTls), !speaks, "{bytes:?}: {error}");
    }
    let (called, accepted) = pair().await;
    drop(accepted);
    assert!(matches!(tls.connect(called).await, Err(ConnectError::NoTls)));
}

#[tokio::test]
async fn silence_is_no_tls_and_slowness_is() {
    let patience = Duration::from_millis(50);
    let ((alpha, _), (beta, beta_key)) = (made("alpha"), made("beta"));
    let (called, _silent) = pair().await;
    assert!(matches!(alpha.connect_within(called, patience).await, Err(ConnectError::NoTls)));

    let ((called, between), (onward, accepted)) = (pair().await, pair().await);
    let (mut asks, mut hears) = between.into_split();
    let (mut answers, mut asked) = onward.into_split();
    // In between, the first byte of the answer passes at once and the rest when patience is over.
    let passing = async {
        let mut first = [0];
        answers.read_exact(&mut first).await.unwrap();
        hears.write_all(&first).await.unwrap();
        tokio::time::sleep(patience * 2).await;
        let _ = tokio::io::copy(&mut answers, &mut hears).await;
    };
    let called = tokio::select! {
        called = alpha.connect_within(called, patience) => called,
        _ = async { tokio::join!(passing, tokio::io::copy(&mut asks, &mut asked)) } => panic!(),
        _ = async {
            let _kept = beta.accept(accepted, HANDSHAKE).await.unwrap();
            std::future::pending::<()>().await
        } => panic!(),
    };
    assert_eq!(called.unwrap().1, beta_key);
}

/// A certificate of an operator's, and its key, in files.
fn operators(directory: &std::path::Path) -> crate::TlsConfig {
    let made = rcgen::generate_simple_self_signed(["chat.example".to_string()]).unwrap();
    let (certificate, key) = (directory.join("chain.pem"), directory.join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    crate::TlsConfig { certificate: Some(certificate), key: Some(key), require: false }
}

/// Which certificate is shown to who offers this, and whether one is asked for: then ours is shown.
async fn meets(tls: &Tls, offers: &[&[u8]]) -> (Fingerprint, bool) {
    let directory = tempfile::tempdir().unwrap();
    let name = Name::parse("beta").unwrap();
    let identity = Identity::open_or_make(directory.path(), &name).unwrap();
    let mut config = client_config(Some(&identity));
    config.alpn_protocols = offers.iter().map(|one| one.to_vec()).collect();
    let connector = TlsConnector::from(Arc::new(config));
    let (called, accepted) = pair().await;
    let (called, accepted) =
        tokio::join!(connector.connect(nowhere(), called), tls.accept(accepted, HANDSHAKE));
    (peer(&TlsStream::from(called.unwrap())).unwrap(), accepted.unwrap().1.is_some())
}

#[tokio::test]
async fn realms_are_shown_the_realms_key_and_everybody_else_the_operators() {
    let (tls, own) = made("alpha");
    let directory = tempfile::tempdir().unwrap();
    let config = operators(directory.path());
    let browser: &[&[u8]] = &[b"h2", b"http/1.1"];
    assert_eq!(meets(&tls, &[]).await, (own, true));
    assert_eq!(meets(&tls, &[ALPN]).await, (own, true));
    assert_eq!(meets(&tls, browser).await, (own, false));
    tls.show(Certificate::read(&config).unwrap().as_ref());
    assert_eq!(meets(&tls, &[ALPN]).await, (own, true));
    let (first, asked) = meets(&tls, browser).await;
    assert!(first != own && !asked);
    assert_eq!(meets(&tls, &[]).await, (first, false));
}

#[tokio::test(start_paused = true)]
async fn a_certificate_that_is_renewed_is_shown_and_one_that_is_wrong_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let (tls, own) = made("alpha");
    let tls = Arc::new(tls);
    let config = operators(directory.path());
    tls.show(Certificate::read(&config).unwrap().as_ref());
    let (first, _) = meets(&tls, &[]).await;
    let (_named, named) = tokio::sync::watch::channel(config.clone());
    let watching = tokio::spawn(watch(Arc::downgrade(&tls), named));
    tokio::time::sleep(Duration::from_secs(15)).await;
    std::fs::write(config.key.as_ref().unwrap(), "half of a key").unwrap();
    tokio::time::sleep(Duration::from_secs(15)).await;
    assert_eq!(meets(&tls, &[]).await, (first, false));
    operators(directory.path());
    tokio::time::sleep(Duration::from_secs(15)).await;
    let (second, _) = meets(&tls, &[]).await;
    assert!(second != first && second != own);
    drop(tls);
    watching.await.unwrap();
}

#[test]
fn what_is_no_certificate_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let (good, other) = (operators(directory.path()), operators(elsewhere.path()));
    let read = |certificate: Option<&std::path::PathBuf>, key: Option<&std::path::PathBuf>| {
        let config = crate::TlsConfig {
            certificate: certificate.cloned(),
            key: key.cloned(),
            require: false,
        };
        Certificate::read(&config).map(|found| found.is_some()).map_err(|error| error.to_string())
    };
    let (certificate, key) = (good.certificate.as_ref(), good.key.as_ref());
    assert_eq!(read(certificate, key), Ok(true));
    assert_eq!(read(None, None), Ok(false));
    assert!(read(certificate, None).unwrap_err().contains("go together"));
    assert!(read(key, key).unwrap_err().contains("holds no certificate"));
    assert!(read(certificate, certificate).unwrap_err().contains("holds no private key"));
    let nowhere = directory.path().join("none.pem");
    assert!(read(Some(&nowhere), key).unwrap_err().contains("none.pem"));
    let mixed = read(certificate, other.key.as_ref());
    assert!(mixed.unwrap_err().contains("cannot be used with the key"));
}
