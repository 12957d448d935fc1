//! Files over HTTP: that what was brought is there, for whom it is, whatever happens meanwhile.

use crate::conn::Conn;
use crate::proxy::Proxy;
use crate::realm::{PATIENCE, Realm, antar, refusal};
use rustix::process::{Resource, Rlimit, prlimit};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    #[track_caller]
    fn expect(self, status: u16) -> Self {
        let body = String::from_utf8_lossy(&self.body[..self.body.len().min(200)]);
        assert_eq!(self.status, status, "{} {body}", self.head);
        self
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn head(method: &str, path: &str, token: &str, headers: &str, length: usize) -> String {
    let token = match token {
        "" => String::new(),
        token => format!("Authorization: Bearer {token}\r\n"),
    };
    let length = if method == "GET" || method == "HEAD" {
        String::new()
    } else {
        format!("Content-Length: {length}\r\n")
    };
    format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{token}{length}{headers}\r\n"
    )
}

fn stream(realm: &Realm) -> TcpStream {
    let stream = TcpStream::connect(realm.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

#[track_caller]
fn ask(realm: &Realm, method: &str, path: &str, token: &str, headers: &str, body: &[u8]) -> Answer {
    let mut stream = stream(realm);
    stream.write_all(head(method, path, token, headers, body.len()).as_bytes()).unwrap();
    // Who is refused need not have been heard to the end.
    let _ = stream.write_all(body);
    let mut said = Vec::new();
    let _ = stream.read_to_end(&mut said);
    let end = said.windows(4).position(|four| four == b"\r\n\r\n").expect("an answer") + 4;
    let body = said.split_off(end);
    let head = String::from_utf8(said).unwrap();
    Answer { status: head[9..12].parse().unwrap(), head, body }
}

#[track_caller]
fn put(realm: &Realm, token: &str, bytes: &[u8]) -> String {
    let path = format!("/files/{}", hash(bytes));
    ask(realm, "PUT", &path, token, "X-Filename: a.bin\r\n", bytes).expect(201);
    path
}

#[track_caller]
fn get(realm: &Realm, token: &str, path: &str) -> Answer {
    ask(realm, "GET", path, token, "", b"")
}

fn bytes(many: usize, seed: u32) -> Vec<u8> {
    let mut state = seed | 1;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    std::iter::repeat_with(next).take(many).collect()
}

/// All files below a directory.
fn below(directory: &Path) -> Vec<PathBuf> {
    let entries = directory.read_dir().into_iter().flatten().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { below(&path) } else { vec![path] }).collect()
}

#[test]
fn a_file_is_read_by_whom_a_message_shows_it_until_it_is_deleted() {
    let realm = Realm::with("");
    let (mut amy, mut bob, mut eve) = (realm.user("amy"), realm.user("bob"), realm.user("eve"));
    let tokens = [&mut amy, &mut bob, &mut eve].map(|conn| {
        let name = conn.expect_ok("WHOAMI")["data"].as_str().unwrap().to_owned();
        conn.login(&name)
    });
    let [amys, bobs, eves] = tokens.each_ref().map(String::as_str);
    let content = bytes(3 << 20, 1);
    let path = put(&realm, amys, &content);
    assert_eq!(get(&realm, amys, &path).expect(200).body, content);
    for (token, status) in [("", 401), (bobs, 404), (eves, 404), (&"~x".repeat(22)[..], 401)] {
        get(&realm, token, &path).expect(status);
    }
    let named = format!("POST bob file={} : look", &path[7..]);
    let id = amy.expect_ok(&named)["id"].as_u64().unwrap();
    assert_eq!(get(&realm, bobs, &path).expect(200).body, content);
    get(&realm, eves, &path).expect(404);
    let part = ask(&realm, "GET", &path, bobs, "Range: bytes=5-9\r\n", b"").expect(206);
    assert_eq!(part.body, content[5..10]);
    assert_eq!(eve.ask(&named)["status"], "ERROR");
    let linked = amy.expect_ok(&format!("FILELINK bob {id}"));
    let link = linked["path"].as_str().unwrap();
    assert_eq!(get(&realm, "", link).expect(200).body, content);
    amy.expect_ok(&format!("DELETE bob {id}"));
    get(&realm, bobs, &path).expect(404);
    get(&realm, "", link).expect(404);
}

#[test]
fn bytes_that_are_others_or_too_many_are_not_kept() {
    let realm = Realm::with("[files]\nfile_bytes = 100000\naccount_bytes = 150000");
    let mut amy = realm.user("amy");
    let token = amy.login("amy");
    let content = bytes(100_000, 2);
    let wrong = format!("/files/{}", hash(b"other"));
    ask(&realm, "PUT", &wrong, &token, "", &content).expect(422);
    let large = bytes(100_001, 3);
    let path = format!("/files/{}", hash(&large));
    let refused = ask(&realm, "PUT", &path, &token, "", &large).expect(413);
    assert_eq!(refused.json()["code"], "limit_reached");
    let mut chunked = stream(&realm);
    let asked = head("PUT", &path, &token, "Transfer-Encoding: chunked\r\n", 0);
    chunked.write_all(asked.replace("Content-Length: 0\r\n", "").as_bytes()).unwrap();
    let _ = write!(chunked, "{:x}\r\n", large.len());
    let _ = chunked.write_all(&large);
    let mut said = [0; 12];
    chunked.read_exact(&mut said).unwrap();
    assert_eq!(&said, b"HTTP/1.1 413");
    put(&realm, &token, &content);
    ask(&realm, "POST", "/files", &token, "", &bytes(60_000, 4)).expect(413);
    ask(&realm, "POST", "/files", &token, "", &bytes(50_000, 4)).expect(201);
    assert_eq!(below(&realm.data().join("files")).len(), 2);
}

#[test]
fn a_picture_is_known_by_its_bytes() {
    let realm = Realm::with("");
    let token = realm.user("amy").login("amy");
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x01\x02\0\0\0\x03\x08\x06";
    let named = "Content-Type: text/html\r\nX-Filename: UTF-8''caf%C3%A9.png\r\n";
    let said = ask(&realm, "POST", "/files", &token, named, png).expect(201);
    let about = &said.json()["data"];
    assert_eq!(about["sha256"], hash(png));
    assert_eq!((&about["name"], &about["type"]), (&"café.png".into(), &"image/png".into()));
    assert_eq!((&about["width"], &about["height"]), (&258.into(), &3.into()));
    let said = get(&realm, &token, &format!("/files/{}", hash(png))).expect(200);
    assert!(said.head.contains("content-disposition: inline; "), "{}", said.head);
}

#[test]
fn a_file_comes_in_parts_over_restarts() {
    let mut realm = Realm::with("");
    let token = realm.user("amy").login("amy");
    let content = bytes(300_000, 5);
    let path = format!("/files/{}", hash(&content));
    let begun = "Upload-Complete: ?0\r\nX-Filename: a.txt\r\nContent-Type: text/plain\r\n";
    ask(&realm, "PUT", &path, &token, begun, &content[..100_000]).expect(201);
    realm.kill();
    realm.start();
    let said = ask(&realm, "HEAD", &path, &token, "", b"").expect(204);
    assert!(said.head.contains("upload-offset: 100000\r\n"), "{}", said.head);
    // What came before the connection was cut is there.
    let asked =
        head("PATCH", &path, &token, "Upload-Offset: 100000\r\nUpload-Complete: ?1\r\n", 200_000);
    let mut cut = stream(&realm);
    cut.write_all(asked.as_bytes()).unwrap();
    cut.write_all(&content[100_000..200_000]).unwrap();
    cut.shutdown(std::net::Shutdown::Write).unwrap();
    let _ = cut.read_to_end(&mut Vec::new());
    let said = ask(&realm, "HEAD", &path, &token, "", b"").expect(204);
    assert!(said.head.contains("upload-offset: 200000\r\n"), "{}", said.head);
    let last = "Upload-Offset: 200000\r\nUpload-Complete: ?1\r\n";
    let said = ask(&realm, "PATCH", &path, &token, last, &content[200_000..]).expect(201);
    assert_eq!(said.json()["data"]["name"], "a.txt");
    let said = get(&realm, &token, &path).expect(200);
    assert!(said.body == content && said.head.contains("content-type: text/plain\r\n"));
    assert_eq!(below(&realm.data().join("files")).len(), 1);
}

/// Wherever it is killed, what was acknowledged is there, and nothing half is.
#[test]
fn a_kill_at_any_byte_leaves_whole_files_only() {
    let mut realm = Realm::with("");
    let mut token = realm.user("amy").login("amy");
    let mut known = Vec::new();
    for round in 0..6 {
        let content = bytes(400_000 + round, round as u32 + 10);
        known.push((put(&realm, &token, &content), content));
        let content = bytes(500_000, round as u32 + 100);
        let path = format!("/files/{}", hash(&content));
        let mut under_way = stream(&realm);
        let asked = head("PUT", &path, &token, "", content.len());
        under_way.write_all(asked.as_bytes()).unwrap();
        under_way.write_all(&content[..round * 100_000]).unwrap();
        realm.kill();
        realm.start();
        token = realm.connect().login("amy");
        get(&realm, &token, &path).expect(404);
        for (path, content) in &known {
            assert_eq!(&get(&realm, &token, path).expect(200).body, content);
        }
        assert_eq!(below(&realm.data().join("files")).len(), known.len());
    }
    realm.stop();
    let said = realm.command("check").output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
}

#[test]
fn a_backup_has_the_files_and_damage_is_found() {
    let mut realm = Realm::with("");
    let mut amy = realm.user("amy");
    let token = amy.login("amy");
    let content = bytes(200_000, 20);
    let path = put(&realm, &token, &content);
    drop(realm.user("bob"));
    amy.expect_ok(&format!("POST bob file={} : look", &path[7..]));
    let directory = tempfile::tempdir().unwrap();
    let to = directory.path().join("backup");
    let done = realm.command("backup").arg(&to).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let checked = antar().arg("check").arg(&to).output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    let mut restored = Realm::stopped("");
    let done = restored.command("restore").arg(&to).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    restored.start();
    let bobs = restored.connect().login("bob");
    assert_eq!(get(&restored, &bobs, &path).expect(200).body, content);
    // One byte is another.
    let mut packed = std::fs::read(to.join("files")).unwrap();
    packed[100_000] ^= 1;
    std::fs::write(to.join("files"), &packed).unwrap();
    let checked = antar().arg("check").arg(&to).output().unwrap();
    let named = format!("damaged: file {}: is damaged", &path[7..]);
    assert!(String::from_utf8_lossy(&checked.stdout).contains(&named), "{checked:?}");
    assert!(complaint(&checked).contains("lacks 1 of 1 files"), "{checked:?}");
    // Cut off within a file: it is the backup that is wrong, and nothing stays of it.
    let fresh = Realm::stopped("");
    for (bytes, why) in
        [(&packed[..], "is damaged"), (&packed[..99_000], "it is cut off at byte 99000")]
    {
        std::fs::write(to.join("files"), bytes).unwrap();
        let said = refusal(&fresh.command("restore").arg(&to).output().unwrap());
        let blamed = format!("cannot read {}: ", to.join("files").display());
        assert!(
            said.contains(&blamed) && said.contains(why) && said.contains(&path[7..]),
            "{said}"
        );
        assert_eq!(below(&fresh.data()), Vec::<PathBuf>::new());
    }
    realm.stop();
    let file = realm.data().join("files").join(&path[7..9]).join(&path[7..]);
    std::fs::write(&file, "other").unwrap();
    let said = realm.command("check").output().unwrap();
    let out = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(!said.status.success() && out.contains("5 bytes, and had 200000"), "{out}");
    std::fs::write(&file, vec![0; content.len()]).unwrap();
    let said = realm.command("check").output().unwrap();
    let out = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(!said.status.success() && out.contains("others than"), "{out}");
    std::fs::remove_file(&file).unwrap();
    let said = realm.command("check").output().unwrap();
    let out = String::from_utf8_lossy(&said.stdout).into_owned();
    let named = format!("file {}: is missing", &path[7..]);
    assert!(!said.status.success() && out.contains(&named), "{out}");
}

/// What is said on standard error by what found damage.
fn complaint(done: &std::process::Output) -> String {
    assert_eq!(done.status.code(), Some(1));
    String::from_utf8_lossy(&done.stderr).into_owned()
}

/// What is said on standard error by what was done but for some files.
#[track_caller]
fn lacking(done: &std::process::Output, of: &[&str]) {
    let said = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(3), "{said}");
    assert_eq!(said.matches("antar: file ").count(), of.len(), "{said}");
    of.iter()
        .for_each(|what| assert!(said.contains(&format!("antar: file {what}")), "{what}: {said}"));
    assert!(said.contains(&format!("antar: {} files that", of.len())), "{said}");
}

