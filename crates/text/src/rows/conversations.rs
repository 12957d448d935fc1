//! Conversations: of two users, or of a group, here or with another realm.

use super::*;
use crate::args::UNASKED;
use antar_domain::Page;
use antar_types::{Code, ConversationName, Emoji, FileHash, MessageKind, Reference};

pub const ROWS: &[Row] = &[
    Row {
        name: "POST",
        params: &[Param::Word("CONV"), Param::MaybeAfterColon("TEXT")],
        options: &["ref=R", "reply=ID", "kind=K", "file=SHA256"],
        help: "Posts to a conversation: bob, bob@beta, #staff or #staff+beta.",
        read: &Read(|args| {
            let file = args.optional("file", FileHash::parse)?;
            // A file says enough by itself.
            if args.text.is_empty() && file.is_none() {
                return Err(Code::BadParameters);
            }
            Ok(commands::Post {
                to: args.conversation(0)?,
                text: args.text.into(),
                reference: args.optional("ref", Reference::parse)?,
                reply: args.number("reply")?,
                kind: args.optional("kind", MessageKind::parse)?,
                file: file.map(Box::new),
            })
        }),
        says: Phrase::same("Message sent"),
        ..ROW
    },
    Row {
        name: "EDIT",
        params: &[Param::Word("CONV"), Param::Word("ID"), Param::Colon("TEXT")],
        help: "Gives a message of one's own another text.",
        read: &Read(|args| {
            let text = args.text.into();
            Ok(commands::EditMessage { of: args.conversation(0)?, id: args.id(1)?, text })
        }),
        ..ROW
    },
    Row {
        name: "DELETE",
        params: &[Param::Word("CONV"), Param::Word("ID")],
        help: "Deletes a message: one's own, or as who runs the group or administers the realm.",
        read: &Read(|args| {
            Ok(commands::DeleteMessage { of: args.conversation(0)?, id: args.id(1)? })
        }),
        ..ROW
    },
    Row {
        name: "REACT",
        params: &[Param::Word("CONV"), Param::Word("ID"), Param::Word("EMOJI")],
        help: "Reacts to a message with an emoji.",
        read: &Read(|args| {
            let emoji = Emoji::parse(args.word(2)).ok_or(Code::BadParameters)?;
            Ok(commands::React { of: args.conversation(0)?, id: args.id(1)?, emoji })
        }),
        ..ROW
    },
    Row {
        name: "UNREACT",
        params: &[Param::Word("CONV"), Param::Word("ID"), Param::Word("EMOJI")],
        help: "Takes a reaction to a message back.",
        read: &Read(|args| {
            let emoji = Emoji::parse(args.word(2)).ok_or(Code::BadParameters)?;
            Ok(commands::Unreact { of: args.conversation(0)?, id: args.id(1)?, emoji })
        }),
        ..ROW
    },
    Row {
        name: "FILELINK",
        params: &[Param::Word("CONV"), Param::Word("ID")],
        help: "Makes a link with which the file of a message is read without a session, for a while.",
        read: &Read(|args| Ok(commands::LinkFile { of: args.conversation(0)?, id: args.id(1)? })),
        ..ROW
    },
    Row {
        name: "HISTORY",
        params: &[Param::Word("CONV")],
        options: &[HISTORY[0], HISTORY[1], "around=ID", HISTORY[2]],
        help: "Lists a conversation, what all sides wrote.",
        read: &Read(|args| {
            Ok(commands::ReadHistory { of: args.conversation(0)?, stretch: args.stretch()? })
        }),
        ..ROW
    },
    Row {
        name: "CONVERSATIONS",
        options: &[HISTORY[1], HISTORY[2]],
        help: "Lists the caller's conversations, those with the latest message first.",
        read: &Read(|args| {
            let Page { before, limit, .. } = args.page_of(UNASKED)?;
            Ok(commands::ListConversations { before, limit })
        }),
        ..ROW
    },
    Row {
        name: "SEARCH",
        params: &[Param::Colon("WORDS")],
        options: &["in=CONV", "from=U", HISTORY[1], HISTORY[2]],
        help: "Lists messages that have all of the words in them, newest first.",
        read: &Read(|args| {
            let named = |key| args.optional(key, ConversationName::parse);
            Ok(commands::Search {
                words: args.text.into(),
                of: named("in")?.map(Box::new),
                from: named("from")?.map(Box::new),
                before: args.number("before")?,
                limit: args.limit(UNASKED)?,
            })
        }),
        ..ROW
    },
    Row {
        name: "READ",
        params: &[Param::Word("CONV"), Param::Word("ID")],
        help: "Marks a conversation as read up to a message, on all devices.",
        read: &Read(|args| Ok(commands::MarkRead { of: args.conversation(0)?, id: args.id(1)? })),
        ..ROW
    },
    Row {
        name: "UNREAD",
        params: &[Param::Word("CONV"), Param::Word("ID")],
        help: "Marks a message, and what follows it, as unread.",
        read: &Read(|args| Ok(commands::MarkUnread { of: args.conversation(0)?, id: args.id(1)? })),
        ..ROW
    },
    Row {
        name: "BLOCK",
        params: &[Param::Word("CONV")],
        help: "Blocks a user: what that user writes from now on is not shown to the caller.",
        read: &Read(|args| Ok(commands::BlockUser { whom: args.conversation(0)? })),
        ..ROW
    },
    Row {
        name: "UNBLOCK",
        params: &[Param::Word("CONV")],
        help: "Ends BLOCK. What was written meanwhile stays hidden.",
        read: &Read(|args| Ok(commands::UnblockUser { whom: args.conversation(0)? })),
        ..ROW
    },
    Row {
        name: "BLOCKS",
        help: "Lists whom the caller has blocked.",
        read: &Read(|_| Ok(commands::ListBlocked)),
        ..ROW
    },
    Row {
        name: "MUTE",
        params: &[Param::Word("CONV"), Param::Maybe("[MINUTES]")],
        help: "Mutes a conversation, for so many minutes or without an end: it counts as unread and does not call.",
        read: &Read(|args| {
            let minutes = (!args.text.is_empty()).then(|| args.text_id()).transpose()?;
            Ok(commands::Mute { of: args.conversation(0)?, minutes })
        }),
        ..ROW
    },
    Row {
        name: "UNMUTE",
        params: &[Param::Word("CONV")],
        help: "Ends MUTE.",
        read: &Read(|args| Ok(commands::Unmute { of: args.conversation(0)? })),
        ..ROW
    },
    Row {
        name: "MUTES",
        help: "Lists the conversations that the caller has muted.",
        read: &Read(|_| Ok(commands::ListMuted)),
        ..ROW
    },
];
