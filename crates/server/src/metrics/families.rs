//! Which metrics there are. docs/metrics.md has the same list; a test holds them to each other.

use super::Transport;
use super::health::trouble;
use super::histogram::Histogram;
use super::page::{Family, counter, gauge, histogram, in_bytes, in_seconds};
use super::sources::{Report, Snapshot, Surroundings};
use crate::doors::session::End;
use antar_domain::{LinkStats, Mode};
use antar_text as text;
use antar_types::Code;
use std::time::{Duration, UNIX_EPOCH};

/// Every family with its samples.
pub fn families(now: &Snapshot, around: &Surroundings) -> Vec<Family> {
    let mut all = health(now);
    all.extend(requests(now));
    all.extend(commits(now, around));
    all.extend(connections(now));
    all.extend(files(now));
    all.extend(contents(now, around));
    all.extend(links(now));
    all.extend(process(now, around));
    all
}

fn health(now: &Snapshot) -> Vec<Family> {
    let version = [("version", env!("CARGO_PKG_VERSION").into()), ("realm", now.realm.to_string())];
    let mode = now.hub.as_ref().map(|hub| hub.mode);
    vec![
        gauge("antar_build_info", "Always 1; its labels say what runs.").with(version, 1u64),
        gauge("antar_healthy", "1 where /health answers 200, else 0.")
            .one(u64::from(trouble(now).is_none())),
        gauge("antar_read_only", "1 while the disk refuses changes and they are refused, else 0.")
            .maybe(mode.map(|mode| u64::from(mode != Mode::Open))),
        gauge(
            "antar_hub_answers",
            "1 where the hub answers in time; without it much else is missing.",
        )
        .one(u64::from(now.hub.is_some())),
        counter("antar_log_lines_dropped", "Lines of the log that could not be written.")
            .one(now.log_lines_dropped),
    ]
}

fn requests(now: &Snapshot) -> Vec<Family> {
    let mut requests = counter("antar_requests", "Lines received, by verb.");
    let mut refusals = counter("antar_refusals", "Replies that refuse, by code.");
    if let Some(Report { requests: asked, refusals: refused, .. }) = &now.hub {
        for (verb, count) in text::all().zip(&asked.by_verb) {
            requests = requests.with([("verb", verb.name.into())], *count);
        }
        requests = requests.with([("verb", "unknown".into())], asked.unknown);
        for (code, count) in Code::ALL.iter().zip(refused) {
            let count = count + now.connections.refusals(*code);
            refusals = refusals.with([("code", code.as_str().into())], count);
        }
    }
    vec![
        requests,
        refusals,
        counter("antar_reads_failed", "Reads of history or of what is owed that the disk failed.")
            .one(now.reads_failed),
        gauge("antar_passwords_waiting", "Passwords being hashed or waiting to be.")
            .one(now.passwords),
        gauge("antar_kept_bytes", "What is kept in memory for clients: replies and events they leave unread, requests that wait.")
            .one(now.kept),
        gauge("antar_hub_waiting", "Messages to the hub that it has not taken yet.")
            .one(now.hub_waiting),
    ]
}

fn commits(now: &Snapshot, around: &Surroundings) -> Vec<Family> {
    let commits = &now.commits;
    let meter = &commits.meter;
    vec![
        in_unit("antar_batch", "events", "Events of each batch that was synced.", &meter.events),
        in_seconds(
            histogram("antar_commit", "Time from a batch's start to its sync.").one(&meter.seconds),
        ),
        in_seconds(
            gauge(
                "antar_commit_under_way",
                "For how long the batch that is being written has been.",
            )
            .one(meter.writing_for()),
        ),
        counter("antar_commits_failed", "Batches that the disk refused.").one(meter.failed),
        gauge("antar_batch_filling_events", "Events in the batch that fills.")
            .one(commits.load.events),
        gauge("antar_batch_filling_outputs", "Replies and the like in the batch that fills.")
            .one(commits.load.outputs),
        gauge("antar_batches_under_way", "Batches being written, or written and not released yet.")
            .one(commits.load.under_way),
        gauge("antar_tree_behind_batches", "Batches in the log that are not in the tree yet.")
            .maybe(around.usage.map(|usage| usage.behind)),
    ]
}

fn in_unit(name: &'static str, unit: &str, help: &'static str, of: &Histogram) -> Family {
    histogram(name, help).one(of).in_unit(unit)
}

