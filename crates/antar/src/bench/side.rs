//! What is measured, one beside the other.

use super::disk::Disk;
use super::live::Live;
use super::load::{Load, Window};
use super::tally::Tally;
use anyhow::Result;
use indicatif::ProgressBar;

/// One of what is compared.
pub enum Side {
    Load(Load),
    Live(Live),
    Disk(Disk),
}

impl Side {
    pub fn name(&self) -> &str {
        match self {
            Self::Load(load) => load.name,
            Self::Live(live) => live.name,
            Self::Disk(disk) => &disk.name,
        }
    }

    /// Whether it can be asked at a given rate.
    pub fn has_rate(&self) -> bool {
        !matches!(self, Self::Disk(_))
    }

    /// One round.
    pub async fn run(&mut self, window: Window, progress: &ProgressBar) -> Result<Tally> {
        match self {
            Self::Load(load) => load.run(window, progress).await,
            Self::Live(live) => live.run(window, progress).await,
            Self::Disk(disk) => disk.run(window, progress),
        }
    }
}
