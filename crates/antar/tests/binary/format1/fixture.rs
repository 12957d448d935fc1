//! The files in tests/format1 and tests/format2: data of earlier versions, and what the binary that wrote them
//! answered.

use serde_json::Value;
use std::collections::HashMap;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::Xxh3;

/// The directories of such files, one a format.
pub const FORMATS: [&str; 2] = ["format1", "format2"];

fn file(format: &str, name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests").join(format).join(name)
}

/// Makes a directory of the files that are packed in one; make.py describes its form.
pub fn unpack(format: &str, name: &str, to: &Path) {
    let packed = std::fs::read(file(format, name)).unwrap();
    let mut rest = packed.strip_prefix(b"packed 1\n").expect("a packed directory");
    while !rest.is_empty() {
        let length = number(&mut rest);
        let path = to.join(std::str::from_utf8(bytes(&mut rest, length)).unwrap());
        let mut content = Vec::new();
        for _ in 0..number(&mut rest) {
            let length = number(&mut rest);
            content.extend_from_slice(bytes(&mut rest, length));
            content.resize(content.len() + number(&mut rest), 0);
        }
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
}

/// What a realm's data amounted to when they were opened by the binary that wrote them: all but messages.
pub fn records(format: &str, of: &str) -> Vec<String> {
    let text = std::fs::read_to_string(file(format, "records")).unwrap();
    let lines = text.lines().filter_map(|line| line.strip_prefix(of)?.strip_prefix(' '));
    // What that binary called a realm is called a peer by now.
    lines.map(|line| today(&line.replace("{ realm: PeerId(", "{ peer: PeerId("))).collect()
}

/// A record as it is shown by now: of a session there is more, which is none or what it was.
fn today(record: &str) -> String {
    let session = record.strip_suffix(" })").filter(|_| record.starts_with("SessionSet("));
    let Some((rest, used)) = session.and_then(|rest| rest.split_once("used: ")) else {
        return record.into();
    };
    format!("{rest}used: {used}, since: {used}, client: None, address: None }})")
}

fn bytes<'a>(rest: &mut &'a [u8], length: usize) -> &'a [u8] {
    rest.split_off(..length).expect("a whole packed directory")
}

fn number(rest: &mut &[u8]) -> usize {
    u32::from_le_bytes(bytes(rest, 4).try_into().unwrap()) as usize
}

/// What there was in the data, by the replies of the binary that wrote them.
pub struct Manifest {
    /// When the data were last written, in seconds since 1970.
    pub made: i64,
    /// An invitation that nobody has used.
    pub invitation: String,
    /// Each user's name, with a token and the password.
    pub users: Vec<(String, String, String)>,
    /// What of CHECKREALM lasts.
    pub links: Vec<Value>,
    /// Requests and their replies.
    pub replies: Vec<(String, String)>,
    /// The realm, the user and the request; and senders and texts, once both realms had linked again.
    pub afterwards: Vec<([String; 3], Value)>,
}

impl Manifest {
    pub fn read(format: &str) -> Self {
        let text = std::fs::read_to_string(file(format, "manifest")).unwrap();
        let mut all = Self {
            made: 0,
            invitation: String::new(),
            users: Vec::new(),
            links: Vec::new(),
            replies: Vec::new(),
            afterwards: Vec::new(),
        };
        let mut known: HashMap<&str, &str> = HashMap::new();
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            let (what, rest) = line.split_once(' ').unwrap();
            let words = |n| rest.splitn(n, ' ').map(String::from).collect::<Vec<String>>();
            match what {
                "made" => all.made = rest.parse().unwrap(),
                "invitation" => all.invitation = rest.into(),
                "user" => all.users.push(<[_; 3]>::try_from(words(3)).unwrap().into()),
                "link" => all.links.push(serde_json::from_str(rest).unwrap()),
                ">" => {
                    let reply = match lines.next().unwrap().split_once(' ').unwrap() {
                        ("<", reply) => reply,
                        (_, earlier) => known[earlier],
                    };
                    known.insert(rest, reply);
                    all.replies.push((rest.into(), reply.into()));
                }
                "afterwards" => {
                    let texts = lines.next().unwrap().strip_prefix("* ").unwrap();
                    let texts = serde_json::from_str(texts).unwrap();
                    all.afterwards.push((words(3).try_into().unwrap(), texts));
                }
                other => panic!("{other}"),
            }
        }
        all
    }

    pub fn token(&self, user: &str) -> &str {
        &self.users.iter().find(|(name, ..)| name == user).unwrap().1
    }

    /// The greatest id of a message that was there.
    pub fn last_id(&self) -> u64 {
        let ids = self.replies.iter().flat_map(|(_, reply)| reply.split("{\"id\":").skip(1));
        let ids = ids.map(|rest| rest.split(',').next().unwrap().parse().unwrap());
        ids.max().unwrap()
    }
}

/// Adds a batch to the log as a realm of the first format would have written it: iota, one of those that were
/// linked, is forgotten, and messages of it are left. (There must be 4,096 realms for that to happen.)
pub fn forget_iota(data: &Path) {
    const IOTA: u64 = 0x21e;
    let key = |part: u64| [&b"rl"[..], &IOTA.to_be_bytes(), &part.to_be_bytes()].concat();
    // A change is the key's length, the value's and one more or none where the key goes, and both.
    let mut changes = Vec::new();
    let mut change = |key: &[u8], value: Option<&[u8]>| {
        let length = value.map_or(0, |value| u32::try_from(value.len()).unwrap() + 1);
        changes
            .extend([&[u8::try_from(key.len()).unwrap()], &length.to_le_bytes()[..], key].concat());
        changes.extend(value.unwrap_or_default());
    };
    [0, 1, 2, 3, 6, 9, 11, 12].iter().for_each(|part| change(&key(*part), None));
    // Its notes of an hour and of a life, and what it was owed.
    change(&[key(4), 0x79c7d_u64.to_be_bytes().to_vec()].concat(), None);
    change(&[key(5), 0x220_u64.to_be_bytes().to_vec()].concat(), None);
    change(&[&b"o"[..], &IOTA.to_be_bytes(), &1_u64.to_be_bytes()].concat(), None);
    change(&key(8), Some(&[22, 0x9e, 0x04, 1]));
    append(data, &changes);
}

/// Appends a batch to the last segment of the log.
fn append(data: &Path, changes: &[u8]) {
    let log = data.join("log");
    let segments = log.read_dir().unwrap().map(|entry| entry.unwrap().path());
    let last = segments.max().unwrap();
    let bytes = std::fs::read(&last).unwrap();
    let (mut at, mut number) = (0, 0);
    loop {
        let field = |from, to| bytes.get(at + from..at + to).unwrap();
        let length = u32::from_le_bytes(field(0, 4).try_into().unwrap()) as usize;
        if length == 0 {
            break;
        }
        number = u64::from_le_bytes(field(4, 12).try_into().unwrap());
        at += (20 + length).next_multiple_of(4096);
    }
    number += 1;
    let length = u32::try_from(changes.len()).unwrap();
    let mut hash = Xxh3::new();
    hash.update(&[number.to_le_bytes(), u64::from(length).to_le_bytes()].concat());
    hash.update(changes);
    let record =
        [&length.to_le_bytes(), &number.to_le_bytes()[..], &hash.digest().to_le_bytes(), changes];
    let file = std::fs::OpenOptions::new().write(true).open(last).unwrap();
    file.write_all_at(&record.concat(), at as u64).unwrap();
}
