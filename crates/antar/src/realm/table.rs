//! The table of `antar realm list`.

use super::join;
use crate::admin::printable;
use serde_json::Value;

/// A column: its head, whether it holds numbers, and what it shows of a link.
type Column = (&'static str, bool, fn(&Value) -> String);

const COLUMNS: [Column; 10] = [
    ("REALM", false, |link| text(link, "realm")),
    ("STATE", false, |link| text(link, "state")),
    ("SINCE", false, |link| to_the_second(&text(link, "since"))),
    ("OWED", true, |link| link["owed"].to_string()),
    ("OLDEST", true, |link| link["oldest"].as_u64().map_or_else(none, age)),
    ("SENT", true, |link| link["sent"].to_string()),
    ("RECEIVED", true, |link| link["received"].to_string()),
    ("CURSOR", false, |link| short(&text(link, "cursor"))),
    ("CLOCK", true, |link| link["clock"].as_i64().map_or_else(none, ahead)),
    ("ADDRESS", false, address),
];

/// A line of heads, a line a link, and more below it where it asks for approval, something is wrong, its
/// name was another's before, or groups have members of both realms.
pub fn of(links: &[Value]) -> String {
    let heads = COLUMNS.iter().map(|(head, ..)| (*head).to_string()).collect();
    let mut rows: Vec<Vec<String>> = vec![heads];
    rows.extend(links.iter().map(|link| COLUMNS.iter().map(|(.., show)| show(link)).collect()));
    let width = |at: usize| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..COLUMNS.len()).map(width).collect();
    let mut out = String::new();
    for (n, row) in rows.iter().enumerate() {
        let cells = row.iter().zip(&widths).zip(&COLUMNS).map(|((cell, width), (_, number, _))| {
            let width = *width;
            if *number { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
        });
        let line = cells.collect::<Vec<_>>().join("  ");
        out.push_str(line.trim_end());
        out.push('\n');
        if let Some(link) = n.checked_sub(1).and_then(|n| links.get(n)) {
            notes(link, &mut out);
        }
    }
    out
}

/// The lines below that of a link.
fn notes(link: &Value, out: &mut String) {
    if link["asks"] == true {
        let (realm, key) = (text(link, "realm"), text(link, "fingerprint"));
        out.push_str(&format!("  asks to link: antar realm approve {realm} {key}\n"));
    }
    if let Some(error) = link["error"].as_str() {
        out.push_str(&format!("  last error: {}\n", printable(error)));
    }
    for name in link["former"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let name = printable(name);
        out.push_str(&format!(
            "  what was said with an earlier realm of its name is under {name}\n"
        ));
    }
    rooms(link, out);
    let [apart, dropped] = ["apart", "apart_dropped"].map(|key| link[key].as_u64().unwrap_or(0));
    if apart + dropped > 0 {
        out.push_str(&format!("  sent what this version does not know: {apart} set apart"));
        let more = if dropped > 0 { format!(", {dropped} let go of") } else { String::new() };
        out.push_str(&format!("{more}\n"));
    }
}

/// The groups that have members of both realms: those here, and those of the other one.
fn rooms(link: &Value, out: &mut String) {
    let realm = text(link, "realm");
    let all = || link["rooms"].as_array().into_iter().flatten();
    let shown = |room: &Value| format!("#{} ({})", text(room, "group"), room["members"]);
    let mut line = |head: String, of_theirs: bool| {
        let of_these = |room: &&Value| text(room, "group").contains('@') == of_theirs;
        let rooms: Vec<String> = all().filter(of_these).map(shown).collect();
        if !rooms.is_empty() {
            out.push_str(&format!("  {head}: {}\n", rooms.join(", ")));
        }
    };
    line(format!("groups here with members of {realm}"), false);
    line(format!("groups of {realm} with members here"), true);
    if let Some(more) = link["more_rooms"].as_u64() {
        out.push_str(&format!("  and {more} more groups with members of both\n"));
    }
}

fn text(link: &Value, key: &str) -> String {
    printable(link[key].as_str().unwrap_or_default())
}

fn none() -> String {
    "-".into()
}

/// `2026-01-31T12:00:00.000Z` without the milliseconds.
fn to_the_second(time: &str) -> String {
    time.split_once('.').map_or(time.into(), |(seconds, _)| format!("{seconds}Z"))
}

/// The beginning of the epoch, and the entry: enough to compare two by eye.
fn short(cursor: &str) -> String {
    let mut parts = cursor.split(':');
    match (parts.next().and_then(|epoch| epoch.get(..8)), parts.next()) {
        (Some(epoch), Some(entry)) => format!("{epoch}:{entry}"),
        _ => none(),
    }
}

/// How long ago, in the largest unit that is not zero.
fn age(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// How far the other clock is ahead of ours.
fn ahead(millis: i64) -> String {
    match millis.unsigned_abs() {
        0..10_000 => format!("{millis:+} ms"),
        _ => format!("{:+} s", millis / 1_000),
    }
}

fn address(link: &Value) -> String {
    let plain = if link["plain"] == true { " (plain)" } else { "" };
    match text(link, "host").as_str() {
        "" => none(),
        host => format!("{}{plain}", join(host, &link["port"])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_link_is_a_line_and_what_is_wrong_another() {
        let up = json!({"realm": "beta", "host": "127.0.0.1", "port": 7002, "state": "up",
            "since": "2026-01-31T12:00:00.000Z", "owed": 0, "received": 12, "sent": 1_000,
            "cursor": "00112233445566ff:12:aa", "clock": -3});
        let down = json!({"realm": "gamma.example", "host": "::1", "port": 1, "state": "down",
            "since": "2026-01-31T12:00:00.000Z", "owed": 3, "received": 0, "sent": 0,
            "cursor": "0000000000000000:0:00", "oldest": 7_300, "plain": true,
            "error": "no\u{1b}[2J connection"});
        let table = of(&[up, down]);
        let lines: Vec<&str> = table.lines().collect();
        let [heads, beta, gamma, error] = lines.as_slice() else { panic!("{table}") };
        assert!(heads.starts_with("REALM          STATE  SINCE"), "{table}");
        assert!(beta.ends_with("1000        12  00112233:12  -3 ms  127.0.0.1:7002"), "{table}");
        assert!(gamma.contains("2 h") && gamma.ends_with("[::1]:1 (plain)"), "{table}");
        assert_eq!(*error, "  last error: no\u{fffd}[2J connection");
    }

    #[test]
    fn whoever_waits_for_approval_is_shown_with_its_key() {
        let link = json!({"realm": "eve", "state": "waiting", "since": "", "owed": 0, "sent": 0,
            "received": 0, "cursor": "", "fingerprint": "sha256:ab", "asks": true});
        let table = of(&[link]);
        let last = table.lines().last().unwrap();
        assert_eq!(last, "  asks to link: antar realm approve eve sha256:ab");
    }

    #[test]
    fn what_is_not_known_here_is_told() {
        let link = |apart, dropped| {
            json!({"realm": "eve", "state": "up", "owed": 0, "sent": 0, "received": 3,
                "apart": apart, "apart_dropped": dropped})
        };
        let last = |link| of(&[link]).lines().last().unwrap().to_string();
        let told = "  sent what this version does not know: 2 set apart";
        assert_eq!(last(link(2, 0)), told);
        assert_eq!(last(link(2, 7)), format!("{told}, 7 let go of"));
    }

    #[test]
    fn groups_with_members_of_both_realms_are_told() {
        let room = |group, members| json!({"group": group, "members": members});
        let rooms = [room("staff", 2), room("lobby@beta", 1), room("chess", 31)];
        let link = json!({"realm": "beta", "state": "up", "rooms": rooms, "more_rooms": 3});
        let table = of(&[link]);
        let lines: Vec<&str> = table.lines().skip(2).collect();
        let [here, there, more] = lines.as_slice() else { panic!("{table}") };
        assert_eq!(*here, "  groups here with members of beta: #staff (2), #chess (31)");
        assert_eq!(*there, "  groups of beta with members here: #lobby@beta (1)");
        assert_eq!(*more, "  and 3 more groups with members of both");
    }

    #[test]
    fn times_and_clocks_as_people_read_them() {
        assert_eq!([age(0), age(119), age(120), age(200_000)], ["0 s", "119 s", "2 min", "2 d"]);
        assert_eq!([ahead(5), ahead(-61_000)], ["+5 ms", "-61 s"]);
    }
}