/// Messages are backed up and restored whatever has become of files, and each that is lacking is named.
#[test]
fn files_that_are_lost_are_named_and_messages_saved_all_the_same() {
    let mut realm = Realm::with("");
    let mut amy = realm.user("amy");
    let token = amy.login("amy");
    let mut hashes: Vec<String> = (60..66)
        .step_by(2)
        .map(|seed| put(&realm, &token, &bytes(1_000, seed))[7..].to_owned())
        .collect();
    hashes.sort();
    for hash in &hashes {
        amy.expect_ok(&format!("POST amy file={hash} : look"));
    }
    let blob = |hash: &str| realm.data().join("files").join(&hash[..2]).join(hash);
    let (one, two) = (format!("{}: is damaged", hashes[0]), format!("{}: is missing", hashes[1]));
    std::fs::write(blob(&hashes[0]), bytes(1_000, 1)).unwrap();
    std::fs::remove_file(blob(&hashes[1])).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let backup = |realm: &Realm, name: &str| {
        let to = directory.path().join(name);
        lacking(&realm.command("backup").arg(&to).output().unwrap(), &[&one, &two]);
        to
    };
    let running = backup(&realm, "running");
    realm.stop();
    let stopped = backup(&realm, "stopped");
    let gone = hashes[..2].iter().map(|hash| format!("{hash}: is missing")).collect::<Vec<_>>();
    for to in [&running, &stopped] {
        let checked = antar().arg("check").arg(to).output().unwrap();
        let out = String::from_utf8_lossy(&checked.stdout);
        assert!(gone.iter().all(|gone| out.contains(&format!("damaged: file {gone}"))), "{out}");
        assert!(complaint(&checked).contains("lacks 2 of 3 files"), "{out}");
        let mut restored = Realm::stopped("");
        let gone = [&gone[0][..], &gone[1]];
        lacking(&restored.command("restore").arg(to).output().unwrap(), &gone);
        restored.start();
        let mut amy = restored.connect();
        let token = amy.login("amy");
        assert_eq!(amy.history("INBOX").len(), 3);
        get(&restored, &token, &format!("/files/{}", hashes[2])).expect(200);
        // It is whole again once somebody brings it again.
        get(&restored, &token, &format!("/files/{}", hashes[1])).expect(500);
        let again = (60..66)
            .step_by(2)
            .map(|seed| bytes(1_000, seed))
            .find(|bytes| hash(bytes) == hashes[1]);
        let path = put(&restored, &token, &again.unwrap());
        get(&restored, &token, &path).expect(200);
    }
    // The part with the files is gone altogether.
    std::fs::remove_file(running.join("files")).unwrap();
    let restored = Realm::stopped("");
    let all: Vec<String> = hashes.iter().map(|hash| format!("{hash}: is missing")).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    lacking(&restored.command("restore").arg(&running).output().unwrap(), &all);
}

