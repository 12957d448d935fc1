//! What this realm asks of another one over a native link, as it is written.

use antar_domain::links::{CatchUp, Epoch, Introduction, Of, PeerRequest, Position, RoomJoin};
use antar_types::{Capabilities, Name};

/// What comes before the capabilities in a greeting. A realm of the first version refuses an option that
/// it does not know, and ignores a word.
pub(crate) const CAN: &str = "can:";

/// Writes a request, without its line end.
pub fn peer_request(request: &PeerRequest) -> String {
    match request {
        PeerRequest::Greet(greeting) => greet(greeting),
        PeerRequest::Follow(epoch, at) => format!("FOLLOW {}", cursor(*epoch, *at)),
        PeerRequest::Chain(seq) => format!("CHAIN {seq}"),
        PeerRequest::Rejoin(epoch, at) => format!("REJOIN {}", cursor(*epoch, *at)),
        PeerRequest::Cursor(epoch, at) => format!("CURSOR {}", cursor(*epoch, *at)),
        PeerRequest::Ping => "PING".into(),
        PeerRequest::CatchUp(catch_up) => self::catch_up(catch_up),
        PeerRequest::JoinRoom(join) => join_room(join),
        PeerRequest::Removed => "REMOVED".into(),
    }
}

/// The words of a cursor: epoch, number and hash.
pub(super) fn cursor(epoch: Epoch, at: Position) -> String {
    format!("{epoch} {} {}", at.seq, at.chain)
}

fn greet(greeting: &Introduction) -> String {
    let Introduction { to, at, source, from, again, invitation, can } = greeting;
    let mut line = format!("ACKREALM {to} {} {} {} {} from={from}", at.0, at.1, source.0, source.1);
    if *again {
        line.push_str(" again=1");
    }
    if let Some(secret) = invitation {
        line.push_str(&format!(" invite={}", secret.reveal()));
    }
    if *can != Capabilities::NONE {
        line.push_str(&format!(" {CAN}{}", can.print()));
    }
    line
}

fn join_room(RoomJoin { group, user, account, after, password }: &RoomJoin) -> String {
    let line = format!("JOINROOM {group} {user} {account} {after}");
    match password {
        Some(password) => format!("{line} {}", password.expose()),
        None => line,
    }
}

fn catch_up(CatchUp { of, realm, cursor }: &CatchUp) -> String {
    let realm = realm.as_ref().map_or("", Name::as_str);
    let line = match of {
        Of::User(user) => format!("REMOTEINBOXREALM {user} {realm}"),
        Of::Group(group) => format!("REMOTEINBOXGROUPREALM {group} {realm}"),
    };
    match cursor {
        Some((epoch, at)) => format!("{line} cursor={epoch}:{}:{}", at.seq, at.chain),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Door;
    use crate::Frame;
    use antar_domain::commands::{Follow, Greet};
    use antar_domain::{Command, Request};
    use antar_types::{Chain, Token};

    /// What the door at the other end makes of a request.
    fn heard(request: &PeerRequest) -> Command {
        let frame = Frame::Line(peer_request(request));
        let Request { command, .. } = Door::new(true).read(frame).unwrap();
        command
    }

    #[test]
    fn the_other_side_reads_what_was_meant() {
        let name = |word| Name::parse(word).unwrap();
        let secret = Token::new([3; 32]);
        let greeting = Introduction {
            to: name("beta"),
            at: ([192, 0, 2, 1].into(), 8889),
            source: ("alpha.example".into(), 99),
            from: name("alpha"),
            again: true,
            invitation: Some(secret.clone()),
            can: Capabilities::ALL,
        };
        let greeting = PeerRequest::Greet(Box::new(greeting));
        let Command::Greet(greet) = heard(&greeting) else { panic!("{greeting:?}") };
        let Greet { to, host, port, from, again, invitation, can } = greet;
        assert_eq!((&*to, &*host, port, from), ("beta", "alpha.example", 99, Some(name("alpha"))));
        assert_eq!((again, can), (true, Capabilities::ALL));
        assert_eq!(invitation, Some(Ok(Box::new(secret))));
        let (epoch, at) = (Epoch(7), Position { seq: 5, chain: Chain::START });
        let follow = PeerRequest::Follow(epoch, at);
        let Command::Follow(Follow { cursor }) = heard(&follow) else { panic!("{follow:?}") };
        assert_eq!(cursor, Ok((epoch, at)));
    }
}
