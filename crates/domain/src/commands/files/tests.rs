use super::*;
use crate::commands::{DeleteMessage, LeaveGroup, Post, RemoveUser};
use crate::testing::{Realm, group, staffed};
use crate::{FileAt, Output};
use antar_types::{FileName, FileType};

const SIZE: u64 = 1_000;

fn hash(n: u8) -> FileHash {
    FileHash::from([n; 32])
}

fn about(name: &str) -> FileAbout {
    let (name, kind) = (FileName::cleaned(name), FileType::default());
    FileAbout { name, kind, size: SIZE, picture: None }
}

fn store(n: u8) -> StoreFile {
    StoreFile { hash: hash(n), about: about(&format!("{n}.txt")).into() }
}

fn open(n: u8) -> OpenFile {
    OpenFile { hash: hash(n), link: None }
}

fn conversation(word: &str) -> Box<ConversationName> {
    Box::new(ConversationName::parse(word).unwrap())
}

fn post(to: &str, n: u8) -> Post {
    let (to, file) = (conversation(to), Some(Box::new(hash(n))));
    Post { to, text: "".into(), reference: None, reply: None, kind: None, file }
}

#[track_caller]
fn posted(outcome: Outcome) -> u64 {
    match outcome {
        Outcome::Posted { id, .. } => id,
        other => panic!("{other:?}"),
    }
}

/// What a file is called that may be read, and where it is.
#[track_caller]
fn found(outcome: Outcome) -> (String, FileAt) {
    match outcome {
        Outcome::FileFound { about, at } => (about.name.as_str().into(), at),
        other => panic!("{other:?}"),
    }
}

fn reads(realm: &mut Realm, conn: u64, n: u8) -> bool {
    match realm.does(conn, open(n)) {
        Outcome::FileFound { .. } => true,
        other => {
            assert_eq!(other, Code::FileNotFound.into());
            false
        }
    }
}

/// The files that were removed since the last look.
fn removed(realm: &mut Realm) -> Vec<FileHash> {
    realm.tick();
    let removes = |output: &mut Output| matches!(output, Output::RemoveFile(_));
    let removed = realm.asked.extract_if(.., removes).map(|output| match output {
        Output::RemoveFile(hash) => hash,
        _ => unreachable!("filtered"),
    });
    removed.collect()
}

fn delete(of: &str, id: u64) -> DeleteMessage {
    DeleteMessage { of: conversation(of), id }
}

const DAY: u64 = 24 * 3600;

#[test]
fn who_has_uploaded_a_file_reads_it_and_so_does_whom_it_is_posted_to() {
    let mut realm = staffed();
    assert_eq!(realm.does(9, store(1)), Code::NoSession.into());
    assert_eq!(realm.does(1, store(1)), Outcome::FileStored);
    assert_eq!(found(realm.does(1, open(1))), ("1.txt".into(), FileAt::Here));
    assert!(!reads(&mut realm, 2, 1) && !reads(&mut realm, 1, 2));
    assert_eq!(realm.does(9, open(1)), Code::NoSession.into());
    posted(realm.does(1, post("bob", 1)));
    assert!(reads(&mut realm, 2, 1) && !reads(&mut realm, 3, 1));
    posted(realm.does(2, post("#staff", 1)));
    assert!(reads(&mut realm, 3, 1) && !reads(&mut realm, 4, 1) && !reads(&mut realm, 5, 1));
    assert_eq!(realm.does(3, LeaveGroup { group: "staff".into() }), Outcome::Done);
    assert!(!reads(&mut realm, 3, 1));
}

#[test]
fn who_may_not_read_a_file_may_not_name_it() {
    let mut realm = staffed();
    realm.does(1, store(1));
    for n in [1, 2] {
        assert_eq!(realm.does(4, post("dan", n)), Code::FileNotFound.into());
    }
    posted(realm.does(1, post("dan", 1)));
    posted(realm.does(4, post("cat", 1)));
    // Each says what was said to whom passed it on, not what others call the same bytes.
    realm.does(2, StoreFile { hash: hash(1), about: about("secret").into() });
    assert_eq!(found(realm.does(3, open(1))).0, "1.txt");
}

#[test]
fn what_was_deleted_is_nobodys_to_read_and_goes() {
    let mut realm = staffed();
    realm.does(1, store(1));
    let (one, other) =
        (posted(realm.does(1, post("bob", 1))), posted(realm.does(1, post("cat", 1))));
    assert_eq!(realm.does(1, delete("bob", one)), Outcome::Done);
    assert!(!reads(&mut realm, 2, 1) && reads(&mut realm, 3, 1) && reads(&mut realm, 1, 1));
    assert!(removed(&mut realm).is_empty());
    assert_eq!(realm.does(1, delete("cat", other)), Outcome::Done);
    assert!(!reads(&mut realm, 3, 1) && !reads(&mut realm, 1, 1));
    assert!(realm.state.is_busy());
    assert_eq!(removed(&mut realm), [hash(1)]);
    assert_eq!(realm.state.files().count(), 0);
}

#[test]
fn what_was_uploaded_and_is_not_named_goes_after_a_day() {
    let mut realm = staffed();
    realm.does(1, store(1));
    realm.does(1, store(2));
    posted(realm.does(1, post("bob", 2)));
    realm.pass(DAY - 1);
    assert!(removed(&mut realm).is_empty());
    realm.does(2, store(1));
    realm.pass(2);
    // Amy has no part in it any more, but bob has.
    assert!(removed(&mut realm).is_empty());
    assert!(!reads(&mut realm, 1, 1) && reads(&mut realm, 2, 1));
    realm.pass(DAY);
    assert_eq!(removed(&mut realm), [hash(1)]);
    realm.pass(99 * DAY);
    assert!(removed(&mut realm).is_empty());
    assert_eq!(realm.state.files().collect::<Vec<_>>(), [(hash(2), SIZE)]);
}

