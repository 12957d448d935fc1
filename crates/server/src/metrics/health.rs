//! Whether the realm does its work.

use super::sources::Snapshot;
use antar_domain::Mode;
use std::time::Duration;

/// A batch that takes longer than this has a disk that hangs.
const HANGS: Duration = Duration::from_secs(10);

/// Why the realm does not do all its work at the moment; `None` where it does.
pub fn trouble(now: &Snapshot) -> Option<String> {
    if now.closing || now.hub.as_ref().is_some_and(|hub| hub.draining) {
        return Some("shutting down".into());
    }
    let writing = now.commits.meter.writing_for();
    if writing > HANGS {
        return Some(format!("the disk has been at one batch for {} s", writing.as_secs()));
    }
    match now.hub.as_ref().map(|hub| hub.mode) {
        Some(Mode::Open) => None,
        Some(Mode::ReadOnly) => Some("read-only: the disk refuses changes".into()),
        Some(Mode::Suspended) => {
            Some("suspended: the disk refuses changes and cannot be read".into())
        }
        None => Some("the hub does not answer".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Commits, Meter, Report};
    use super::*;
    use antar_domain::Stats;
    use antar_text::Requests;
    use antar_types::Name;
    use std::time::{Instant, SystemTime};

    fn snapshot(mode: Mode) -> Snapshot {
        let stats = Stats {
            accounts: 0,
            groups: 0,
            sessions: 0,
            watchers: 0,
            followed: 0,
            last_id: 0,
            asking: 0,
            links: Vec::new(),
        };
        let (requests, refusals) = (Requests::default(), Vec::new());
        Snapshot {
            realm: Name::parse("alpha").unwrap(),
            closing: false,
            hub_waiting: 0,
            hub: Some(Report { requests, refusals, mode, draining: false, stats }),
            commits: Commits { meter: Meter::default(), load: antar_runner::Load::default() },
            passwords: 0,
            kept: 0,
            reads_failed: 0,
            transfers: crate::files::Transfers::default(),
            log_lines_dropped: 0,
            connections: Default::default(),
            started: SystemTime::now(),
        }
    }

    #[test]
    fn what_keeps_the_realm_from_its_work_is_told() {
        assert_eq!(trouble(&snapshot(Mode::Open)), None);
        let troubled = |now: &Snapshot, why: &str| {
            let said = trouble(now).unwrap();
            assert!(said.starts_with(why), "{said}");
        };
        troubled(&snapshot(Mode::ReadOnly), "read-only");
        troubled(&snapshot(Mode::Suspended), "suspended");
        troubled(&Snapshot { hub: None, ..snapshot(Mode::Open) }, "the hub does not answer");
        troubled(&Snapshot { closing: true, ..snapshot(Mode::Open) }, "shutting down");
        let mut draining = snapshot(Mode::Open);
        draining.hub.as_mut().unwrap().draining = true;
        troubled(&draining, "shutting down");
        // A hub that waits for the disk is the disk's fault.
        let mut hangs = Snapshot { hub: None, ..snapshot(Mode::Open) };
        hangs.commits.meter.writing = Instant::now().checked_sub(2 * HANGS).map(|at| (at, 1));
        troubled(&hangs, "the disk has been at one batch for 20 s");
    }
}
