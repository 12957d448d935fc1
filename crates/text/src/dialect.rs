//! The two reply shapes and how a verb's letters choose between them.

/// Which of the two documents' reply shapes a request is answered in (protocol section 2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// `protocol-lower.txt`: `message` / `messages`, pure ASCII.
    #[default]
    Lower,
    /// `protocol-upper.txt`: `data`, UTF-8.
    Upper,
}

impl Dialect {
    /// The dialect a verb asks for by its own letters: upper when all of them are capitals.
    ///
    /// ```
    /// use antar_text::Dialect;
    /// assert_eq!(Dialect::of("SEND"), Dialect::Upper);
    /// assert_eq!(Dialect::of("Send"), Dialect::Lower);
    /// ```
    pub fn of(verb: &str) -> Self {
        let mut upper = false;
        for c in verb.chars() {
            if c.is_lowercase() {
                return Self::Lower;
            }
            upper |= c.is_uppercase();
        }
        if upper { Self::Upper } else { Self::Lower }
    }
}