/// The system lets the realm write no file larger than this, as a full disk would.
#[test]
fn a_full_disk_is_told_and_leaves_nothing() {
    let mut realm = Realm::stopped("");
    let serve = realm.command("serve");
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]);
    command.arg(antar().get_program()).args(serve.get_args());
    command.args(["--listen", "127.0.0.1:0", "--name", "alpha"]);
    realm.run(command);
    let token = realm.user("amy").login("amy");
    let content = bytes(3 << 20, 30);
    let path = format!("/files/{}", hash(&content));
    let before = prlimit(Some(realm.pid()), Resource::Fsize, limit(Some(2 << 20))).unwrap();
    ask(&realm, "PUT", &path, &token, "", &content).expect(507);
    ask(&realm, "POST", "/files", &token, "", &content).expect(507);
    ask(&realm, "PUT", &path, &token, "Upload-Complete: ?0\r\n", &content).expect(507);
    assert_eq!(below(&realm.data().join("files")), Vec::<PathBuf>::new());
    ask(&realm, "HEAD", &path, &token, "", b"").expect(404);
    prlimit(Some(realm.pid()), Resource::Fsize, before).unwrap();
    put(&realm, &token, &content);
    assert_eq!(get(&realm, &token, &path).expect(200).body, content);
}

fn limit(current: Option<u64>) -> Rlimit {
    Rlimit { current, maximum: None }
}

