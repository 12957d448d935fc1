//! `antar chat`, as a script has it.

use crate::conn::Conn;
use crate::proxy::Proxy;
use crate::pty::Pty;
use crate::realm::{PATIENCE, Realm, antar, run};
use crate::system::Faulty;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};

/// A chat as amy, whose lines are typed by a test.
struct Chat {
    child: Child,
    typed: ChildStdin,
    lines: Receiver<String>,
}

impl Drop for Chat {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `antar chat` at an address, as amy.
fn chat(address: &str) -> Command {
    let mut command = antar();
    command.args(["chat", address, "--user", "amy"]).env("ANTAR_PASSWORD", "pw");
    command.env("TZ", "UTC").stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

impl Chat {
    /// One that has logged in, and looked into all of its mailboxes.
    #[track_caller]
    fn open(address: &str) -> Self {
        let mut child = chat(address).spawn().unwrap();
        let (typed, out) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (said, lines) = channel();
        std::thread::spawn(move || {
            BufReader::new(out).lines().map_while(Result::ok).try_for_each(|line| said.send(line))
        });
        let mut chat = Self { child, typed, lines };
        chat.say("/whoami");
        assert!(chat.next().starts_with("amy@"));
        chat
    }

    fn say(&mut self, line: &str) {
        writeln!(self.typed, "{line}").unwrap();
    }

    #[track_caller]
    fn next(&self) -> String {
        self.lines.recv_timeout(PATIENCE).unwrap()
    }

    /// Every line until one that begins so, which is the last of them.
    #[track_caller]
    fn until(&self, begin: &str) -> Vec<String> {
        let mut all = Vec::new();
        loop {
            all.push(self.next());
            if all.last().is_some_and(|line| line.starts_with(begin)) {
                return all;
            }
        }
    }
}

fn linked(alpha: &Realm, beta: &Realm) -> (Conn, Conn) {
    let (mut eva, kane) = (alpha.user("eva"), beta.user("kane"));
    let (host, port) = beta.address().rsplit_once(':').unwrap();
    eva.expect_ok(&format!("ADDREALM beta {host} {port}"));
    (eva, kane)
}

/// Also of a group joined and of a realm linked meanwhile, of which it has never heard.
#[test]
fn everything_that_came_while_the_connection_was_away_is_shown_once() {
    const MISSED: usize = 5_200;
    let (alpha, beta) = (Realm::with(""), Realm::named("beta", ""));
    let mut amy = alpha.user("amy");
    amy.expect_ok("ADDGROUP here pw");
    let mut bob = alpha.user("bob");
    bob.expect_ok("ADDGROUP there pw");
    bob.expect_ok("SENDGROUP there before amy was in it, and before she was away");
    let proxy = Proxy::start();
    proxy.lead_to(alpha.address());
    let chat = Chat::open(&proxy.address);
    bob.expect_ok("SEND amy live");
    assert!(chat.next().ends_with(" bob: live"));

    proxy.lead_to("127.0.0.1:1");
    proxy.cut();
    assert!(chat.next().starts_with("-- connection lost"));
    let lines: String = (0..MISSED).map(|n| format!("SEND amy m{n}\n")).collect();
    bob.send(lines.as_bytes());
    (0..MISSED).for_each(|_| assert_eq!(bob.next()["status"], "OK"));
    amy.expect_ok("SENDGROUP here from my telephone");
    amy.expect_ok("JOINGROUP there pw");
    bob.expect_ok("SENDGROUP there welcome");
    let (_eva, mut kane) = linked(&alpha, &beta);
    kane.expect_ok("SENDREALM alpha amy hello from beta");
    kane.expect_ok("ADDGROUP there pw");
    kane.expect_ok("SENDGROUPREALM alpha there hello all");
    while amy.history("INBOXGROUPREALM beta there").is_empty() {
        std::thread::yield_now();
    }

    proxy.lead_to(alpha.address());
    chat.until("-- connected again");
    let shown = chat.until(&format!("-- {} messages came in between", MISSED + 4));
    assert!(shown.iter().any(|line| line == "-- you are in #there now"));
    let said = shown.iter().filter(|line| !line.starts_with("--"));
    let texts: Vec<&str> = said.filter_map(|line| Some(line.split_once(' ')?.1)).collect();
    let private = (0..MISSED).map(|n| format!("bob: m{n}"));
    let others = ["#here you: from my telephone", "#there bob: welcome"];
    let far = ["kane@beta: hello from beta", "#there+beta kane: hello all"];
    let all: Vec<String> =
        private.chain(others.into_iter().chain(far).map(str::to_owned)).collect();
    assert_eq!(texts, all);
    assert_eq!(shown.last().unwrap(), "-- 5204 messages came in between; they stand above");
    // What comes now comes once too, and the rest of what was said long ago does not.
    bob.expect_ok("SENDGROUP there live again");
    assert!(chat.next().ends_with("#there bob: live again"));
    proxy.cut();
    assert!(chat.next().starts_with("-- connection lost"));
    assert_eq!([chat.next(), chat.next()], ["-- connected again", "-- nothing was missed"]);
}

#[test]
fn the_conversation_with_somebody_is_found_however_far_back() {
    let realm = Realm::with("");
    let (mut amy, mut bob, mut eva) = (realm.user("amy"), realm.user("bob"), realm.user("eva"));
    (0..25).for_each(|n| drop(eva.expect_ok(&format!("SEND amy old {n}"))));
    amy.expect_ok("SEND eva an answer");
    let lines: String = (0..2_500).map(|n| format!("SEND amy m{n}\n")).collect();
    bob.send(lines.as_bytes());
    (0..2_500).for_each(|_| assert_eq!(bob.next()["status"], "OK"));
    let mut chat = Chat::open(realm.address());
    chat.say("/history eva");
    assert_eq!(chat.next(), "-- /more shows older ones");
    let shown: Vec<String> = (0..20).map(|_| chat.next()).collect();
    assert!(shown[0].ends_with(" eva: old 6") && shown[18].ends_with(" eva: old 24"), "{shown:?}");
    assert!(shown[19].ends_with(" you → eva: an answer"));
    chat.say("/more");
    (0..6).for_each(|n| assert!(chat.next().ends_with(&format!(" eva: old {n}"))));
    chat.say("/more");
    assert_eq!(chat.next(), "That was the first message.");
}

/// What a chat that is given one line prints.
fn once(address: &str, home: &Path, arguments: &[&str]) -> Output {
    let mut command = chat(address);
    command.args(arguments).env("XDG_STATE_HOME", home).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let _ = child.stdin.take().unwrap().write_all(b"/whoami\n");
    child.wait_with_output().unwrap()
}

#[test]
fn over_tls_a_key_that_was_given_or_seen_before_must_answer() {
    let (alpha, other) = (Realm::public(""), Realm::public(""));
    for realm in [&alpha, &other] {
        drop(realm.user("amy"));
    }
    let home = tempfile::tempdir().unwrap();
    let proxy = Proxy::start();
    proxy.lead_to(alpha.address());
    let data = alpha.data();
    let shown = run(&["realm", "--data", &data.to_string_lossy(), "show"]);
    let shown = String::from_utf8(shown.stdout).unwrap();
    let key = shown.split_whitespace().find(|word| word.starts_with("sha256:")).unwrap();
    let said = |tls: &[&str]| {
        let output = once(&proxy.address, home.path(), tls);
        let error = String::from_utf8(output.stderr).unwrap();
        (String::from_utf8(output.stdout).unwrap(), error, output.status.success())
    };
    let (out, error, _) = said(&["--tls"]);
    assert!(out.starts_with("amy@alpha"), "{out}{error}");
    assert!(error.contains("for the first time and remembered: ") && error.contains(key));
    assert_eq!(said(&["--tls"]), ("amy@alpha\n".into(), String::new(), true));
    assert_eq!(said(&["--tls", key]), ("amy@alpha\n".into(), String::new(), true));
    // Somebody else answers there. The password is not for them.
    proxy.lead_to(other.address());
    for tls in [&["--tls"][..], &["--tls", key]] {
        let (out, error, worked) = said(tls);
        assert!(!worked && out.is_empty() && error.contains("in between"), "{out}{error}");
        assert!(error.contains(key));
    }
    let wrong = format!("sha256:{}", "0".repeat(64));
    let (_, error, worked) = said(&["--tls", &wrong]);
    assert!(!worked && error.contains(&wrong), "{error}");
}

/// `antar chat` at a terminal, as amy, who has typed her password.
fn at_terminal(realm: &Realm, password: &str) -> Pty {
    let home = realm.data();
    let chat = ["chat", realm.address(), "--user", "amy"];
    let mut pty = Pty::run(&chat, &[("HOME", &home.to_string_lossy()), ("TZ", "Asia/Jakarta")]);
    pty.until("Password: ");
    assert!(!pty.echoes());
    pty.say(password);
    pty
}

#[test]
fn what_is_unread_is_shown_at_the_login_by_conversation_and_is_read_then() {
    let (alpha, beta) = (Realm::with(""), Realm::named("beta", ""));
    let mut amy = alpha.user("amy");
    let (mut eva, mut kane) = linked(&alpha, &beta);
    amy.expect_ok("ADDGROUP team pw");
    eva.expect_ok("JOINGROUP team pw");
    amy.expect_ok("SENDGROUP team what amy said herself");
    (0..30).for_each(|n| drop(eva.expect_ok(&format!("SEND amy private {n}"))));
    eva.expect_ok("SENDGROUP team in the group");
    kane.expect_ok("SENDREALM alpha amy from the realm");
    while amy.history("INBOXREALM beta").is_empty() {
        std::thread::yield_now();
    }
    let mut chat = at_terminal(&alpha, "pw\n");
    let said = chat.until("amy> ");
    assert!(said.contains("; times are Asia/Jakarta; "), "{said}");
    assert!(said.contains("eva: 30 unread, the latest"), "{said}");
    assert!(!said.contains("private 9") && said.contains("private 10"), "{said}");
    assert!(!said.contains("herself"), "{said}");
    let places =
        ["private 29", "#team: 1 unread", "in the group", "kane@beta: 1 unread", "from the realm"];
    let places = places.map(|text| said.find(text).unwrap());
    assert!(places.is_sorted(), "{said}");
    // Not all of eva's was shown.
    chat.say("/unread\n");
    chat.until("30 unread");
    chat.say("/history eva\n");
    chat.until("private 29");
    chat.until("amy> ");
    chat.say("/quit\n");
    assert_eq!(chat.ended(), Some(0));
    let mut chat = at_terminal(&alpha, "pw\n");
    chat.until("-- nothing is unread");
    chat.until("amy> ");
    // What comes while she is there is read, too.
    eva.expect_ok("SEND amy live");
    chat.until(": live");
    let read = |amy: &mut Conn| amy.expect_ok("CONVERSATIONS")["data"][0]["unread"] == 0;
    while !read(&mut amy) {
        std::thread::yield_now();
    }
    chat.say("/quit\n");
    assert_eq!(chat.ended(), Some(0));
}

#[test]
fn ctrl_c_gives_a_password_up_and_leaves_the_terminal_as_it_was() {
    let alpha = Realm::with("");
    drop(alpha.user("amy"));
    let mut chat = at_terminal(&alpha, "pa\x03");
    assert_eq!(chat.ended(), Some(1));
    assert!(chat.echoes());
    let said = chat.until("antar: no password given");
    assert!(!said.contains("pa\r"), "{said}");

    let mut chat = at_terminal(&alpha, "pw\n");
    chat.until("amy> ");
    chat.say("/join #team\n");
    chat.until("Password of the group: ");
    chat.say("\x03");
    chat.until("amy> ");
    chat.say("/whoami\n");
    chat.until("amy@alpha");
    chat.say("/quit\n");
    assert_eq!(chat.ended(), Some(0));
    assert!(chat.echoes());
}

/// Those that were typed while a command was under way come to the prompt at once.
#[test]
fn lines_that_come_together_are_taken_one_after_the_other() {
    let alpha = Realm::with("");
    let mut amy = alpha.user("amy");
    amy.expect_ok("ADDGROUP team pw");
    let mut chat = at_terminal(&alpha, "pw\n");
    chat.until("amy> ");
    let lines: String = (0..40).map(|n| format!("line {n}\n")).collect();
    chat.say(&format!("/to #team\n{lines}/whoami\n/quit\n"));
    chat.until("amy@alpha");
    assert_eq!(chat.ended(), Some(0));
    let said = amy.history("HISTORY #team");
    let texts: Vec<&str> = said.iter().filter_map(|each| each["message"].as_str()).collect();
    assert_eq!(texts, (0..40).map(|n| format!("line {n}")).collect::<Vec<_>>());
}

/// It does not wait for a session that has ended, as it does for a server that is away.
#[test]
fn a_script_whose_session_ends_is_told_so() {
    let realm = Realm::with("");
    let mut amy = realm.user("amy");
    let mut chat = Chat::open(realm.address());
    amy.expect_ok("PASSWD pw other");
    assert!(chat.next().starts_with("-- your session has ended"));
    chat.say("/msg amy hello");
    assert_eq!(chat.next(), "Not connected; nothing was sent.");
}

#[test]
fn what_another_realm_could_not_be_asked_for_is_said() {
    let (alpha, mut beta) = (Realm::with(""), Realm::named("beta", ""));
    let mut amy = alpha.user("amy");
    let (mut eva, mut kane) = linked(&alpha, &beta);
    kane.expect_ok("SENDREALM alpha amy hello from beta");
    while amy.history("INBOXREALM beta").is_empty() {
        std::thread::yield_now();
    }
    beta.stop();
    while eva.expect_ok("CHECKREALM")["data"][0]["state"] == "up" {
        std::thread::yield_now();
    }
    let mut chat = Chat::open(alpha.address());
    chat.say("/history kane@beta");
    assert!(chat.next().ends_with(" kane@beta: hello from beta"));
    assert_eq!(chat.next(), "-- beta does not answer; this is what is known here");
}

#[test]
fn what_the_realm_does_not_know_is_sent_again_and_posted_once() {
    let disk = Faulty::with("");
    drop(disk.realm.user("amy"));
    let mut chat = Chat::open(disk.realm.address());
    disk.fail("sync", 5);
    let held = "The message is sent again until it is certain; it is posted once.";
    let unknown = "The realm does not know whether it was done. (unknown)";
    chat.say("/msg amy hello");
    assert_eq!(chat.next(), format!("{unknown} {held}"));
    chat.say("/msg amy and more");
    assert_eq!(chat.next(), "It is sent once what was written before is sent.");
    disk.mend();
    assert_eq!(chat.next(), "-- what waited to be sent is sent");
    assert_eq!(chat.next(), "-- what waited to be sent is sent");
    chat.say("/history amy");
    assert!(chat.next().ends_with(" you → amy: hello"));
    assert!(chat.next().ends_with(" you → amy: and more"));
    chat.say("/whoami");
    assert!(chat.next().starts_with("amy@"));
}

/// A chat over TLS that is given lines, in a folder; what it prints.
fn in_folder(address: &str, folder: &Path, lines: &str) -> Vec<String> {
    let mut command = chat(address);
    command.arg("--tls").env("XDG_STATE_HOME", folder.join("state")).current_dir(folder);
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let said = child.wait_with_output().unwrap().stdout;
    String::from_utf8(said).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn files_are_sent_and_saved() {
    let realm = Realm::with("[files]\nfile_bytes = 300_000\n");
    let (mut amy, mut bob) = (realm.user("amy"), realm.user("bob"));
    let folder = tempfile::tempdir().unwrap();
    let bytes: Vec<u8> = (0..250_000_u32).flat_map(|n| [(n % 251) as u8]).collect();
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    write("a b.bin", &bytes);
    write("large.bin", &vec![0; 300_001]);
    write("empty.txt", b"");
    let said = in_folder(
        realm.address(),
        folder.path(),
        "/send empty.txt\n/to bob\n/send \"a b.bin\" look  here\n/send large.bin\n/send none.bin\n/send .\n/send empty.txt\n",
    );
    assert_eq!(said[0], "To whom? Choose with /to USER or /to #GROUP.");
    assert_eq!(said[2], "a b.bin (244 kB) is sent to bob.");
    assert!(said[3].starts_with("A limit of this realm is reached."), "{}", said[3]);
    assert!(said[4].starts_with("none.bin is not sent: "), "{}", said[4]);
    assert!(said[5].starts_with(". is not sent: "), "{}", said[5]);
    assert_eq!(said[6], "empty.txt (0 B) is sent to bob.");
    let history = bob.expect_ok("HISTORY amy");
    let told = history["data"].as_array().unwrap();
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(told[0]["message"], "look  here");
    assert_eq!(told[0]["file"]["name"], "a b.bin");
    assert_eq!(told[1]["file"]["type"], "text/plain");

    // And back.
    let hash = told[0]["file"]["sha256"].as_str().unwrap();
    let id = bob.expect_ok(&format!("POST amy file={hash} : yours"))["id"].as_u64().unwrap();
    let plain = amy.expect_ok("POST bob : no file")["id"].as_u64().unwrap();
    let lines = format!(
        "/to bob\n/history\n/save {id}\n/save {id}\n/save {id} sub\n/save {id} other name\n/save {plain}\n/save 9999\n"
    );
    std::fs::create_dir(folder.path().join("sub")).unwrap();
    std::fs::rename(folder.path().join("a b.bin"), folder.path().join("kept")).unwrap();
    let said = in_folder(realm.address(), folder.path(), &lines);
    let shown = said.iter().find(|line| line.contains(" bob: yours ")).unwrap();
    assert!(shown.ends_with(&format!(" [file a b.bin, 244 kB, /save {id}]")), "{shown}");
    let said = &said[said.len() - 6..];
    assert_eq!(said[0], "Saved as a b.bin (244 kB).");
    assert!(said[1].starts_with("There is a b.bin already"), "{}", said[1]);
    assert_eq!(said[2], "Saved as sub/a b.bin (244 kB).");
    assert_eq!(said[3], "Saved as other name (244 kB).");
    assert_eq!(said[4], "No file comes with that message.");
    assert!(said[5].starts_with("There is no such message"), "{}", said[5]);
    for name in ["a b.bin", "sub/a b.bin", "other name"] {
        assert!(std::fs::read(folder.path().join(name)).unwrap() == bytes, "{name}");
    }
    // Nothing is left of what was not whole.
    let left = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(!left.into_iter().any(|name| name.to_string_lossy().starts_with('.')));
}
