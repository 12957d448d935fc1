//! ADDREALM and JOINREALM: a link with another realm.

use super::{Access, Param, ROW, Verb};
use crate::links::{
    Address, CALL, Call, Caller, Failure, Invitation, LinkKind, NotAsked, Peer, PeerRecord, Status,
    Told, Why, acknowledgement,
};
use crate::{Answer, Args, Bug, Context, Interrupt, Job, JobResult, Origin, PeerId, is_loopback};
use antar_types::{Code, Fingerprint, Name, Phrase, Reply, Token, words};
use std::net::IpAddr;

pub const VERBS: &[Verb] = &[
    Verb {
        name: "ADDREALM",
        aliases: &["REALM ADD"],
        params: &[
            Param::Word("R"),
            Param::Word("HOST"),
            Param::Word("PORT"),
            Param::Maybe("[sha256:KEY|plain]"),
        ],
        help: "Links this realm with another; both keep the link from then on.",
        access: Access::SessionOrOperator,
        addressed: true,
        run: add,
        ..ROW
    },
    Verb {
        name: "JOINREALM",
        aliases: &["REALM JOIN"],
        params: &[Param::Word("INVITATION")],
        help: "Links this realm with the one that made an invitation.",
        access: Access::SessionOrOperator,
        run: join,
        ..ROW
    },
];

/// Calls at once that users have asked for, so that links find sockets for theirs.
const CALLS: usize = 64;

/// A link that is asked for.
struct Wanted {
    name: Name,
    address: Address,
    pin: Option<Fingerprint>,
    invitation: Option<Token>,
    plain: bool,
    /// It is linked and has another key now.
    renews: bool,
}