#[test]
fn uploads_that_are_not_whole_count_as_the_accounts() {
    let realm = Realm::with("[files]\naccount_bytes = 150000\nrealm_bytes = 230000");
    let (amys, bobs) = (realm.user("amy").login("amy"), realm.user("bob").login("bob"));
    let content = bytes(100_000, 40);
    let path = format!("/files/{}", hash(&content));
    let begun = "Upload-Complete: ?0\r\n";
    ask(&realm, "PUT", &path, &amys, begun, &content[..90_000]).expect(201);
    let said = ask(&realm, "POST", "/files", &amys, "", &bytes(60_001, 41)).expect(413);
    assert_eq!(said.json()["code"], "limit_reached");
    let other = bytes(60_001, 42);
    let elsewhere = format!("/files/{}", hash(&other));
    ask(&realm, "PUT", &elsewhere, &amys, begun, &other).expect(413);
    ask(&realm, "POST", "/files", &bobs, "", &bytes(140_001, 43)).expect(413);
    put(&realm, &bobs, &bytes(100_000, 43));
    let last = "Upload-Offset: 90000\r\nUpload-Complete: ?1\r\n";
    ask(&realm, "PATCH", &path, &amys, last, &content[90_000..]).expect(201);
    put(&realm, &amys, &bytes(30_000, 44));
    ask(&realm, "POST", "/files", &amys, "", &bytes(1_000, 45)).expect(413);
}

