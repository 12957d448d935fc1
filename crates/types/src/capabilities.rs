//! What a realm understands on a link beyond the first version of links.

/// The set of capabilities that a realm tells when it greets another one.
///
/// A realm of the first version tells none. Each capability is a word of small letters. A reader ignores
/// words that it does not know, so that a later version can tell more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// It keeps an entry of an unknown kind apart, and reads past the five fields of an entry.
    pub kinds: bool,
    /// It goes by the origin of an entry: the number of the message and of its sender's account.
    pub origins: bool,
    /// It takes what a message is besides a text, and which one it answers.
    pub replies: bool,
    /// It takes what is done to messages, and entries that say something else than they did.
    pub changes: bool,
    /// It takes entries about rooms: groups with members in several realms.
    pub rooms: bool,
}

/// The most words that are read of a list, and the most bytes of one.
const WORDS: usize = 32;
const WORD: usize = 32;

impl Capabilities {
    /// Everything that this version understands.
    pub const ALL: Self =
        Self { kinds: true, origins: true, replies: true, changes: true, rooms: true };

    /// What a realm of the first version understands.
    pub const NONE: Self =
        Self { kinds: false, origins: false, replies: false, changes: false, rooms: false };

    /// What both this realm and another one understand.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let Self { kinds, origins, replies, changes, rooms } = self;
        Self {
            kinds: kinds && other.kinds,
            origins: origins && other.origins,
            replies: replies && other.replies,
            changes: changes && other.changes,
            rooms: rooms && other.rooms,
        }
    }

    /// Returns the words, separated by commas: `kinds,origins,replies,changes,rooms`.
    pub fn print(self) -> String {
        let Self { kinds, origins, replies, changes, rooms } = self;
        let words = [
            ("kinds", kinds),
            ("origins", origins),
            ("replies", replies),
            ("changes", changes),
            ("rooms", rooms),
        ];
        let told: Vec<&str> = words.iter().filter(|(_, told)| *told).map(|(w, _)| *w).collect();
        told.join(",")
    }

    /// Reads what [`Capabilities::print`] writes. The rest of a list that is too long is ignored.
    pub fn parse(list: &str) -> Self {
        let mut told = Self::NONE;
        for word in list.split(',').take(WORDS).filter(|word| word.len() <= WORD) {
            match word {
                "kinds" => told.kinds = true,
                "origins" => told.origins = true,
                "replies" => told.replies = true,
                "changes" => told.changes = true,
                "rooms" => told.rooms = true,
                _ => {}
            }
        }
        told
    }
}

/// A realm tells everything that it understands.
impl Default for Capabilities {
    fn default() -> Self {
        Self::ALL
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_reads_as_it_was_printed() {
        assert_eq!(Capabilities::ALL.print(), "kinds,origins,replies,changes,rooms");
        let origins = Capabilities { origins: true, ..Capabilities::NONE };
        for told in [Capabilities::ALL, Capabilities::NONE, origins] {
            assert_eq!(Capabilities::parse(&told.print()), told);
        }
    }

    #[test]
    fn words_of_later_versions_are_ignored_and_a_list_is_bounded() {
        let both = Capabilities { kinds: true, origins: true, ..Capabilities::NONE };
        assert_eq!(Capabilities::parse("edits,kinds,,KINDS,x=1,origins"), both);
        let many = "x,".repeat(1_000) + "kinds";
        assert_eq!(Capabilities::parse(&many), Capabilities::NONE);
    }
}
