//! Families of samples as text, in the OpenMetrics format.

use super::histogram::Histogram;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};
use std::fmt;
use std::time::Duration;

/// One metric: what it is, and its samples.
#[derive(Debug)]
pub struct Family {
    kind: Kind,
    name: &'static str,
    unit: Option<Unit>,
    help: &'static str,
    samples: Vec<(Labels, Value)>,
}

type Labels = Vec<(&'static str, String)>;

#[derive(Clone, Copy, Debug)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// What a sample says.
#[derive(Debug)]
pub enum Value {
    Whole(u64),
    Real(f64),
    Histogram(Histogram),
}

impl From<u64> for Value {
    fn from(n: u64) -> Self {
        Self::Whole(n)
    }
}

impl From<usize> for Value {
    fn from(n: usize) -> Self {
        Self::Whole(n as u64)
    }
}

impl From<f64> for Value {
    fn from(x: f64) -> Self {
        Self::Real(x)
    }
}

impl From<Duration> for Value {
    fn from(time: Duration) -> Self {
        Self::Real(time.as_secs_f64())
    }
}

impl From<&Histogram> for Value {
    fn from(histogram: &Histogram) -> Self {
        Self::Histogram(histogram.clone())
    }
}

fn family(kind: Kind, name: &'static str, help: &'static str) -> Family {
    Family { kind, name, unit: None, help, samples: Vec::new() }
}

/// What only grows while the process runs; its samples' name ends with `_total`.
pub fn counter(name: &'static str, help: &'static str) -> Family {
    family(Kind::Counter, name, help)
}

/// What goes up and down.
pub fn gauge(name: &'static str, help: &'static str) -> Family {
    family(Kind::Gauge, name, help)
}

/// How often something was how large.
pub fn histogram(name: &'static str, help: &'static str) -> Family {
    family(Kind::Histogram, name, help)
}

/// The unit is told apart and at the end of the name.
pub fn in_seconds(family: Family) -> Family {
    Family { unit: Some(Unit::Seconds), ..family }
}

/// As [`in_seconds`].
pub fn in_bytes(family: Family) -> Family {
    Family { unit: Some(Unit::Bytes), ..family }
}

impl Family {
    /// As [`in_seconds`].
    pub fn in_unit(self, unit: &str) -> Self {
        Self { unit: Some(Unit::Other(unit.into())), ..self }
    }

    /// Adds a sample with labels. What goes in them is bounded, and never chosen by who connects.
    pub fn with(mut self, labels: impl Into<Labels>, value: impl Into<Value>) -> Self {
        self.samples.push((labels.into(), value.into()));
        self
    }

    /// Its only sample.
    pub fn one(self, value: impl Into<Value>) -> Self {
        self.with([], value)
    }

    /// Its only sample, where it is known.
    pub fn maybe(self, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.one(value),
            None => self,
        }
    }

    fn encode(&self, format: Format, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Counter => MetricType::Counter,
            Kind::Gauge => MetricType::Gauge,
            Kind::Histogram => MetricType::Histogram,
        };
        let old = format == Format::Text && matches!(self.kind, Kind::Counter);
        let full = self.full_name();
        // The older format has the ending in the family's name, not only in the samples'.
        let (name, unit, like) = match old {
            true => (full.as_str(), None, Kind::Gauge),
            false => (self.name, self.unit.as_ref(), self.kind),
        };
        let mut encoder = encoder.encode_descriptor(name, self.help, unit, kind)?;
        for (labels, value) in &self.samples {
            let labels = labels.as_slice();
            match labels.is_empty() {
                true => encode_value(like, value, &mut encoder)?,
                false => encode_value(like, value, &mut encoder.encode_family(&labels)?)?,
            }
        }
        Ok(())
    }

    /// With its unit and ending, as the samples have it.
    fn full_name(&self) -> String {
        let unit =
            self.unit.as_ref().map_or_else(String::new, |unit| format!("_{}", unit.as_str()));
        let ending = if matches!(self.kind, Kind::Counter) { "_total" } else { "" };
        format!("{}{unit}{ending}", self.name)
    }
}

fn encode_value(like: Kind, value: &Value, encoder: &mut MetricEncoder<'_>) -> fmt::Result {
    match (like, value) {
        (Kind::Counter, Value::Whole(n)) => encoder.encode_counter::<NoLabelSet, _, f64>(n, None),
        (Kind::Counter, Value::Real(x)) => encoder.encode_counter::<NoLabelSet, _, f64>(x, None),
        (Kind::Gauge, Value::Whole(n)) => encoder.encode_gauge(n),
        (Kind::Gauge, Value::Real(x)) => encoder.encode_gauge(x),
        (Kind::Histogram, Value::Histogram(h)) => {
            encoder.encode_histogram::<NoLabelSet>(h.sum(), h.count(), &h.buckets(), None)
        }
        _ => Err(fmt::Error),
    }
}

/// What a page is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// OpenMetrics 1.0.0.
    OpenMetrics,
    /// What Prometheus had before, version 0.0.4, which everything reads.
    Text,
}

impl Format {
    pub fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

#[derive(Debug)]
struct Page(Format, Vec<Family>);

impl Collector for Page {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.1.iter().try_for_each(|family| family.encode(self.0, &mut encoder))
    }
}

/// Families as text.
pub fn print(format: Format, families: Vec<Family>) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Page(format, families)));
    let mut page = String::new();
    text::encode_registry(&mut page, &registry)?;
    if format == Format::OpenMetrics {
        text::encode_eof(&mut page)?;
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(format: Format) -> String {
        let mut sizes = Histogram::new(&[1.0]);
        sizes.observe(0.5);
        let families = vec![
            counter("a_calls", "Calls.").with([("to", "x\"y".into())], 3u64),
            in_seconds(counter("a_cpu", "Time.").one(1.5)),
            in_bytes(gauge("a_disk", "Size.").maybe(None::<u64>)),
            histogram("a", "Sizes.").one(&sizes).in_unit("events"),
        ];
        print(format, families).unwrap()
    }

    #[test]
    fn a_page_has_what_each_metric_is_and_its_samples() {
        let expected = "# HELP a_calls Calls.\n# TYPE a_calls counter\n\
            a_calls_total{to=\"x\\\"y\"} 3\n\
            # HELP a_cpu_seconds Time.\n# TYPE a_cpu_seconds counter\n\
            # UNIT a_cpu_seconds seconds\na_cpu_seconds_total 1.5\n\
            # HELP a_disk_bytes Size.\n# TYPE a_disk_bytes gauge\n# UNIT a_disk_bytes bytes\n\
            # HELP a_events Sizes.\n# TYPE a_events histogram\n# UNIT a_events events\n\
            a_events_sum 0.5\na_events_count 1\n\
            a_events_bucket{le=\"1.0\"} 1\na_events_bucket{le=\"+Inf\"} 1\n# EOF\n";
        assert_eq!(page(Format::OpenMetrics), expected);
    }

    #[test]
    fn the_older_format_names_counters_as_their_samples() {
        let page = page(Format::Text);
        for line in [
            "# TYPE a_calls_total counter",
            "a_calls_total{to=\"x\\\"y\"} 3",
            "# HELP a_cpu_seconds_total Time.",
            "a_cpu_seconds_total 1.5",
        ] {
            assert!(page.lines().any(|l| l == line), "{line}: {page}");
        }
        assert!(!page.contains("EOF"));
    }
}