/// What is announced takes its room at once, over a restart too, until it is given up.
#[test]
fn what_is_to_come_has_its_room_and_can_be_given_up() {
    let mut realm = Realm::with("[files]\naccount_bytes = 150000");
    let token = realm.user("amy").login("amy");
    let content = [bytes(100_000, 70), bytes(100_000, 72)];
    let paths = content.each_ref().map(|content| format!("/files/{}", hash(content)));
    let begun = "Upload-Complete: ?0\r\nUpload-Length: 100000\r\n";
    ask(&realm, "PUT", &paths[0], &token, begun, &content[0][..10]).expect(201);
    ask(&realm, "PUT", &paths[1], &token, begun, &content[1][..10]).expect(413);
    realm.kill();
    realm.start();
    ask(&realm, "PUT", &paths[1], &token, begun, &content[1][..10]).expect(413);
    let other = "Upload-Offset: 10\r\nUpload-Complete: ?0\r\nUpload-Length: 99999\r\n";
    let said = ask(&realm, "PATCH", &paths[0], &token, other, &content[0][10..20]).expect(400);
    assert!(said.json()["data"].as_str().unwrap().contains("Upload-Length"), "{}", said.head);
    let bobs = realm.user("bob").login("bob");
    ask(&realm, "DELETE", &paths[0], &bobs, "", b"").expect(404);
    ask(&realm, "DELETE", &paths[0], "", "", b"").expect(401);
    ask(&realm, "DELETE", &paths[0], &token, "", b"").expect(204);
    ask(&realm, "DELETE", &paths[0], &token, "", b"").expect(404);
    ask(&realm, "HEAD", &paths[0], &token, "", b"").expect(404);
    ask(&realm, "PUT", &paths[1], &token, begun, &content[1][..10]).expect(201);
    let last = "Upload-Offset: 10\r\nUpload-Complete: ?1\r\nX-Filename: other\r\n";
    let said = ask(&realm, "PATCH", &paths[1], &token, last, &content[1][10..]).expect(201);
    // The answer was lost: said again it is the same, also once it is posted.
    for _ in 0..2 {
        let again = ask(&realm, "PATCH", &paths[1], &token, last, &content[1][10..]).expect(201);
        assert_eq!(again.json(), said.json());
        let named = format!("POST amy file={} : look", &paths[1][7..]);
        let mut amy = realm.connect();
        amy.login("amy");
        amy.expect_ok(&named);
    }
    let short = "Upload-Offset: 20\r\nUpload-Complete: ?1\r\n";
    let said = ask(&realm, "PATCH", &paths[1], &token, short, &content[1][..10]).expect(409);
    assert!(said.head.contains("upload-offset: 100000\r\n"), "{}", said.head);
    ask(&realm, "PATCH", &paths[1], &bobs, last, &content[1][10..]).expect(404);
    assert_eq!(below(&realm.data().join("files")).len(), 1);
}

