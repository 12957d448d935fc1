//! Links, in the lines that realms say to each other.

mod bounds;
mod changes;
mod delivered;
mod giveback;
mod heirs;
mod hostile;
mod moved;
mod names;
mod put_back;
mod squat;
mod versions;
