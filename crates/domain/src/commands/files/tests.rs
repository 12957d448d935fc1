use super::*;
use crate::commands::{DeleteMessage, LeaveGroup, LockUser, Post, RemoveUser};
use crate::links::Peer;
use crate::testing::{Realm, group, staffed};
use crate::{FileAt, Origin, Output, PeerId};
use antar_types::{EntryKind, File, FileName, FileType, Fingerprint};

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

/// Who has uploaded it has deleted their message, and somebody else had passed it on.
#[test]
fn a_file_ends_with_the_last_message_that_names_it() {
    let mut realm = staffed();
    realm.does(1, store(1));
    let own = posted(realm.does(1, post("bob", 1)));
    let passed_on = posted(realm.does(2, post("cat", 1)));
    realm.does(1, delete("bob", own));
    assert!(removed(&mut realm).is_empty());
    realm.does(2, delete("cat", passed_on));
    assert_eq!(removed(&mut realm), [hash(1)]);
    // Brought anew, it is kept for the next message.
    realm.does(1, store(1));
    assert!(removed(&mut realm).is_empty());
    posted(realm.does(1, post("bob", 1)));
    assert!(removed(&mut realm).is_empty() && reads(&mut realm, 2, 1));
}

#[test]
fn files_end_with_the_group_in_which_they_are() {
    let mut realm = staffed();
    realm.does(4, group("other"));
    realm.does(4, store(1));
    posted(realm.does(4, post("#other", 1)));
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
    assert!(realm.asked.iter().any(|output| matches!(output, Output::RemoveUploads(_))));
    assert_eq!(removed(&mut realm), [hash(1)]);
    assert!(reads(&mut realm, 2, 2));
}