#[test]
fn what_a_user_was_uploading_goes_with_the_user() {
    let realm = Realm::with("");
    let tokens = ["amy", "bob"].map(|name| realm.user(name).login(name));
    let content = bytes(1_000, 80);
    let path = format!("/files/{}", hash(&content));
    for token in &tokens {
        let begun = "Upload-Complete: ?0\r\nX-Filename: private.txt\r\n";
        ask(&realm, "PUT", &path, token, begun, &content[..10]).expect(201);
    }
    let uploads = || below(&realm.data().join("files/uploads")).len();
    assert_eq!(uploads(), 4);
    let done = realm.command("user").args(["remove", "amy", "--erase"]).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    while uploads() > 2 {
        std::thread::yield_now();
    }
    ask(&realm, "HEAD", &path, &tokens[1], "", b"").expect(204);
}

#[test]
fn no_request_gets_more_than_it_may() {
    let realm = Realm::with("");
    let (amys, bobs) = (realm.user("amy").login("amy"), realm.user("bob").login("bob"));
    let page = b"<script>alert(1)</script>";
    let named =
        "Content-Type: text/html\r\nX-Filename: UTF-8''a%0d%0aSet-Cookie:%20x%22%C3%A9.html\r\n";
    let said = ask(&realm, "POST", "/files", &amys, named, page).expect(201);
    let path = format!("/files/{}", said.json()["data"]["sha256"].as_str().unwrap());
    let drawn = "Content-Type: image/svg+xml\r\n";
    let said = ask(&realm, "POST", "/files", &amys, drawn, b"<svg/>").expect(201);
    let drawing = format!("/files/{}", said.json()["data"]["sha256"].as_str().unwrap());
    let got = get(&realm, &amys, &path).expect(200);
    let saved = "content-disposition: attachment; filename=\"a__Set-Cookie: x__.html\"; \
                 filename*=UTF-8''a__Set-Cookie%3A%20x%22%C3%A9.html\r\n";
    assert!(got.head.contains(saved) && !got.head.contains("\nSet-Cookie"), "{}", got.head);
    let answers = [
        (200, get(&realm, &amys, &drawing)),
        (404, get(&realm, &bobs, &path)),
        (401, get(&realm, "", &path)),
        (401, get(&realm, "", &format!("{path}?token={amys}"))),
        (401, ask(&realm, "GET", &path, "", &format!("Cookie: token={amys}\r\n"), b"")),
        (401, ask(&realm, "PUT", &path, "", "", page)),
        (404, get(&realm, &amys, "/files/../identity.pem")),
        (404, get(&realm, &amys, "/files/%2e%2e%2fidentity.pem")),
        (404, get(&realm, &amys, "/files/uploads")),
        (405, ask(&realm, "PUT", "/files", &amys, "", page)),
        (404, ask(&realm, "PUT", "/files/../a", &amys, "", page)),
        (403, ask(&realm, "GET", &path, &amys, "Origin: http://evil.example\r\n", b"")),
        (204, ask(&realm, "OPTIONS", "/files", "", "", b"more")),
    ];
    for (status, answer) in answers {
        let Answer { head, .. } = answer.expect(status);
        assert!(head.contains("; sandbox\r\n") && head.contains("nosniff"), "{status} {head}");
        assert!(!head.contains("inline"), "{head}");
    }
}

