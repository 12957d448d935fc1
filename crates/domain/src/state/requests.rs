//! A request to its outcome.

use super::State;
use crate::Context;
use crate::links::Waiting;
use crate::{
    Access, Answer, Command, ConnId, Effects, Interrupt, JobResult, Mode, Origin, Output, Readings,
    Refused, Request, RequestContext, SessionId, SessionRecord,
};
use antar_types::{Code, Token};
use std::time::Duration;

/// How old the note of when a session was last used may be, and how old where it is used from elsewhere.
const USED: Duration = Duration::from_secs(3_600);
const MOVED: Duration = Duration::from_secs(60);

impl State {
    pub(super) fn request(
        &mut self,
        readings: &Readings,
        conn: ConnId,
        request: Request,
        results: Vec<JobResult>,
        effects: &mut Effects,
    ) {
        let Some((origin, bound)) = self.live.origin(conn) else { return };
        let uptime = readings.uptime;
        self.links.conns.get_mut(&conn).into_iter().for_each(|c| c.heard = uptime);
        let tag = request.tag;
        let mut cx = RequestContext {
            context: Context { state: self, effects, readings },
            conn,
            origin,
            tag,
            session: None,
            caller: None,
            results: &results,
            after_answer: None,
        };
        let answer = match cx.state.mode {
            Mode::Suspended => Err(Code::Unavailable.into()),
            _ => decide(&mut cx, &request, bound),
        };
        if answer.is_ok() {
            cx.audit(&request.command);
        }
        let begins = cx.after_answer;
        let output = match answer {
            Ok(Answer::Outcome(outcome)) => Output::Reply(conn, tag, outcome),
            Ok(Answer::Read(read)) => Output::Read(conn, tag, read),
            Ok(Answer::NoReply) => Output::NoReply(conn),
            Err(Interrupt::Job(job)) => {
                let (request, job) = (Box::new(request), Box::new(job));
                Output::Job { conn, request, results, job }
            }
            Err(Interrupt::Wait(why)) => {
                self.links.waiting.insert(conn, Waiting { request, results, why });
                Output::Park(conn)
            }
            // A door has asked for it, not its client.
            Err(Interrupt::Refused(_)) if matches!(request.command, Command::CatchUp(_)) => {
                Output::NoReply(conn)
            }
            Err(Interrupt::Refused(refused)) => Output::Reply(conn, tag, refused.into()),
        };
        effects.outputs.push(output);
        if let Some(peer) = begins {
            Context { state: self, effects, readings }.carry(peer, conn);
        }
    }
}

/// Decides in the order of protocol section 1: session, then parameters, then the command itself. `bound` is the
/// connection's session.
fn decide(
    cx: &mut RequestContext<'_>,
    request: &Request,
    bound: Option<SessionId>,
) -> Result<Answer, Interrupt> {
    let command = &request.command;
    let access = command.access();
    // A connection with another realm takes what realms say to each other, and nobody logs in on it.
    if cx.is_link() {
        return match access {
            Access::Peer | Access::AnyoneOrPeer => heard(cx, command),
            _ => Err(Code::Forbidden.into()),
        };
    }
    if matches!(command, Command::PeerAnswers(_)) {
        return Err(Code::UnknownRequest.into());
    }
    if access == Access::AnyoneOrPeer
        && let Command::Unread(unread) = command
    {
        return Err(unread.code.into());
    }
    let known = find_session(cx, request.token.as_ref(), bound);
    match access {
        Access::Anyone | Access::AnyoneOrPeer | Access::Peer => {}
        Access::Session if known => {}
        Access::Admin | Access::SessionOrOperator if known || cx.origin == Origin::Operator => {}
        Access::Session | Access::SessionOrOperator | Access::Admin => {
            return Err(Code::NoSession.into());
        }
    }
    // Who is no peer is told so before anything else about the request.
    if access == Access::Peer && !cx.may_be_peer() {
        let refused = Refused::from(Code::Forbidden);
        return Err(match cx.unlisted() {
            Some(why) => refused.because(why).into(),
            None => refused.into(),
        });
    }
    heard(cx, command)
}

/// What is left once it is known that the caller may ask for this at all.
fn heard(cx: &mut RequestContext<'_>, command: &Command) -> Result<Answer, Interrupt> {
    // The disk that failed while the request waited.
    if cx.results.contains(&JobResult::Busy) {
        return Err(Code::Unavailable.into());
    }
    if cx.results.contains(&JobResult::Unknown) {
        return Err(Code::Unknown.into());
    }
    let is_read = !matches!(command, Command::Unread(_));
    if is_read && command.access() == Access::Admin && !cx.is_admin() {
        return Err(Code::Forbidden.into());
    }
    let answer = match cx.ask_host(command)? {
        Some(answer) => answer,
        None => command.decide(cx)?,
    };
    // A batch may turn out to be on disk that nobody knows of, and with it what undoes what seems to be so already.
    // A link is made anew after that, and what was taken on it is compared.
    let is_certain = !command.may_change() || command.access() == Access::Peer;
    match cx.state.mode == Mode::ReadOnly && !is_certain {
        true => Err(Code::Unavailable.into()),
        false => Ok(answer),
    }
}

/// Finds the session of a request: the one its token names, else the connection's.
fn find_session(
    cx: &mut RequestContext<'_>,
    token: Option<&Token>,
    bound: Option<SessionId>,
) -> bool {
    let id = match token {
        Some(token) => cx.state.durable.tokens.get(&token.hash()).copied(),
        None => bound,
    };
    let Some((id, record)) = id.and_then(|id| Some((id, cx.state.durable.sessions.get(&id)?)))
    else {
        return false;
    };
    let (account, idle) = (record.account, cx.readings.now.since(record.used));
    if idle > cx.state.limits.token_idle && !cx.state.live.is_connected(id) {
        let _ = cx.end_session(id);
        return false;
    }
    // It is noted seldom: each note is written.
    let is_old = idle > USED.min(cx.state.limits.token_idle / 30);
    if is_old || (idle > MOVED && record.address != cx.origin.address()) {
        let (used, address) = (cx.readings.now, cx.origin.address());
        let used = SessionRecord { used, address, ..record.clone() };
        // Reading goes on where nothing can be kept; the note is made at a later request.
        let _ = cx.set_session(id, used);
    }
    if bound.is_none() {
        cx.context.state.live.bind(cx.conn, id, account);
    }
    cx.session = Some(id);
    cx.caller = Some(account);
    let now = cx.readings.now;
    cx.context.state.live.acts(cx.conn, (id, account), now);
    true
}