fn connections(now: &Snapshot) -> Vec<Family> {
    let counts = &now.connections;
    let mut open = gauge("antar_connections", "Connections, by whose they are and how they came.");
    let mut opened = counter("antar_connections_opened", "Connections that were ever served.");
    for (way, kind, transport) in Transport::ALL {
        let labels = [("kind", kind.to_string()), ("transport", transport.to_string())];
        let (ever, here) = counts.of(way);
        open = open.with(labels.clone(), here);
        opened = opened.with(labels, ever);
    }
    let mut closed = counter("antar_connections_closed", "Connections that ended, by reason.");
    for (end, reason) in End::ALL {
        closed = closed.with([("reason", reason.into())], counts.ends(end));
    }
    let refused = counts.refusals(Code::TooManyConnections);
    let mut answers = counter("antar_http_answers", "Answers to HTTP requests, by status.");
    for (status, many) in counts.answers() {
        answers = answers.with([("status", status.as_str().into())], many);
    }
    vec![
        open,
        opened,
        closed,
        answers,
        counter("antar_connections_refused", "Connections refused since there were too many.")
            .one(refused),
        counter("antar_handshakes_failed", "TLS handshakes of callers that failed.")
            .one(counts.handshakes_failed()),
    ]
}

fn files(now: &Snapshot) -> Vec<Family> {
    let transfers = &now.transfers;
    vec![
        gauge("antar_file_uploads", "Files that are being brought.").one(transfers.uploads as u64),
        gauge("antar_file_downloads", "Files that are being fetched.")
            .one(transfers.downloads as u64),
        in_bytes(
            counter("antar_file_received", "Bytes of files that came.").one(transfers.received),
        ),
        in_bytes(counter("antar_file_sent", "Bytes of files that went.").one(transfers.sent)),
    ]
}

fn contents(now: &Snapshot, around: &Surroundings) -> Vec<Family> {
    let stats = now.hub.as_ref().map(|hub| &hub.stats);
    vec![
        gauge("antar_accounts", "Accounts of users.").maybe(stats.map(|c| c.accounts)),
        gauge("antar_groups", "Groups.").maybe(stats.map(|c| c.groups)),
        gauge("antar_sessions", "Sessions, connected or not.").maybe(stats.map(|c| c.sessions)),
        gauge("antar_watchers", "Connections that watch.").maybe(stats.map(|c| c.watchers)),
        gauge("antar_followed", "Users that connections follow, as often as each is followed.")
            .maybe(stats.map(|c| c.followed)),
        gauge("antar_last_id", "The last id given to a message, a user or anything else.")
            .maybe(stats.map(|c| c.last_id)),
        in_bytes(
            gauge("antar_store_tables", "Size of the tree's tables on disk.")
                .maybe(around.usage.map(|usage| usage.tree_bytes)),
        ),
        in_bytes(
            gauge("antar_store_log", "Size of the commit log's files on disk.")
                .maybe(around.usage.map(|usage| usage.log_bytes)),
        ),
    ]
}

fn links(now: &Snapshot) -> Vec<Family> {
    let stats = now.hub.as_ref().map(|hub| &hub.stats);
    let links = stats.map_or(&[][..], |stats| &stats.links);
    let each = |family: Family, of: fn(&LinkStats) -> u64| {
        let with = |family: Family, link| family.with([("realm", link_name(link))], of(link));
        links.iter().fold(family, with)
    };
    let age = in_seconds(gauge(
        "antar_link_owed_age",
        "Age of the oldest message owed to the realm; 0 where none is.",
    ));
    let age = links
        .iter()
        .fold(age, |family, link| family.with([("realm", link_name(link))], link.owed_age));
    vec![
        gauge("antar_links_asking", "Realms that wait for approval here.")
            .maybe(stats.map(|stats| stats.asking)),
        each(gauge("antar_link_up", "1 where messages can pass, else 0."), |l| l.up.into()),
        each(gauge("antar_link_owed_messages", "Messages owed to the realm."), |l| l.owed),
        each(in_bytes(gauge("antar_link_owed", "Bytes owed to the realm.")), |l| l.owed_bytes),
        age,
        each(counter("antar_link_delivered", "Messages that ever became durable there."), |l| {
            l.delivered
        }),
        each(counter("antar_link_received", "Messages that ever came over the link."), |l| {
            l.received
        }),
        each(counter("antar_link_failures", "Calls and requests to the realm that failed."), |l| {
            l.failed
        }),
        each(counter("antar_link_lost", "Connections with the realm that were lost."), |l| l.lost),
    ]
}

fn link_name(link: &LinkStats) -> String {
    link.realm.to_string()
}

fn process(now: &Snapshot, around: &Surroundings) -> Vec<Family> {
    let process = &around.process;
    let started = now.started.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    vec![
        in_bytes(
            gauge("process_resident_memory", "Memory that the process has.")
                .maybe(process.resident_bytes),
        ),
        gauge("process_open_fds", "Open file descriptors.").maybe(process.open_files),
        gauge("process_max_fds", "File descriptors that may be open.").maybe(process.most_files),
        in_seconds(counter("process_cpu", "Processor time used.").one(process.cpu_seconds)),
        in_seconds(gauge("process_start_time", "When the realm started, since 1970.").one(started)),
    ]
}