#[test]
fn an_export_has_the_files_that_messages_name() {
    let mut realm = Realm::with("");
    let (mut amy, bob) = (realm.user("amy"), realm.user("bob"));
    drop(bob);
    let token = amy.login("amy");
    let (content, other) = (bytes(200_000, 50), bytes(1_000, 51));
    for content in [&content, &other] {
        let path = put(&realm, &token, content);
        amy.expect_ok(&format!("POST bob file={} : look", &path[7..]));
    }
    let check = |realm: &Realm, to: &str| {
        let to = realm.config().with_file_name(to);
        let done = realm.command("user").args(["export", "bob", "--to"]).arg(&to).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let lines = std::fs::read_to_string(&to).unwrap();
        let lines: Vec<Value> =
            lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.last().unwrap()["files"], 2);
        let files: Vec<&Value> = lines.iter().filter(|line| line["kind"] == "file").collect();
        assert_eq!(files.len(), 2);
        for file in files {
            let path = to.with_file_name(file["path"].as_str().unwrap());
            let found = std::fs::read(path).unwrap();
            assert!(found == content || found == other);
            assert_eq!(file["sha256"], hash(&found));
        }
        assert_eq!(
            below(&to.with_file_name(format!("{}.files", to.file_name().unwrap().display()))).len(),
            2
        );
    };
    check(&realm, "one.jsonl");
    realm.stop();
    check(&realm, "two.jsonl");
    // One that is not there any more is named all the same, and one that is damaged is not handed out as whole.
    let file = realm.data().join("files").join(&hash(&other)[..2]).join(hash(&other));
    std::fs::write(&file, "x").unwrap();
    let to = realm.config().with_file_name("three.jsonl");
    let done = realm.command("user").args(["export", "bob", "--to"]).arg(&to).output().unwrap();
    assert!(refusal(&done).contains("damaged"));
    assert!(!to.exists() && !to.with_file_name("three.jsonl.files").exists());
}

/// Waits until a message of somebody has come, and returns it.
fn came(conn: &mut Conn, of: &str) -> Value {
    loop {
        let history = conn.ask(&format!("HISTORY {of}"));
        if let Some(message) = history["data"].as_array().and_then(|all| all.last()) {
            return message.clone();
        }
        std::thread::yield_now();
    }
}

#[test]
fn a_file_that_was_sent_to_another_realm_is_read_there_by_whom_it_is_for() {
    let (mut alpha, beta) = (Realm::with(""), Realm::named("beta", ""));
    let (mut amy, mut bob, mut eve) = (alpha.user("amy"), beta.user("bob"), beta.user("eve"));
    let (amys, bobs, eves) = (amy.login("amy"), bob.login("bob"), eve.login("eve"));
    amy.expect_ok(&format!("ADDREALM beta {}", beta.address().replace(':', " ")));
    let content = [bytes(3 << 20, 1), bytes(1_000, 2)];
    let paths = content.each_ref().map(|content| put(&alpha, &amys, content));
    let named = format!("POST bob@beta file={} : look", &paths[0][7..]);
    let id = amy.expect_ok(&named)["id"].as_u64().unwrap();
    let message = came(&mut bob, "amy@alpha");
    assert_eq!(
        (&message["message"], &message["file"]["size"]),
        (&"look".into(), &(3 << 20).into())
    );
    // Who may not read it has nothing fetched.
    get(&beta, &eves, &paths[0]).expect(404);
    get(&beta, "", &paths[0]).expect(401);
    assert!(below(&beta.data().join("files")).is_empty());
    assert_eq!(get(&beta, &bobs, &paths[0]).expect(200).body, content[0]);
    get(&beta, &bobs, &paths[1]).expect(404);
    let linked = bob.expect_ok(&format!("FILELINK amy@alpha {}", message["id"]));
    let link = linked["path"].as_str().unwrap();
    assert_eq!(get(&beta, "", link).expect(200).body, content[0]);
    // It is here now, whatever becomes of the other realm.
    alpha.stop();
    assert_eq!(get(&beta, &bobs, &paths[0]).expect(200).body, content[0]);
    alpha.start();
    let mut amy = alpha.connect();
    let amys = amy.login("amy");
    amy.expect_ok(&format!("POST bob@beta file={} : small", &paths[1][7..]));
    amy.expect_ok(&format!("DELETE bob@beta {id}"));
    while came(&mut bob, "amy@alpha")["message"] != "small" {
        std::thread::yield_now();
    }
    while get(&beta, &bobs, &paths[0]).status != 404 {
        std::thread::yield_now();
    }
    let blob = beta.data().join("files").join(&paths[0][7..9]).join(&paths[0][7..]);
    while blob.exists() {
        std::thread::yield_now();
    }
    assert_eq!(get(&alpha, &amys, &paths[0]).status, 404);
    alpha.stop();
    let away = get(&beta, &bobs, &paths[1]).expect(503);
    assert!(away.head.to_lowercase().contains("retry-after"), "{}", away.head);
}