#[test]
fn uploads_have_bounds() {
    let mut realm = staffed();
    let offer = |n, size| OfferFile { hash: hash(n), size };
    let is_wanted = |outcome, here, most| match outcome {
        Outcome::FileWanted { here: is_here, room, .. } => (is_here, room.most()) == (here, most),
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

/// The link in what LINKFILE is answered.
#[track_caller]
fn link(outcome: Outcome) -> FileLink {
    let Outcome::FileLinked { path, .. } = outcome else { panic!("no link") };
    let value = |key: &str| path.split_once(key).unwrap().1.split('&').next().unwrap();
    FileLink::parse(["?id=", "&by=", "&exp=", "&sig="].map(value)).unwrap()
}

fn open_by(n: u8, link: &FileLink) -> OpenFile {
    OpenFile { hash: hash(n), link: Some(link.clone().into()) }
}

fn ask_link(of: &str, id: u64) -> LinkFile {
    LinkFile { of: conversation(of), id }
}

/// It is a link to what one message shows: it ends with that, and another message of the same file is not in it.
#[test]
fn a_link_is_to_the_file_of_one_message() {
    let mut realm = staffed();
    realm.does(1, StoreFile { hash: hash(1), about: about("secret.txt").into() });
    posted(realm.does(1, post("amy", 1)));
    realm.does(1, StoreFile { hash: hash(1), about: about("plain.txt").into() });
    let id = posted(realm.does(1, post("cat", 1)));
    let to_cat = link(realm.does(3, ask_link("amy", id)));
    assert_eq!(found(realm.does(9, open_by(1, &to_cat))).0, "plain.txt");
    realm.does(1, delete("cat", id));
    assert_eq!(realm.does(9, open_by(1, &to_cat)), Code::FileNotFound.into());
    let again = posted(realm.does(1, post("cat", 1)));
    assert_eq!(realm.does(9, open_by(1, &to_cat)), Code::FileNotFound.into());
    let forged = FileLink { id: again, ..to_cat };
    assert_eq!(realm.does(9, open_by(1, &forged)), Code::FileNotFound.into());
    let anew = link(realm.does(3, ask_link("amy", again)));
    assert_eq!(found(realm.does(9, open_by(1, &anew))).0, "plain.txt");
}

/// It reads what the user to whom it was given may read.
#[test]
fn a_link_ends_for_whom_it_was_given_to() {
    let mut realm = staffed();
    realm.does(1, store(1));
    let in_group = posted(realm.does(1, post("#staff", 1)));
    let to_bob = posted(realm.does(1, post("bob", 1)));
    let [bobs, amys] = [2, 1].map(|conn| link(realm.does(conn, ask_link("#staff", in_group))));
    let private = link(realm.does(2, ask_link("amy", to_bob)));
    assert_ne!(bobs, amys);
    realm.does(2, LeaveGroup { group: "staff".into() });
    assert_eq!(realm.does(9, open_by(1, &bobs)), Code::FileNotFound.into());
    assert_eq!(found(realm.does(9, open_by(1, &amys))).0, "1.txt");
    assert_eq!(found(realm.does(9, open_by(1, &private))).0, "1.txt");
    realm.operator_does(LockUser { user: "amy".into() });
    assert_eq!(realm.does(9, open_by(1, &amys)), Code::FileNotFound.into());
    realm.operator_does(RemoveUser { user: "bob".into() });
    assert_eq!(realm.does(9, open_by(1, &private)), Code::FileNotFound.into());
}

#[test]
fn a_link_reads_a_file_for_a_week_as_long_as_a_message_names_it() {
    let mut realm = staffed();
    realm.does(1, store(1));
    let id = posted(realm.does(1, post("bob", 1)));
    assert_eq!(realm.does(2, ask_link("amy", id + 1)), Code::FileNotFound.into());
    assert_eq!(realm.does(3, ask_link("amy", id)), Code::FileNotFound.into());
    let first = link(realm.does(2, ask_link("amy", id)));
    assert_eq!(first.expires.0, realm.time() + 7 * DAY * 1_000);
    assert_eq!(found(realm.does(9, open_by(1, &first))).0, "1.txt");
    assert_eq!(realm.does(9, open_by(2, &first)), Code::FileNotFound.into());
    assert_eq!(realm.does(3, open_by(2, &first)), Code::FileNotFound.into());
    realm.pass(7 * DAY);
    assert_eq!(found(realm.does(9, open_by(1, &first))).0, "1.txt");
    let second = link(realm.does(1, ask_link("bob", id)));
    realm.pass(1);
    assert_eq!(realm.does(9, open_by(1, &first)), Code::FileNotFound.into());
    assert_eq!(found(realm.does(9, open_by(1, &second))).0, "1.txt");
    realm.does(1, delete("bob", id));
    assert_eq!(realm.does(9, open_by(1, &second)), Code::FileNotFound.into());
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

fn keep(n: u8, peer: PeerId) -> KeepFile {
    KeepFile { hash: hash(n), size: SIZE, peer }
}

/// The realm that has a file which may be read, by its number.
#[track_caller]
fn source(outcome: Outcome) -> PeerId {
    match found(outcome).1 {
        FileAt::Peer(Some(source)) => source.peer,
        at => panic!("{at:?}"),
    }
}

#[test]
fn what_a_peer_names_is_read_once_the_peer_has_given_it() {
    let mut realm = Realm::linked(&["amy", "bob"]);
    realm.login(1, "amy");
    realm.login(2, "bob");
    // Amy has one that the peer names as well: that it names it does not give it to bob.
    for n in [1, 2] {
        realm.does(1, store(n));
    }
    let file = File { hash: hash(1), about: about("other.txt") };
    let id = realm.state.durable.next_id();
    realm.deliver_with(EntryKind::Private, ("eve", "bob"), &[("look", Some(file))]);
    let peer = source(realm.does(2, open(1)));
    assert_eq!(realm.does(2, post("amy", 1)), Code::FileNotFound.into());
    assert!(!reads(&mut realm, 2, 2));
    // Nobody is told of it who may not read what the peer said.
    assert_eq!(realm.does(9, open(1)), Code::NoSession.into());
    let link = link(realm.does(2, ask_link("eve@beta", id)));
    assert_eq!(source(realm.does(9, open_by(1, &link))), peer);
    // It gives another number of bytes, or what it does not name.
    let other = KeepFile { size: SIZE + 1, ..keep(1, peer) };
    assert_eq!(realm.does(2, other), Code::FileNotFound.into());
    assert_eq!(realm.does(2, keep(2, peer)), Code::FileNotFound.into());
    assert_eq!(realm.does(2, keep(1, peer)), Outcome::FileStored);
    assert_eq!(found(realm.does(2, open(1))), ("other.txt".into(), FileAt::Here));
    assert_eq!(found(realm.does(9, open_by(1, &link))).1, FileAt::Here);
    assert_eq!(found(realm.does(1, open(1))).0, "1.txt");
    posted(realm.does(2, post("amy", 1)));
    assert!(!reads(&mut realm, 2, 2));
}

#[test]
fn a_realm_reads_what_was_said_to_its_people() {
    let mut realm = Realm::linked(&["amy", "bob"]);
    realm.login(1, "amy");
    for n in [1, 2, 3] {
        realm.does(1, store(n));
    }
    posted(realm.does(1, post("bob", 1)));
    posted(realm.does(1, post("eve@beta", 2)));
    let file = File { hash: hash(3), about: about("3.txt") };
    realm.deliver_with(EntryKind::Private, ("eve", "bob"), &[("look", Some(file))]);
    let key = realm.state.durable.peers.values().find_map(Peer::key).unwrap();
    let address = "192.0.2.9".parse().unwrap();
    realm.connect_from(21, Origin::Certified(address, key));
    realm.connect_from(22, Origin::Certified(address, Fingerprint([0x77; 32])));
    assert!(reads(&mut realm, 21, 2));
    for n in [1, 3] {
        assert!(!reads(&mut realm, 21, n));
    }
    assert_eq!(realm.does(22, open(2)), Code::NoSession.into());
}

/// What can be asked for again makes room for more of it, and takes half of the room at most.
#[test]
fn copies_give_way_to_each_other() {
    let mut realm = Realm::linked(&["amy"]);
    realm.login(1, "amy");
    realm.limits().files.realm_bytes = 4 * SIZE;
    let named = |n| ("look", Some(File { hash: hash(n), about: about("x") }));
    let mut all = [1, 2, 3, 4].map(named);
    all[3].1.as_mut().unwrap().about.size = u64::MAX;
    realm.deliver_with(EntryKind::Private, ("eve", "amy"), &all);
    assert_eq!(realm.does(1, open(4)), Code::LimitReached.into());
    let peer = source(realm.does(1, open(1)));
    for n in [1, 2, 3] {
        assert_eq!(realm.does(1, keep(n, peer)), Outcome::FileStored);
    }
    assert_eq!(removed(&mut realm), [hash(1)]);
    assert_eq!(source(realm.does(1, open(1))), peer);
    assert_eq!(found(realm.does(1, open(3))).1, FileAt::Here);
    realm.does(1, store(8));
    realm.does(1, store(9));
    let offer = OfferFile { hash: hash(10), size: 1 };
    assert_eq!(realm.does(1, offer), Code::LimitReached.into());
}
