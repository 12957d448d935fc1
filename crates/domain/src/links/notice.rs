//! What people read where a message of theirs could not be delivered.
//!
//! A notice is kept as a message, and goes to other realms as one. So its text is no matter of a door: it
//! is made once, here, in the language of the two documents, as the first version made it. A notice is
//! told from others by this text too ([`super::Quote`]), also by a realm of the first version.

use antar_types::{Code, Notice, Text};

/// What a notice says, with the beginning of what was written.
pub(crate) fn notice_text(notice: Notice, text: &str) -> Text {
    let why = match notice {
        Notice::UserNotFound => Code::UserNotFound.text(),
        Notice::GroupNotFound => Code::GroupNotFound.text(),
        Notice::Refused => Code::RealmRefused.text(),
        Notice::RealmRemoved => Code::RealmRemoved.text(),
    };
    let start: String = text.chars().take(200).collect();
    let text = format!("Pesan tidak terkirim ({why}): {start}");
    Text::parse(&text, text.len()).unwrap_or_else(|_| Text::empty())
}
