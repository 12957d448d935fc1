//! What a request is decided with.

use crate::context::Context;
use crate::links::Why;
use crate::state::OPERATOR;
use crate::state::{Account, Origin};
use crate::{
    AccountId, BlockList, ConnId, Conversation, Draft, Event, GroupId, Job, JobResult,
    PasswordHash, PeerId, Reader, Refused, SessionId, SessionRecord, Tag, Unshown,
};
use antar_types::{Code, Name, Secret, Text, TextError, Token};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// Why a command has no answer, or none yet.
pub(crate) enum Interrupt {
    /// The request is refused.
    Refused(Refused),
    /// Something has to be done elsewhere first; the same request is decided again with the result.
    Job(Job),
    /// Another realm has to answer first; the same request is decided again with the result.
    Wait(Why),
}

impl From<Code> for Interrupt {
    fn from(code: Code) -> Self {
        Self::Refused(code.into())
    }
}

impl From<Refused> for Interrupt {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

/// A request in progress: a context, and who asks.
pub(crate) struct RequestContext<'a> {
    pub(crate) context: Context<'a>,
    pub(crate) conn: ConnId,
    pub(crate) origin: Origin,
    pub(crate) tag: Tag,
    pub(crate) session: Option<SessionId>,
    pub(crate) caller: Option<AccountId>,
    pub(crate) results: &'a [JobResult],
    /// A link that begins once this request is answered.
    pub(crate) after_answer: Option<PeerId>,
}

impl<'a> Deref for RequestContext<'a> {
    type Target = Context<'a>;

    fn deref(&self) -> &Context<'a> {
        &self.context
    }
}

impl<'a> DerefMut for RequestContext<'a> {
    fn deref_mut(&mut self) -> &mut Context<'a> {
        &mut self.context
    }
}

