//! What a realm's codes mean, in English.

use antar_client::{Error, Refusal};

/// The codes that a user may hear.
const TEXTS: &[(&str, &str)] = &[
    ("user_not_found", "There is no such user."),
    ("wrong_password", "That is not the password."),
    ("no_session", "You are not logged in any more."),
    ("session_not_found", "There is no such session."),
    ("group_exists", "There is a group of that name already."),
    ("group_not_found", "There is no such group."),
    ("no_group", "No group was named."),
    ("already_member", "Already in the group."),
    ("not_member", "Not in that group."),
    ("banned", "Banned from that group."),
    ("invite_only", "Only who is invited gets into that group."),
    ("silenced", "You may not write there for now."),
    ("announce_only", "Only the owner and the moderators write there."),
    ("realm_exists", "A realm of that name is linked already."),
    ("realm_not_found", "No realm of that name is linked."),
    ("realm_unreachable", "That realm does not answer."),
    ("realm_removed", "The link with that realm has ended."),
    ("link_full", "Too much waits for that realm already."),
    ("message_not_found", "There is no such message there."),
    ("file_not_found", "There is no such file, or you may not read it."),
    ("ref_reused", "Another message was sent under that reference."),
    ("bad_invitation", "That invitation is unknown, used or too old."),
    ("unknown_request", "This realm does not know that request."),
    ("bad_parameters", "Something in that is missing, or cannot be so."),
    ("forbidden", "You may not do that."),
    ("rate_limited", "Too many attempts: try again in a while."),
    ("too_long", "That is too long."),
    ("bad_encoding", "That is not UTF-8."),
    ("bad_name", "That cannot be a name: letters, digits and . _ - only, 64 at most."),
    ("bad_text", "Control characters cannot be sent."),
    ("bad_password", "That cannot be a password."),
    ("user_exists", "There is a user of that name already."),
    ("limit_reached", "A limit of this realm is reached."),
    ("too_many_connections", "There are too many connections."),
    ("timed_out", "It took too long."),
    ("too_slow", "This client read too slowly."),
    ("replaced", "This client watches something else now."),
    ("refused", "The other realm did not take it."),
    ("unavailable", "The realm cannot do it just now; nothing was done."),
    ("unknown", "The realm does not know whether it was done."),
];

/// A sentence for a code; `None` for one that this version does not know.
pub fn of_code(code: &str) -> Option<&'static str> {
    TEXTS.iter().find(|(known, _)| *known == code).map(|(_, text)| *text)
}

/// A refusal, for people: in English where the code is known, else as the realm says it.
pub fn of_refusal(refusal: &Refusal) -> String {
    let known = of_code(&refusal.code).map(|text| format!("{text} ({})", refusal.code));
    let mut text = known.unwrap_or_else(|| refusal.to_string());
    if let Some(usage) = &refusal.usage {
        text.push_str(&format!(" It is: {usage}"));
    }
    text
}

/// An error, for people.
pub fn of_error(error: &Error) -> String {
    match error {
        Error::Refused(refusal) => of_refusal(refusal),
        Error::Unasked(reply) => match reply.code().and_then(of_code) {
            Some(text) => format!("the server ended the connection: {text}"),
            None => error.to_string(),
        },
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use antar_types::Code;

    #[test]
    fn texts_are_for_codes_that_there_are() {
        for (code, text) in TEXTS {
            // What another realm says of a message is a notice's only.
            let is_one = Code::ALL.iter().any(|each| each.as_str() == *code) || *code == "refused";
            assert!(is_one && text.ends_with('.'), "{code}");
        }
        assert!(of_code("user_not_found").is_some() && of_code("sparkle").is_none());
    }
}
