//! A bot that sends back what it is told, wherever it was told it.
//!
//! `cargo run -p antar-client --example echo -- 127.0.0.1:8889 echo surabaya`

use antar_client::{Client, Error};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [address, user, password] = &words[..] else {
        eprintln!("usage: echo HOST:PORT USER PASSWORD");
        std::process::exit(2);
    };
    let client = watching(address, user, password).await?;
    Err(echo(client, user).await)
}

/// A connection to a realm, logged in, that is told of every message.
pub async fn watching(address: &str, user: &str, password: &str) -> Result<Client, Error> {
    let mut client = Client::connect(address).await?;
    client.login(user, password).await?;
    client.watch().await?;
    Ok(client)
}

/// Answers until the connection ends, and returns why it did.
pub async fn echo(mut client: Client, user: &str) -> Error {
    loop {
        let event = match client.next_event().await {
            Ok(event) => event,
            Err(error) => return error,
        };
        let Some(message) = event.message() else { continue };
        // What the bot says in a group comes to it too, and a notice was not written by anybody.
        if message.is_from(user) || message.notice.is_some() {
            continue;
        }
        // To the sender, the group or the other realm: where the message came from.
        match client.answer(&event, &message.text).await {
            Ok(_) => {}
            // The sender is gone, say; the connection is as good as before.
            Err(error) if error.is_recoverable() => eprintln!("{}: {error}", message.from),
            Err(error) => return error,
        }
    }
}
