//! An invitation as it is printed: `antar:NAME@HOST:PORT/KEY/SECRET`.

use antar_domain::links::Invitation;
use antar_types::{Fingerprint, Name, Token};

/// Prints an invitation.
pub(super) fn print(invitation: &Invitation) -> String {
    let Invitation { name, host, port, key, secret } = invitation;
    let key = key.to_string();
    format!("antar:{name}@{host}:{port}/{}/{}", &key["sha256:".len()..], secret.reveal())
}

/// Reads what [`print`] writes.
pub(super) fn parse(word: &str) -> Option<Invitation> {
    let rest = word.strip_prefix("antar:")?;
    let (name, rest) = rest.split_once('@')?;
    let (address, rest) = rest.split_once('/')?;
    let (host, port) = address.rsplit_once(':')?;
    let (key, secret) = rest.split_once('/')?;
    Some(Invitation {
        name: Name::parse(name)?,
        host: host.into(),
        port: port.parse().ok()?,
        key: Fingerprint::parse(&format!("sha256:{key}"))?,
        secret: Token::parse(secret)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invitation_reads_as_it_was_printed() {
        let invitation = Invitation {
            name: Name::parse("alpha").unwrap(),
            host: "::1".into(),
            port: 8889,
            key: Fingerprint([7; 32]),
            secret: Token::new([9; 32]),
        };
        assert_eq!(parse(&print(&invitation)), Some(invitation));
        assert_eq!(parse("antar:alpha@host:1/ab/~x"), None);
    }
}
