//! What this realm asks of another one, as it is written.

/// What comes before the capabilities in a greeting. A realm of the first version refuses an option that
/// it does not know, and ignores a word.
pub(super) const CAN: &str = "can:";