#[test]
fn files_end_with_the_group_in_which_they_are() {
    let mut realm = staffed();
    realm.does(4, group("other"));
    realm.does(4, store(1));
    posted(realm.does(4, post("#other", 1)));
    realm.pass(2 * DAY);
    assert!(removed(&mut realm).is_empty());
    assert_eq!(realm.does(4, crate::commands::CloseGroup { group: "other".into() }), Outcome::Done);
    assert_eq!(removed(&mut realm), [hash(1)]);
}

#[test]
fn what_a_user_has_uploaded_who_is_removed_stays_only_where_it_is_named() {
    let mut realm = staffed();
    realm.does(1, store(1));
    realm.does(1, store(2));
    posted(realm.does(1, post("bob", 2)));
    assert_eq!(realm.operator_does(RemoveUser { user: "amy".into() }), Outcome::Done);
    assert_eq!(removed(&mut realm), [hash(1)]);
    assert!(reads(&mut realm, 2, 2));
}

#[test]
fn uploads_have_bounds() {
    let mut realm = staffed();
    let offer = |n, size| OfferFile { hash: hash(n), size };
    let is_wanted = |outcome, here, most| match outcome {
        Outcome::FileWanted { here: is_here, room } => (is_here, room.most()) == (here, most),
        _ => false,
    };
    let limits = &mut realm.limits().files;
    (limits.file_bytes, limits.account_bytes, limits.realm_bytes) = (1_500, 2_500, 3_200);
    assert_eq!(realm.does(9, offer(1, 1)), Code::NoSession.into());
    assert!(is_wanted(realm.does(1, offer(1, 1_500)), false, 1_500));
    assert_eq!(realm.does(1, offer(1, 1_501)), Code::LimitReached.into());
    realm.does(1, store(1));
    realm.does(1, store(2));
    assert!(is_wanted(realm.does(1, offer(3, 500)), false, 500));
    assert_eq!(realm.does(1, store(3)), Code::LimitReached.into());
    // Whoever brings again what is here takes nothing more of the realm.
    assert!(is_wanted(realm.does(1, offer(1, SIZE)), true, 1_500));
    assert!(is_wanted(realm.does(2, offer(1, SIZE)), true, 1_500));
    assert_eq!(realm.does(2, store(3)), Outcome::FileStored);
    assert!(is_wanted(realm.does(3, offer(4, 200)), false, 200));
    assert_eq!(realm.does(3, offer(4, 201)), Code::LimitReached.into());
}

#[test]
fn a_link_reads_a_file_for_a_week_as_long_as_a_message_names_it() {
    let mut realm = staffed();
    realm.does(1, store(1));
    let id = posted(realm.does(1, post("bob", 1)));
    let ask = |of: &str, id| LinkFile { of: conversation(of), id };
    assert_eq!(realm.does(2, ask("amy", id + 1)), Code::FileNotFound.into());
    assert_eq!(realm.does(3, ask("amy", id)), Code::FileNotFound.into());
    let Outcome::FileLinked { path, until } = realm.does(2, ask("amy", id)) else {
        panic!("no link");
    };
    assert_eq!(until.0, realm.time() + 7 * DAY * 1_000);
    let query = path.split_once("?exp=").unwrap().1;
    let (exp, sig) = query.split_once("&sig=").unwrap();
    let link = Some(FileLink::parse(exp, sig).unwrap());
    let open =
        |n, link: &Option<FileLink>| OpenFile { hash: hash(n), link: link.clone().map(Box::new) };
    assert_eq!(found(realm.does(9, open(1, &link))).0, "1.txt");
    assert_eq!(realm.does(9, open(2, &link)), Code::FileNotFound.into());
    assert_eq!(realm.does(3, open(2, &link)), Code::FileNotFound.into());
    realm.pass(7 * DAY);
    assert_eq!(found(realm.does(9, open(1, &link))).0, "1.txt");
    let Outcome::FileLinked { path, .. } = realm.does(1, ask("bob", id)) else { panic!("no link") };
    realm.pass(1);
    assert_eq!(realm.does(9, open(1, &link)), Code::FileNotFound.into());
    let (exp, sig) = path.split_once("?exp=").unwrap().1.split_once("&sig=").unwrap();
    let link = Some(FileLink::parse(exp, sig).unwrap());
    assert_eq!(found(realm.does(9, open(1, &link))).0, "1.txt");
    realm.does(1, delete("bob", id));
    assert_eq!(realm.does(9, open(1, &link)), Code::FileNotFound.into());
}

#[test]
fn a_reference_posts_one_file_once() {
    let mut realm = staffed();
    realm.does(1, store(1));
    realm.does(1, store(2));
    let referred = |n| Post { reference: antar_types::Reference::parse("r"), ..post("bob", n) };
    let id = posted(realm.does(1, referred(1)));
    assert_eq!(posted(realm.does(1, referred(1))), id);
    assert_eq!(realm.does(1, referred(2)), Code::RefReused.into());
    realm.state.references.forget();
    assert_eq!(realm.does(1, referred(2)), Code::RefReused.into());
}
