//! What is said to servers that know only the two documents.

use antar_domain::links::{Ask, Of, PlainRequest};
use std::net::IpAddr;

/// How much a plain peer reads at once: it decodes each piece by itself, so that a character which
/// stands across two breaks it.
pub const PIECE: usize = 32;

/// Writes a request, without its line end; `local` is this end of the connection that it goes over.
pub fn plain_request(ask: &Ask, local: IpAddr) -> String {
    let Ask { address, realm, request } = ask;
    match request {
        PlainRequest::Introduce { host, port } => {
            let local = local.to_string();
            let source = host.as_deref().unwrap_or(&local);
            format!("ackrealm {realm} {} {} {source} {port}", address.host, address.port)
        }
        PlainRequest::Carry(entry) => {
            let head = format!("recvgrouprealm {realm} {} {}", entry.from, entry.to);
            padded(&head, entry.text.as_str())
        }
        PlainRequest::List(Of::User(user)) => format!("remoteinboxrealm {user} {realm}"),
        PlainRequest::List(Of::Group(group)) => format!("remoteinboxgrouprealm {group} {realm}"),
    }
}

/// Whether no character of a line stands across two pieces.
pub fn is_whole(line: &str) -> bool {
    (PIECE..line.len()).step_by(PIECE).all(|at| line.is_char_boundary(at))
}

/// A request and its text with as many blanks between them as keep every character in one piece, or
/// one where no number does.
fn padded(head: &str, text: &str) -> String {
    let with = |blanks: usize| format!("{head}{}{text}", " ".repeat(blanks));
    (1..=PIECE).map(with).find(|line| is_whole(line)).unwrap_or_else(|| with(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use antar_domain::links::Address;
    use antar_types::Name;

    #[test]
    fn blanks_keep_characters_in_one_piece() {
        let head = "recvgrouprealm alpha messi staff";
        for text in ["plain", "é at the border", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaé 🦀"] {
            let line = padded(head, text);
            assert!(is_whole(&line) && line.starts_with(head) && line.ends_with(text), "{line}");
        }
        // Nothing helps here: whoever sends it must see to the pieces.
        assert!(!is_whole(&padded(head, &"漢".repeat(40))));
    }

    #[test]
    fn where_this_realm_is_goes_with_an_introduction() {
        let local = IpAddr::from([192, 0, 2, 9]);
        let introduce = |host: Option<&str>| {
            let address = Address { host: "10.0.0.7".into(), port: 8000, told_by: None };
            let host = host.map(String::from);
            let request = PlainRequest::Introduce { host, port: 8889 };
            plain_request(&Ask { address, realm: Name::parse("old").unwrap(), request }, local)
        };
        assert_eq!(introduce(None), "ackrealm old 10.0.0.7 8000 192.0.2.9 8889");
        assert_eq!(
            introduce(Some("alpha.example")),
            "ackrealm old 10.0.0.7 8000 alpha.example 8889"
        );
    }
}
