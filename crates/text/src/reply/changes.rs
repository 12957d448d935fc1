//! What changes, as SYNC lists it and as a watch is told it.

use super::fields::write_object;
use crate::Dialect;
use crate::json::{number, text_field};
use crate::message::conversation_fields;
use antar_domain::{Told, ToldAt};
use antar_types::END;

/// Appends a change as an event, which has the cursor of whoever was told it.
pub fn encode_change(at: &ToldAt, charset: Dialect, out: &mut Vec<u8>) {
    write_object(out, |out| {
        fields(&at.told, "event", charset, out);
        text_field(out, charset, "cursor", &at.cursor.to_string());
    });
    out.extend_from_slice(END);
}

/// Appends the fields of a change, each led by a comma; what it is is under `kind`.
pub fn fields(told: &Told, kind: &str, charset: Dialect, out: &mut Vec<u8>) {
    match told {
        Told::Message { conversation, message } => {
            text_field(out, charset, kind, "message");
            conversation_fields(message, conversation, charset, out);
        }
        Told::Read { conversation, read } => {
            text_field(out, charset, kind, "read");
            text_field(out, charset, "conv", conversation);
            number(out, "read", *read);
        }
        Told::Member(change) => {
            text_field(out, charset, kind, change.what.as_str());
            text_field(out, charset, "conv", &format!("#{}", &*change.group));
            text_field(out, charset, "user", &change.user);
            text_field(out, charset, "by", &change.by);
        }
    }
}
