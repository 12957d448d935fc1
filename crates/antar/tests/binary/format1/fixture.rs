//! The files in tests/format1: data of the first format, and what the binary that wrote them answered.

use serde_json::Value;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/format1").join(name)
}

/// Makes a directory of the files that are packed in one; make.py describes its form.
pub fn unpack(name: &str, to: &Path) {
    let packed = std::fs::read(file(name)).unwrap();
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
    pub fn read() -> Self {
        let text = std::fs::read_to_string(file("manifest")).unwrap();
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