impl RequestContext<'_> {
    /// The calling user. A command that needs a session always has one.
    pub(crate) fn me(&self) -> Result<AccountId, Code> {
        self.caller.ok_or(Code::NoSession)
    }

    /// Who acts on a group: the calling user, or the operator.
    pub(crate) fn actor(&self) -> Result<AccountId, Code> {
        match (self.caller, self.origin) {
            (None, Origin::Operator) => Ok(OPERATOR),
            (caller, _) => caller.ok_or(Code::NoSession),
        }
    }

    /// The session the request runs under.
    pub(crate) fn my_session(&self) -> Result<SessionId, Code> {
        self.session.ok_or(Code::NoSession)
    }

    /// The calling user's account.
    pub(crate) fn my_account(&self) -> Result<&Account, Code> {
        self.account(self.me()?).ok_or(Code::NoSession)
    }

    /// The calling user, who reads something.
    pub(crate) fn reader(&self) -> Result<Reader, Code> {
        self.state.reader(self.me()?).ok_or(Code::NoSession)
    }

    /// Whom the caller has blocked; none where that is nobody.
    pub(crate) fn my_blocks(&self) -> Result<Option<Arc<BlockList>>, Code> {
        Ok(self.state.durable.blocks.of(self.me()?).cloned())
    }

    pub(crate) fn set_current_group(&mut self, group: GroupId) {
        if let Some(session) = self.session {
            self.state.live.current_groups.insert(session, group);
        }
    }

    pub(crate) fn current_group(&self) -> Option<GroupId> {
        self.state.live.current_groups.get(&self.session?).copied()
    }

    /// A draft as a message text, within the limit.
    pub(crate) fn draft(&self, draft: &Draft) -> Result<Text, Code> {
        let text = Text::new(draft.0.clone(), self.state.limits.message_bytes);
        text.map_err(|error| match error {
            TextError::TooLong => Code::TooLong,
            TextError::Control => Code::BadText,
        })
    }

    /// Whether the caller administers the realm: over its Unix socket, or by account.
    pub(crate) fn is_admin(&self) -> bool {
        self.origin == Origin::Operator || self.my_account().is_ok_and(|me| me.record.admin)
    }

    /// A new name, checked against the rule for names.
    pub(crate) fn new_name(&self, word: &str) -> Result<Name, Code> {
        Name::parse(word).ok_or(Code::BadName)
    }

    /// Hashes a new password.
    pub(crate) fn hash(&self, password: &str) -> Result<PasswordHash, Interrupt> {
        self.hash_for(password, false)
    }

    /// Hashes a new password, perhaps for an account that anyone makes.
    pub(crate) fn hash_for(
        &self,
        password: &str,
        registers: bool,
    ) -> Result<PasswordHash, Interrupt> {
        let limit = self.state.limits.password_bytes;
        if password.is_empty() || Text::parse(password, limit).is_err() {
            return Err(Code::BadPassword.into());
        }
        self.give_up_if_not_tried()?;
        let hashed = self.results.iter().find_map(|result| match result {
            JobResult::Hashed(hash) => Some(hash.clone()),
            _ => None,
        });
        let mut salt = [0; 16];
        salt.copy_from_slice(&self.readings.entropy[..16]);
        hashed.ok_or_else(|| {
            let password = Secret::new(password.into());
            Interrupt::Job(Job::Hash { password, salt, registers })
        })
    }

    /// Whether a password has this hash; failures count against `subject`, and against the account `by`
    /// instead of the address where that is given.
    pub(crate) fn verify(
        &self,
        password: &str,
        hash: Option<&PasswordHash>,
        subject: String,
        by: Option<AccountId>,
    ) -> Result<bool, Interrupt> {
        self.give_up_if_not_tried()?;
        // The hash may have changed while this one was compared: then it is compared again.
        let verdict = self.results.iter().find_map(|result| match result {
            JobResult::Verified { hash: compared, matches } if compared.as_ref() == hash => {
                Some(*matches)
            }
            _ => None,
        });
        verdict.ok_or_else(|| {
            let password = Secret::new(password.into());
            Interrupt::Job(Job::Verify { password, hash: hash.cloned(), subject, by })
        })
    }

    fn give_up_if_not_tried(&self) -> Result<(), Interrupt> {
        match self.results.last() {
            Some(JobResult::Throttled) => Err(Code::RateLimited.into()),
            Some(JobResult::Busy) => Err(Code::Unavailable.into()),
            _ => Ok(()),
        }
    }

    /// Opens a session for a user on this connection and returns its token.
    pub(crate) fn open_session(&mut self, account: AccountId) -> Result<Token, Code> {
        self.make_room_for_a_session(account)?;
        let token = Token::new(self.readings.entropy);
        let id = SessionId(self.next_id());
        let (now, address) = (self.readings.now, self.origin.address());
        let (hash, client) = (token.hash(), None);
        let record = SessionRecord { hash, account, used: now, since: now, client, address };
        self.set_session(id, record)?;
        let (conn, live) = (self.conn, &mut self.state.live);
        live.bind(conn, id, account);
        live.rebind_watch(conn, id, account);
        live.acts(conn, (id, account), now);
        let outputs = &mut self.context.effects.outputs;
        self.context.state.tell_ended(Code::NoSession, outputs);
        Ok(token)
    }

    fn make_room_for_a_session(&mut self, account: AccountId) -> Result<(), Code> {
        let sessions = &self.account(account).ok_or(Code::UserNotFound)?.sessions;
        if sessions.len() < self.state.limits.sessions_per_user {
            return Ok(());
        }
        let durable = &self.state.durable;
        let idle = sessions
            .iter()
            .filter(|id| !self.state.live.is_connected(**id))
            .min_by_key(|id| durable.sessions.get(id).map(|s| s.used));
        let idle = *idle.ok_or(Code::LimitReached)?;
        self.end_session(idle)
    }

    /// Ends a user's sessions but one.
    pub(crate) fn end_sessions(
        &mut self,
        account: AccountId,
        except: Option<SessionId>,
    ) -> Result<(), Code> {
        let sessions = self.account(account).map(|a| a.sessions.clone()).unwrap_or_default();
        let mut ended = sessions.into_iter().filter(|id| Some(*id) != except);
        ended.try_for_each(|id| self.end_session(id))
    }
}

impl Context<'_> {
    /// Lets go of how far a user has read conversations, and of what else is kept of that user about them.
    pub(crate) fn end_markers(
        &mut self,
        account: AccountId,
        conversations: Vec<Conversation>,
    ) -> Result<(), Code> {
        for conversation in conversations {
            let known = self.state.durable.conversations.known_marker(account, conversation);
            if known.is_some() {
                self.emit(Event::MarkerEnded { account, conversation })?;
            }
            if self.state.durable.personal.unshown(account, conversation).is_some() {
                let unshown = Unshown::default();
                self.emit(Event::UnshownSet { account, conversation, unshown })?;
            }
            self.set_mentions(account, conversation, Vec::new())?;
            self.end_mute(account, conversation)?;
        }
        Ok(())
    }

    /// Notes in which messages a user was mentioned that the user has not read.
    pub(crate) fn set_mentions(
        &mut self,
        account: AccountId,
        conversation: Conversation,
        ordinals: Vec<u64>,
    ) -> Result<(), Code> {
        if *self.state.durable.personal.mentions(account, conversation) == *ordinals {
            return Ok(());
        }
        self.emit(Event::MentionsSet { account, conversation, ordinals })
    }
}