/// A realm alpha behind a proxy, linked with beta, where bob was sent a file: its path, its bytes and bob's token.
fn sent_through(proxy: &Proxy) -> (Realm, Realm, (String, Vec<u8>, String)) {
    let alpha = Realm::named("alpha", &format!("advertise = {:?}", proxy.address));
    proxy.lead_to(alpha.address());
    let beta = Realm::named("beta", "");
    let (mut amy, mut bob) = (alpha.user("amy"), beta.user("bob"));
    let (amys, bobs) = (amy.login("amy"), bob.login("bob"));
    amy.expect_ok(&format!("ADDREALM beta {}", beta.address().replace(':', " ")));
    let content = bytes(3 << 20, 90);
    let path = put(&alpha, &amys, &content);
    amy.expect_ok(&format!("POST bob@beta file={} : look", &path[7..]));
    came(&mut bob, "amy@alpha");
    (alpha, beta, (path, content, bobs))
}

#[test]
fn a_fetch_that_is_cut_leaves_nothing_and_the_next_reader_gets_the_file_whole() {
    let proxy = Proxy::start();
    let (_alpha, beta, (path, content, bobs)) = sent_through(&proxy);
    let there = || below(&beta.data().join("files"));
    for bytes in [1, 2_000, 1 << 20, 3 << 20] {
        proxy.cut_after(bytes);
        let away = get(&beta, &bobs, &path).expect(503);
        assert!(away.head.contains("retry-after"), "{}", away.head);
        assert_eq!(there(), Vec::<PathBuf>::new(), "{bytes}");
    }
    proxy.cut_after(usize::MAX);
    assert_eq!(get(&beta, &bobs, &path).expect(200).body, content);
    assert_eq!(there().len(), 1);
}

/// Whoever asks for more than are fetched of one realm at once waits until one of them has ended.
#[test]
fn a_realm_that_says_nothing_takes_few_places() {
    let proxy = Proxy::start();
    let (alpha, beta, (path, content, bobs)) = sent_through(&proxy);
    let (mut amy, mut bob) = (alpha.connect(), beta.connect());
    let amys = amy.login("amy");
    bob.login("bob");
    let more = [91, 93, 95, 97].map(|seed| {
        let path = put(&alpha, &amys, &bytes(1_000, seed));
        amy.expect_ok(&format!("POST bob@beta file={} : look", &path[7..]));
        path
    });
    let all: Vec<String> = more.into_iter().chain([path.clone()]).collect();
    while bob.ask("HISTORY amy@alpha")["data"].as_array().unwrap().len() < all.len() {
        std::thread::yield_now();
    }
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    proxy.lead_to(&silent.local_addr().unwrap().to_string());
    std::thread::scope(|scope| {
        let (beta, bobs) = (&beta, &bobs);
        for path in &all {
            scope.spawn(move || {
                let refused = get(beta, bobs, path).expect(503);
                assert!(refused.head.contains("retry-after"), "{}", refused.head);
            });
        }
        let mut asked: Vec<_> = silent.incoming().take(4).collect();
        silent.set_nonblocking(true).unwrap();
        assert!(silent.accept().is_err(), "more at once");
        silent.set_nonblocking(false).unwrap();
        asked.pop();
        asked.extend(silent.incoming().next());
        proxy.cut();
    });
    proxy.lead_to(alpha.address());
    assert_eq!(get(&beta, &bobs, &path).expect(200).body, content);
}

/// It has all that alpha has, and knows beta, but has another key.
#[test]
fn a_file_is_fetched_from_nobody_with_another_key() {
    let proxy = Proxy::start();
    let (alpha, beta, (path, content, bobs)) = sent_through(&proxy);
    let directory = tempfile::tempdir().unwrap();
    let to = directory.path().join("backup");
    assert!(alpha.command("backup").arg(&to).output().unwrap().status.success());
    let mut other = Realm::stopped("");
    assert!(other.command("restore").arg(&to).output().unwrap().status.success());
    std::fs::remove_file(other.data().join("identity.pem")).unwrap();
    let mut serve = other.command("serve");
    serve.args(["--listen", "127.0.0.1:0", "--name", "alpha", "--new-identity"]);
    other.run(serve);
    proxy.lead_to(other.address());
    get(&beta, &bobs, &path).expect(503);
    assert_eq!(below(&beta.data().join("files")), Vec::<PathBuf>::new());
    proxy.lead_to(alpha.address());
    assert_eq!(get(&beta, &bobs, &path).expect(200).body, content);
}
