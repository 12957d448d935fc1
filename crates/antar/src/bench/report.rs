//! What is shown while it runs and at the end.

use super::disk;
use super::options::Options;
use super::tally::{Latency, Tally};
use super::traffic::Workload;
use crate::print::{self, say};
use antar_client::Value;
use anyhow::Result;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;
use std::time::Duration;

/// The percentiles of latency that are reported.
const PERCENTILES: [(&str, f64); 4] =
    [("p50", 50.0), ("p90", 90.0), ("p99", 99.0), ("p99.9", 99.9)];

/// A bar that fills in so much time; invisible unless somebody watches.
pub fn progress(total: Duration, visible: bool) -> ProgressBar {
    let bar = ProgressBar::new(total.as_millis() as u64);
    if !visible {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    if let Ok(style) = ProgressStyle::with_template("{msg:>9} {wide_bar} {eta:>4}") {
        bar.set_style(style);
    }
    bar
}

/// The results of a run.
pub struct Report<'a> {
    pub options: &'a Options,
    pub users: usize,
    pub sides: Vec<(String, Tally)>,
    /// What came of it in other realms, and how that is called; where there is more than one, what others are compared
    /// with comes first.
    pub delivered: Vec<(&'static str, Delivered)>,
    /// What came of it at half of that rate.
    pub half_load: Option<HalfLoad>,
}

/// An open loop at half of the rate that the first side reached in a closed one.
pub struct HalfLoad {
    pub rate: f64,
    pub sides: Vec<(String, Tally)>,
}

/// What arrived in another realm.
pub struct Delivered {
    /// From the beginning of what was measured until the last had arrived, over all rounds.
    messages: u64,
    seconds: f64,
    rounds: Vec<f64>,
    /// How long the last arrived after the last was sent, at worst.
    behind: Duration,
    /// All that arrived, the warm-up's too.
    pub arrived: u64,
    /// From handing a request to the system to reading its event in the other realm, in microseconds.
    pub latency: Latency,
}

impl Delivered {
    pub fn new() -> Result<Self> {
        let (rounds, latency) = (Vec::new(), Latency::new()?);
        let behind = Duration::ZERO;
        Ok(Self { messages: 0, seconds: 0.0, rounds, behind, arrived: 0, latency })
    }

    /// Counts a round.
    pub fn finish(&mut self, messages: u64, took: Duration, behind: Duration) {
        let seconds = took.as_secs_f64().max(1e-6);
        self.messages += messages;
        self.seconds += seconds;
        self.rounds.push(messages as f64 / seconds);
        self.behind = self.behind.max(behind);
    }

    /// Messages a second.
    fn rate(&self) -> f64 {
        self.messages as f64 / self.seconds
    }

    fn json(&self) -> Value {
        json!({
            "messages_per_second": rounded(self.rate(), 1),
            "rounds": self.rounds.iter().map(|rate| rounded(*rate, 1)).collect::<Vec<_>>(),
            "arrived_once": self.arrived,
            "seconds": rounded(self.seconds, 3),
            "behind_seconds": rounded(self.behind.as_secs_f64(), 3),
            "latency_us": latency_json(&self.latency),
        })
    }

    fn text(&self, name: &str) -> String {
        let mut out = format!("\n{name}, {:.1} s\n  messages/s  ", self.seconds);
        out.push_str(&rates(self.rate(), &self.rounds));
        out.push_str(&format!(
            "\n  arrived     {}, each once; the last {} after it was sent, or less\n",
            grouped(self.arrived),
            millis(self.behind.as_micros() as u64),
        ));
        if !self.latency.is_empty() {
            out.push_str(&format!("  to a watch {}\n", latency_text(&self.latency)));
        }
        out
    }
}

impl Report<'_> {
    pub fn print(&self) {
        if self.options.json {
            say!("{}", self.json());
        } else {
            print::text(format_args!("{}", self.text()));
        }
    }

    /// How many requests failed for another reason than a limit.
    pub fn failures(&self) -> u64 {
        let half_load = self.half_load.iter().flat_map(|half| &half.sides);
        self.sides.iter().chain(half_load).map(|(_, tally)| tally.failures()).sum()
    }

    /// The first side's rate to each other's, or that of what arrived to the first side's, or to that of what arrived
    /// of something else.
    fn ratios(&self) -> Vec<(&str, f64)> {
        let Some(((_, first), others)) = self.sides.split_first() else { return Vec::new() };
        let to =
            |name, part: f64, whole: &Tally| (whole.ok > 0).then(|| (name, part / whole.rate()));
        match &self.delivered[..] {
            [] => {}
            [(_, one)] => return to("local", one.rate(), first).into_iter().collect(),
            [(name, first), others @ ..] => {
                let others = others.iter().filter(|_| first.messages > 0);
                return others.map(|(_, other)| (*name, other.rate() / first.rate())).collect();
            }
        }
        let others = others.iter();
        others.filter_map(|(name, other)| to(name.as_str(), first.rate(), other)).collect()
    }

    fn json(&self) -> Value {
        let mut object = json!({
            "workload": self.options.workload.as_str(),
            "connections": self.options.connections,
            "in_flight": self.options.in_flight,
            "size": self.options.size,
            "users": self.users,
        });
        if self.options.workload.has_groups() {
            object["members"] = self.options.members.into();
        }
        for (name, tally) in &self.sides {
            object[key(name)] = side_json(tally);
        }
        for (name, ratio) in self.ratios() {
            object[key(name)]["ratio"] = json!(rounded(ratio, 4));
        }
        for (name, delivered) in &self.delivered {
            object[key(name)] = delivered.json();
        }
        if let [(_, ratio)] = self.ratios()[..] {
            object["ratio"] = json!(rounded(ratio, 4));
        }
        if let Some(half) = &self.half_load {
            object["half_load"]["rate"] = json!(rounded(half.rate, 1));
            for (name, tally) in &half.sides {
                object["half_load"][key(name)] = side_json(tally);
            }
        }
        object
    }

    fn text(&self) -> String {
        let mut out = self.heading();
        for (name, tally) in &self.sides {
            out.push_str(&side_text(name, tally));
        }
        for (name, delivered) in &self.delivered {
            out.push_str(&delivered.text(name));
        }
        let ratios = self.ratios();
        if !ratios.is_empty() {
            out.push('\n');
        }
        for (name, ratio) in ratios {
            out.push_str(&format!("ratio         {ratio:.3} of {name}\n"));
        }
        if let Some(half) = &self.half_load {
            let rate = grouped(half.rate.round() as u64);
            out.push_str(&format!("\nat half load: {rate}/s, whatever was answered\n"));
            half.sides.iter().for_each(|(name, tally)| out.push_str(&side_text(name, tally)));
        }
        out
    }

    fn heading(&self) -> String {
        let options = self.options;
        let connections = match options.workload {
            Workload::Fanout => format!("1 sender, {} watching", options.members),
            _ => count(u64::from(options.connections), "connection"),
        };
        let mut out = format!(
            "{}: {connections}, {} in flight on each, {}, texts of {}\n",
            options.workload.as_str(),
            options.in_flight,
            count(self.users as u64, "user"),
            count(u64::from(options.size), "byte"),
        );
        if options.raw_disk.is_some() {
            out.push_str(&format!(
                "disk N: batches of N messages, {} bytes each, written and synced one after another\n",
                u64::from(options.size) + disk::RECORD
            ));
        }
        out
    }
}

