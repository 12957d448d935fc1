//! A line to its reply.

use super::State;
use crate::commands::Needs;
use crate::links::{self, LinkContext, Waiting};
use crate::request::Request;
use crate::{
    Answer, Args, ConnId, Context, Effects, Event, Interrupt, JobResult, Mode, Origin, Output,
    Readings,
};
use antar_types::{Body, Code, Reply, Token};

impl State {
    pub(super) fn request(
        &mut self,
        readings: &Readings,
        conn: ConnId,
        line: String,
        results: Vec<JobResult>,
        effects: &mut Effects,
    ) {
        let (dialect, request) = Request::parse(&line);
        let Some(origin) = self.live.asks(conn, dialect) else {
            return;
        };
        let uptime = readings.uptime;
        let is_link = self.links.conns.get_mut(&conn).map(|c| c.heard = uptime).is_some();
        let is_answer = is_link && line.starts_with('{');
        // A line that runs again has brought its results.
        if results.is_empty() && !is_answer {
            self.requests.count(request.as_ref().map(|request| request.number));
        }
        let mut cx = Context {
            state: self,
            effects,
            readings,
            conn,
            origin,
            dialect,
            session: None,
            caller: None,
            results: &results,
            after_answer: None,
        };
        let answer = match request {
            _ if cx.state.mode == Mode::Suspended => Err(Interrupt::Refused(Code::Unavailable)),
            _ if is_answer => links::answered(&mut cx, &line).map(|()| Answer::NoReply),
            None => Err(Interrupt::Refused(Code::UnknownRequest)),
            Some(request) => run(&mut cx, &request),
        };
        let begins = cx.after_answer;
        let output = match answer {
            Ok(Answer::Reply(reply)) => Output::Reply(conn, dialect, reply),
            Ok(Answer::Read(read)) => Output::Read(conn, dialect, read),
            Ok(Answer::NoReply) => Output::NoReply(conn),
            Err(Interrupt::Job(job)) => Output::Job { conn, line, results, job },
            Err(Interrupt::Wait(why)) => {
                self.links.waiting.insert(conn, Waiting { line, results, why });
                Output::Park(conn)
            }
            Err(Interrupt::Refused(code)) => {
                let usage = match (code, Request::parse(&line).1) {
                    (Code::BadParameters, Some(request)) => Some(request.verb.usage(dialect)),
                    _ => None,
                };
                Output::Reply(conn, dialect, Body::Refused(code, usage).into())
            }
        };
        effects.outputs.push(output);
        if let Some(realm) = begins {
            LinkContext { state: self, effects, readings }.carry(realm, conn);
        }
    }
}

/// Runs a request in the order of protocol section 1: session, then parameters, then the verb.
fn run(cx: &mut Context<'_>, request: &Request<'_>) -> Result<Answer, Interrupt> {
    // A connection with another realm takes what realms say to each other, and nobody logs in on it.
    if cx.is_link() {
        return match request.verb.needs == Needs::Link || request.verb.name == "PING" {
            true => heard(cx, request),
            false => Err(Code::Forbidden.into()),
        };
    }
    let known = find_session(cx, request.token.as_ref());
    match request.verb.needs {
        Needs::Nobody | Needs::Link => {}
        Needs::Session if known => {}
        Needs::Admin | Needs::Someone if known || cx.origin == Origin::Operator => {}
        Needs::Session | Needs::Someone | Needs::Admin => return Err(Code::NoSession.into()),
    }
    // Who is no peer is told so before anything else about the request.
    if request.verb.needs == Needs::Link && !cx.may_be_peer() {
        let reply = Reply::from(Code::Forbidden);
        return Ok(match cx.unlisted() {
            Some(why) => reply.with("error", why).into(),
            None => reply.into(),
        });
    }
    heard(cx, request)
}

/// What is left once it is known that the caller may ask for this at all.
fn heard(cx: &mut Context<'_>, request: &Request<'_>) -> Result<Answer, Interrupt> {
    // The disk that failed while the line waited.
    if cx.results.contains(&JobResult::Busy) {
        return Err(Code::Unavailable.into());
    }
    let args = Args::parse(request.verb, request.params)?;
    match request.verb.needs {
        Needs::Admin if !cx.is_admin() => return Err(Code::Forbidden.into()),
        _ => {}
    }
    (request.verb.run)(cx, &args)
}

/// Finds the session of a request: the one its token names, else the connection's.
fn find_session(cx: &mut Context<'_>, token: Option<&Token>) -> bool {
    let bound = cx.state.live.session(cx.conn);
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
        let _ = cx.emit(Event::SessionEnded(id));
        return false;
    }
    if idle > cx.state.limits.token_idle / 30 {
        let used = crate::SessionRecord { used: cx.readings.now, ..record.clone() };
        // Reading goes on where nothing can be kept; the note is made at a later request.
        let _ = cx.emit(Event::SessionSet(id, used));
    }
    if bound.is_none() {
        cx.state.live.bind(cx.conn, id);
    }
    cx.session = Some(id);
    cx.caller = Some(account);
    cx.state.live.acts(cx.conn, account);
    true
}
