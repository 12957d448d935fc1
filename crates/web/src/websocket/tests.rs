//! Frames in all sorts of portions.

use super::*;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

const MASK: [u8; 4] = [1, 2, 3, 250];

/// A client's frame.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    head(&mut out, first, payload.len());
    out[1] |= 0x80;
    out.extend_from_slice(&MASK);
    out.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    out
}

fn text(line: &str) -> Vec<u8> {
    frame(TEXT, line.as_bytes())
}

/// What is read of bytes that come in portions of a size, and the code they are closed with.
fn unframed(bytes: &[u8], portion: usize) -> (Vec<u8>, Option<u16>) {
    let (mut unframer, mut all) = (Unframer::default(), Vec::new());
    for portion in bytes.chunks(portion) {
        let mut buffer = vec![0; 1 + portion.len()];
        buffer[1..].copy_from_slice(portion);
        let made = unframer.unframe(&mut buffer, portion.len());
        all.extend_from_slice(&buffer[..made]);
    }
    (all, unframer.close_code())
}

#[test]
fn a_message_is_a_line_however_it_comes() {
    let long = "x".repeat(70_000);
    let bytes = [text("ping"), text(""), text("send bob é"), text(&"y".repeat(300)), text(&long)];
    let expected = format!("ping\n\nsend bob é\n{}\n{long}\n", "y".repeat(300));
    let bytes = bytes.concat();
    for portion in [1, 2, 3, 7, 64, 1000, bytes.len()] {
        assert_eq!(unframed(&bytes, portion), (expected.clone().into_bytes(), None), "{portion}");
    }
}

#[test]
fn a_message_may_come_in_parts_with_pings_between_them() {
    let parts = [frame(0x01, b"pi"), frame(0x89, b"there?"), frame(0x00, b""), frame(0x80, b"ng")];
    assert_eq!(unframed(&parts.concat(), 3), (b"ping\n".to_vec(), None));
}

#[test]
fn a_line_feed_inside_a_message_ends_no_line() {
    let bytes = frame(TEXT, b"a\nb\xfe\n");
    assert_eq!(unframed(&bytes, 4), (b"a\xfeb\xff\xfe\n".to_vec(), None));
}

#[test]
fn what_is_against_the_standard_closes_with_the_right_code() {
    let close = |bytes: &[u8]| unframed(&[bytes, &text("ping")].concat(), 2);
    let unmasked = [TEXT, 2, b'h', b'i', 0, 0, 0, 0];
    for (code, bytes) in [
        (1003, frame(0x82, b"binary")),
        (1003, frame(0x02, b"binary")),
        (1002, unmasked.to_vec()),
        (1002, frame(0xc1, b"compressed")),
        (1002, frame(0x80, b"continues nothing")),
        (1002, [frame(0x01, b"begun"), text("again")].concat()),
        (1002, frame(0x09, b"a ping in parts")),
        (1002, frame(0x89, &[0; 126])),
        (1002, frame(0x83, b"of no kind")),
        (1002, vec![TEXT, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        (1000, frame(CLOSE, b"")),
        (1001, frame(CLOSE, &[3, 0xe9, b'o', b'k'])),
        (4000, frame(CLOSE, &4000u16.to_be_bytes())),
        (1002, frame(CLOSE, &[3])),
        (1002, frame(CLOSE, &1005u16.to_be_bytes())),
        (1002, frame(CLOSE, &[3, 0xe8, 0xff])),
    ] {
        let (read, closed) = close(&bytes);
        assert_eq!(closed, Some(code), "{bytes:?}");
        assert!(!read.contains(&b'\n'), "{bytes:?}");
    }
}

fn open() -> (DuplexStream, WebSocket<DuplexStream>) {
    let (client, server) = duplex(1 << 20);
    (client, WebSocket::new(server))
}

async fn read(client: &mut DuplexStream, many: usize) -> Vec<u8> {
    let mut all = vec![0; many];
    client.read_exact(&mut all).await.unwrap();
    all
}

#[tokio::test]
async fn a_reply_is_a_frame() {
    let (mut client, mut server) = open();
    let long = "z".repeat(70_000);
    let replies = format!("{{\"a\":1}}\r\n\r\n{}\r\n\r\n{long}\r\n\r\n", "y".repeat(300));
    server.write_all(replies.as_bytes()).await.unwrap();
    server.flush().await.unwrap();
    assert_eq!(read(&mut client, 2 + 7).await, b"\x81\x07{\"a\":1}");
    assert_eq!(read(&mut client, 4).await, [TEXT, 126, 1, 44]);
    assert_eq!(read(&mut client, 300).await, "y".repeat(300).as_bytes());
    assert_eq!(read(&mut client, 10).await, [TEXT, 127, 0, 0, 0, 0, 0, 1, 0x11, 0x70]);
    assert_eq!(read(&mut client, 70_000).await, long.as_bytes());
    server.shutdown().await.unwrap();
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).await.unwrap();
    assert_eq!(rest, [CLOSE, 2, 3, 0xe9]);
}

#[tokio::test]
async fn pings_are_answered_the_last_of_many_and_a_close_with_its_code() {
    let (mut client, mut server) = open();
    let bytes = [frame(0x89, b"one"), frame(0x89, b"two"), text("ping"), frame(CLOSE, b"")];
    client.write_all(&bytes.concat()).await.unwrap();
    let mut line = vec![0; 64];
    let many = server.read(&mut line).await.unwrap();
    assert_eq!(&line[..many], b"ping\n");
    assert_eq!(server.read(&mut line).await.unwrap(), 0);
    server.shutdown().await.unwrap();
    let mut said = Vec::new();
    client.read_to_end(&mut said).await.unwrap();
    assert_eq!(said, b"\x8a\x03two\x88\x02\x03\xe8");
}

#[tokio::test]
async fn a_client_that_does_not_read_holds_the_writer_back() {
    let (client, server) = duplex(64);
    let mut server = WebSocket::new(server);
    let replies = "x\r\n\r\n".repeat(64 << 10);
    let writing = async { server.write_all(replies.as_bytes()).await };
    assert!(tokio::time::timeout(std::time::Duration::from_millis(20), writing).await.is_err());
    assert!(server.out.len() <= STAGE + 64, "{}", server.out.len());
    drop(client);
}

proptest! {
    #[test]
    fn any_bytes_come_to_no_more_than_they_are(
        bytes in proptest::collection::vec(any::<u8>(), 0..400), portion in 1usize..40,
    ) {
        let (whole, closed) = unframed(&bytes, bytes.len().max(1));
        prop_assert!(whole.len() <= bytes.len());
        prop_assert_eq!(unframed(&bytes, portion), (whole, closed));
    }
}