fn key(name: &str) -> String {
    name.replace(' ', "_")
}

fn latency_json(latency: &Latency) -> Value {
    let mut object = serde_json::Map::new();
    for (name, percentile) in PERCENTILES {
        object.insert(name.into(), latency.percentile(percentile).into());
    }
    object.insert("max".into(), latency.max().into());
    object.into()
}

fn latency_text(latency: &Latency) -> String {
    let mut out = String::new();
    for (name, percentile) in PERCENTILES {
        out.push_str(&format!(" {name} {} ", millis(latency.percentile(percentile))));
    }
    out + &format!(" max {}", millis(latency.max()))
}

/// A rate, and what it was in each round where there are some.
fn rates(rate: f64, rounds: &[f64]) -> String {
    let mut out = grouped(rate.round() as u64);
    if rounds.len() > 1 {
        let rounds: Vec<String> = rounds.iter().map(|r| grouped(r.round() as u64)).collect();
        out.push_str(&format!("  ({} in each round)", rounds.join(", ")));
    }
    out
}

fn side_json(tally: &Tally) -> Value {
    let mut object = json!({
        "requests_per_second": rounded(tally.rate(), 1),
        "rounds": tally.rounds.iter().map(|rate| rounded(*rate, 1)).collect::<Vec<_>>(),
        "ok": tally.ok,
        "accepted": tally.accepted,
        "errors": tally.errors,
        "seconds": tally.seconds,
        "mb_per_second": {
            "sent": rounded(megabytes(tally.sent, tally), 3),
            "received": rounded(megabytes(tally.received, tally), 3),
        },
        "latency_us": latency_json(&tally.latency),
    });
    if tally.delivered > 0 {
        object["delivered_per_second"] = json!(rounded(tally.delivered as f64 / tally.seconds, 1));
        object["ok_latency_us"] = latency_json(&tally.acknowledged);
    }
    object
}

fn side_text(name: &str, tally: &Tally) -> String {
    let mut out = format!("\n{name}, {:.1} s\n", tally.seconds);
    let what = if name.starts_with("disk") { "messages" } else { "requests" };
    out.push_str(&format!("  {what}/s  {}\n", rates(tally.rate(), &tally.rounds)));
    if tally.delivered > 0 {
        let delivered = grouped((tally.delivered as f64 / tally.seconds).round() as u64);
        out.push_str(&format!("  delivered   {delivered}/s\n"));
    }
    out.push_str(&format!(
        "  MB/s        {:.2} sent, {:.2} received\n",
        megabytes(tally.sent, tally),
        megabytes(tally.received, tally)
    ));
    let latencies = match tally.delivered {
        0 => [("latency   ", Some(&tally.latency)), ("", None)],
        _ => [("to a watch", Some(&tally.latency)), ("to the OK ", Some(&tally.acknowledged))],
    };
    for (what, latency) in latencies {
        if let Some(latency) = latency.filter(|latency| !latency.is_empty()) {
            out.push_str(&format!("  {what} {}\n", latency_text(latency)));
        }
    }
    if tally.errors.is_empty() {
        out.push_str("  errors      none\n");
    }
    for (code, count) in &tally.errors {
        out.push_str(&format!("  error       {code}: {}\n", grouped(*count)));
    }
    out
}

fn megabytes(bytes: u64, tally: &Tally) -> f64 {
    bytes as f64 / 1e6 / tally.seconds
}

fn millis(micros: u64) -> String {
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..100_000 => format!("{:.2} ms", micros as f64 / 1e3),
        _ => format!("{:.0} ms", micros as f64 / 1e3),
    }
}

fn rounded(value: f64, digits: i32) -> f64 {
    let scale = 10f64.powi(digits);
    (value * scale).round() / scale
}

fn count(n: u64, noun: &str) -> String {
    let ending = if n == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", grouped(n))
}

/// Digits in groups of three: 12,345.
fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_people_read_them() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(millis(250), "250 µs");
        assert_eq!(millis(1_500), "1.50 ms");
        assert_eq!(count(1, "user"), "1 user");
    }
}