fn add(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Answer, Interrupt> {
    let port = args.word(2).parse().ok().filter(|port| *port > 0).ok_or(Code::BadParameters)?;
    cx.may_link()?;
    let name = Name::parse(args.word(0)).ok_or(Code::BadName)?;
    if words::all(args.text).any(|word| words::option(word).is_some()) {
        return Err(Code::BadParameters.into());
    }
    // Existing clients put their own address and port here.
    let (how, rest) = words::first(args.text);
    let renews = how.eq_ignore_ascii_case("new-key");
    let how = if renews { words::first(rest).0 } else { how };
    let pin = Fingerprint::parse(how);
    if pin.is_none() && (renews || how.starts_with("sha256:")) {
        return Err(Code::BadParameters.into());
    }
    let address = Address { host: host(args.word(1))?.into(), port, told_by: None };
    let plain = how.eq_ignore_ascii_case("plain");
    link(cx, Wanted { name, address, pin, invitation: None, plain, renews })
}

fn join(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Answer, Interrupt> {
    cx.may_link()?;
    let Invitation { name, host: at, port, key, secret } =
        Invitation::parse(args.word(0)).ok_or(Code::BadInvitation)?;
    let address = Address { host: host(&at)?.into(), port, told_by: None };
    let (pin, invitation) = (Some(key), Some(secret));
    link(cx, Wanted { name, address, pin, invitation, plain: false, renews: false })
}

fn host(word: &str) -> Result<&str, Code> {
    let bare = word.trim_start_matches('[').trim_end_matches(']');
    let known = |b: u8| b.is_ascii_alphanumeric() || b".-_:%".contains(&b);
    let valid = !bare.is_empty() && bare.len() <= 253 && bare.bytes().all(known);
    valid.then_some(bare).ok_or(Code::BadParameters)
}

/// Goes through the stages of a link: calling, the answer, and perhaps the plain way.
fn link(cx: &mut Context<'_>, wanted: Wanted) -> Result<Answer, Interrupt> {
    for result in cx.results.iter().rev() {
        match result.clone() {
            JobResult::Asked(answer) => return plain_answered(cx, wanted, answer),
            JobResult::Linked(Ok(status)) => return Ok(done(&wanted.name, status)),
            JobResult::Linked(Err(failure)) => return called_in_vain(cx, wanted, failure),
            _ => {}
        }
    }
    if cx.peer_named(&wanted.name).is_some_and(|(_, p)| !p.is_gone() && !p.is_asking()) {
        return move_link(cx, wanted);
    }
    if wanted.renews {
        return Err(Code::RealmNotFound.into());
    }
    if wanted.plain {
        return ask_plainly(cx, wanted);
    }
    if cx.is_called(&wanted.name) {
        return Err(Code::RealmExists.into());
    }
    if cx.calls_of_users() >= CALLS && cx.origin != Origin::Operator {
        return Err(Code::LimitReached.into());
    }
    let Wanted { name, address, pin, invitation, .. } = wanted;
    // Its key is known until REMOVEREALM, whoever ended the link; that of one that only waits for
    // approval is no more than what anybody says.
    let waiting_pins = cx.state.is_planted(Bug::WaitingPins);
    let is_known = |peer: &Peer| match peer.record.status {
        Status::Removed => false,
        Status::Asking => waiting_pins,
        _ => true,
    };
    let known = cx.peer_named(&name).filter(|(_, peer)| is_known(peer));
    let pin = pin.or(known.and_then(|(_, peer)| peer.key()));
    let (caller, until) = (Caller::User(cx.conn), cx.readings.uptime + CALL);
    let (key, conn, renews) = (None, None, false);
    let mut step = cx.step();
    let dial = step.call(Call { name, address, pin, renews, invitation, caller, key, conn, until });
    Err(Interrupt::Wait(Why::Call(dial)))
}

/// A linked realm is said to be elsewhere, or to have another key. The one it has, or the one that is
/// said, must answer there.
fn move_link(cx: &mut Context<'_>, wanted: Wanted) -> Result<Answer, Interrupt> {
    let Some((_, pinned)) = cx.moves(&wanted) else { return Err(Code::RealmExists.into()) };
    // Whoever has another key is another realm, unless somebody says so who answers for this one.
    if wanted.renews && !cx.is_admin() {
        return Err(Code::Forbidden.into());
    }
    if !wanted.renews && wanted.pin.is_some_and(|pin| pin != pinned) {
        return Ok(other_key(format!(
            "the link has the key {pinned}; if it is the same realm with another key, say so: \
             antar realm add --new-key"
        )));
    }
    let Wanted { name, address, renews, pin, .. } = wanted;
    let is_asked = |call: &Call| {
        matches!(call.caller, Caller::User(_)) && *call.name.folded() == *name.folded()
    };
    if cx.state.links.calls.values().any(is_asked) {
        return Err(Code::RealmExists.into());
    }
    let pin = pin.or(Some(pinned));
    let (caller, until) = (Caller::User(cx.conn), cx.readings.uptime + CALL);
    let (invitation, key, conn) = (None, None, None);
    let dial =
        cx.step().call(Call { name, address, pin, renews, invitation, caller, key, conn, until });
    Err(Interrupt::Wait(Why::Call(dial)))
}

fn other_key(error: String) -> Answer {
    Reply::from(Code::RealmKey).with("error", error).into()
}

/// Nobody is there just now. The operator's word holds all the same: it may be the peer that is down.
fn moved_unseen(
    cx: &mut Context<'_>,
    realm: PeerId,
    wanted: Wanted,
    error: String,
) -> Result<Answer, Interrupt> {
    let PeerRecord { name, kind, status, .. } = cx.peer(realm)?.record.clone();
    let mut step = cx.step();
    let kind = match wanted.pin.filter(|_| wanted.renews) {
        Some(key) => {
            step.renew_key(realm, key)?;
            LinkKind::Native(key)
        }
        None => kind,
    };
    step.record(name, kind, Some(wanted.address), status)?;
    let link = step.link(realm);
    (link.failures, link.refused, link.retry_at) = (0, false, 0);
    let reply = Reply::done(Phrase::same("Connect realm berhasil"));
    let reply = reply.with("realm", wanted.name.as_str()).with("state", "down");
    Ok(reply.with("error", error).into())
}

fn done(name: &Name, status: Status) -> Answer {
    let state = if status == Status::Linked { "up" } else { "waiting" };
    let reply = Reply::done(Phrase::same("Connect realm berhasil"));
    reply.with("realm", name.as_str()).with("state", state).into()
}

/// Nobody there speaks TLS, or who does will not link.
fn called_in_vain(
    cx: &mut Context<'_>,
    wanted: Wanted,
    failure: Failure,
) -> Result<Answer, Interrupt> {
    let mut error = failure.error;
    let moves = cx.moves(&wanted);
    if let (Some((realm, _)), Code::RealmUnreachable, Origin::Operator) =
        (moves, failure.code, cx.origin)
    {
        return moved_unseen(cx, realm, wanted, error);
    }
    if let Some(ip) = failure.plain.filter(|_| wanted.pin.is_none() && moves.is_none()) {
        match cx.state.policy.plain_peers.refusal(ip) {
            Some(why) => error = format!("{error}, and {why}"),
            None if is_loopback(ip) => return ask_plainly(cx, wanted),
            None => {}
        }
    }
    let mut reply = Reply::from(failure.code).with("error", error);
    if let Some(real) = failure.realm {
        reply = reply.with("realm", real.as_str());
    }
    Ok(reply.into())
}

/// Where a name leads the driver finds out, which asks nobody who may not be a plain peer.
fn ask_plainly(cx: &mut Context<'_>, wanted: Wanted) -> Result<Answer, Interrupt> {
    let ip = wanted.address.host.parse().ok();
    if let Some(why) = ip.and_then(|ip| cx.state.policy.plain_peers.refusal(ip)) {
        return Ok(unlisted(why));
    }
    let ask = acknowledgement(&wanted.name, wanted.address, &cx.state.links.me);
    Err(Interrupt::Job(Job::Ask(ask)))
}

fn unlisted(why: String) -> Answer {
    Reply::from(Code::Forbidden).with("error", why).into()
}

fn plain_answered(
    cx: &mut Context<'_>,
    wanted: Wanted,
    answer: Result<(Told, IpAddr), NotAsked>,
) -> Result<Answer, Interrupt> {
    let (answer, ip) = match answer {
        Ok(answer) => answer,
        Err(NotAsked { error, .. }) => {
            return Ok(Reply::from(Code::RealmUnreachable).with("error", error).into());
        }
    };
    if let Some(why) = cx.state.policy.plain_peers.refusal(ip) {
        return Ok(unlisted(why));
    }
    if !answer.ok {
        return Ok(Reply::from(Code::RealmUnreachable).with("error", answer.said).into());
    }
    // Callers are known by their address, so that is what is kept.
    let address = Address { host: ip.to_string().into(), ..wanted.address };
    let mut step = cx.step();
    let linked = Status::Linked;
    let realm = step.record(wanted.name.clone(), LinkKind::Plain, Some(address), linked)?;
    step.introduced(realm);
    Ok(done(&wanted.name, linked))
}

impl Context<'_> {
    /// The realm that is linked natively and said to be at another address than it is known at, and its
    /// key.
    fn moves(&self, wanted: &Wanted) -> Option<(PeerId, Fingerprint)> {
        let (realm, peer) = self.peer_named(&wanted.name)?;
        let elsewhere = peer.record.address.as_ref().is_none_or(|a| !a.is_at(&wanted.address));
        let renewed = wanted.renews && wanted.pin != peer.key();
        let asked = !wanted.plain && wanted.invitation.is_none();
        let moves = peer.is_open() && asked && (elsewhere || renewed);
        Some((realm, peer.key().filter(|_| moves)?))
    }

    /// Whether a realm of this name is being called.
    pub(crate) fn is_called(&self, name: &Name) -> bool {
        let name = name.folded();
        self.state.links.calls.values().any(|call| *call.name.folded() == *name)
    }

    /// How many realms are being called because somebody asked for a link.
    fn calls_of_users(&self) -> usize {
        let calls = self.state.links.calls.values();
        calls.filter(|call| matches!(call.caller, Caller::User(_))).count()
    }

    /// Whether the caller may make and end links.
    pub(crate) fn may_link(&self) -> Result<(), Code> {
        match self.state.policy.open_linking || self.is_admin() {
            true => Ok(()),
            false => Err(Code::Forbidden),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::Realm;
    use crate::links::NotDialled;
    use crate::{Input, Output};
    use antar_types::Value;

    /// Answers a call as one that came to nothing.
    fn nobody(realm: &mut Realm) -> Value {
        let dialled = |output: &Output| match output {
            Output::Dial(dial, _) => Some(*dial),
            _ => None,
        };
        let dial = realm.asked.iter().find_map(dialled).unwrap();
        let why = NotDialled { error: "nobody answers".into(), plain: None };
        realm.tell(Input::NotDialled(dial, why));
        realm.woken().unwrap()
    }

    #[test]
    fn users_have_few_realms_called_at_once() {
        let mut realm = Realm::linked(&["amy"]);
        for n in 0..super::CALLS as u64 {
            realm.login(100 + n, "amy");
            assert_eq!(realm.say(100 + n, &format!("addrealm r{n} host 1")), Value::Null);
        }
        realm.login(1, "amy");
        assert_eq!(realm.say(1, "addrealm gamma host 1")["code"], "limit_reached");
        assert_eq!(realm.operator("addrealm gamma host 1"), Value::Null);
    }

    #[test]
    fn says_why_no_link_was_made() {
        let mut realm = Realm::linked(&["amy"]);
        realm.login(1, "amy");
        assert_eq!(realm.say(1, "addrealm gamma host 1"), Value::Null);
        assert_eq!(realm.say(2, "whoami")["code"], "no_session");
        let refused = nobody(&mut realm);
        assert_eq!(
            (&refused["code"], &refused["error"]),
            (&"realm_unreachable".into(), &"nobody answers".into())
        );
        for (line, code) in [
            ("addrealm beta 192.0.2.1 8889", "realm_exists"),
            ("addrealm gamma host port", "bad_parameters"),
            ("addrealm gamma host 0", "bad_parameters"),
            ("addrealm gamma ho/st 1", "bad_parameters"),
            ("addrealm gamma host 1 sha256:ab", "bad_parameters"),
            ("addrealm gamma host 1 key=x", "bad_parameters"),
            ("addrealm g! host 1", "bad_name"),
            ("addrealm gamma 8.8.8.8 1 plain", "forbidden"),
            ("joinrealm antar:x", "bad_invitation"),
        ] {
            assert_eq!(realm.say(1, line)["code"], code, "{line}");
        }
        realm.state.policy.open_linking = false;
        assert_eq!(realm.say(1, "addrealm gamma host 1")["code"], "forbidden");
        assert_eq!(realm.say(1, "inviterealm host 1")["code"], "forbidden");
    }

    #[test]
    fn an_invitation_names_where_to_call_and_whom_to_expect() {
        let mut realm = Realm::linked(&[]);
        assert_eq!(realm.operator("inviterealm")["code"], "bad_parameters");
        let code = realm.operator("inviterealm example.net 99")["message"].clone();
        let code = code.as_str().unwrap();
        assert!(code.starts_with("antar:alpha@example.net:99/0101"), "{code}");
        let mut other = Realm::linked(&[]);
        assert_eq!(other.operator(&format!("joinrealm {code}")), Value::Null);
        let called = other.asked.iter().any(|output| match output {
            Output::Dial(_, address) => (&*address.host, address.port) == ("example.net", 99),
            _ => false,
        });
        assert!(called, "{:?}", other.asked);
    }
}
