//! A bot that sends back what it is told, wherever it was told it: by people here and in other realms, and in groups.
//!
//! It may be stopped or killed at any time. It keeps how far it has come in a file, so it misses nothing; and each answer
//! has a name that the realm posts once, so it answers nothing twice.
//!
//! `cargo run -p antar-client --example echo -- 127.0.0.1:8889 echo surabaya`

use antar_client::live::{Address, Happening, Live, Login};
use antar_client::sync::{Draft, Message, Model, Update};
use std::error::Error;
use std::path::Path;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [address, user, password] = &words[..] else {
        eprintln!("usage: echo HOST:PORT USER PASSWORD");
        std::process::exit(2);
    };
    let kept = format!("{user}.cursor");
    echo(Address::Tcp(address.clone()), user, password, Path::new(&kept)).await
}

/// Answers until it cannot go on. A connection that is lost is made again.
pub async fn echo(
    address: Address,
    user: &str,
    password: &str,
    kept: &Path,
) -> Result<(), Box<dyn Error>> {
    let mut model = Model::new(user);
    if let Ok(cursor) = std::fs::read_to_string(kept) {
        model = model.from_cursor(&cursor);
    }
    let mut live = Live::new(address, Login::Password(password.to_owned()), model);
    let mut written = String::new();
    loop {
        match live.next().await? {
            Happening::Update(Update::Message { conversation, id }) => {
                let known = live.model().conversation(&conversation);
                if let Some(answer) = known.and_then(|c| answer(c.message(id)?, user)) {
                    // Into the conversation that it is in, under a name that is the same each time.
                    let mut draft = Draft::new(&conversation, &format!("re-{id}"), &answer);
                    draft.kind = Some("notice".into());
                    live.model_mut().post(draft)?;
                }
            }
            // The sender is gone, say.
            Happening::Update(Update::Refused { reference, code }) => {
                eprintln!("{reference}: {code}");
                live.model_mut().discard(&reference);
            }
            Happening::Lost(why) => eprintln!("not connected: {why}"),
            _ => {}
        }
        // Once everything that it was told is answered, that is how far it has come.
        let cursor = live.model().cursor().filter(|cursor| *cursor != written);
        if let Some(cursor) = cursor.filter(|_| live.model().outbox().next().is_none()) {
            written = cursor.to_owned();
            let new = kept.with_extension("new");
            std::fs::write(&new, &written)?;
            std::fs::rename(new, kept)?;
        }
    }
}

/// None to what the bot says itself, nor to what the system or another bot says.
fn answer(message: &Message, user: &str) -> Option<String> {
    let is_of_a_person = message.notice.is_none() && message.kind.as_deref() != Some("notice");
    let is_there = !message.deleted && !message.is_from(user);
    (is_of_a_person && is_there).then(|| message.text.clone())
}
