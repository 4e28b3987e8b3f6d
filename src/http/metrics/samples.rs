// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The samples of a metric.

use std::fmt;
use std::time::Duration;

use obsyk_actors::inspect::SupervisorView;
use obsyk_domain::durations::Durations;
use prometheus_client::encoding::{MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It goes up and down.
    Gauge,
    /// It only rises, from the start of the actor that it is of.
    Counter,
    /// How long things took.
    Histogram,
}

impl Kind {
    /// As the library names it.
    pub fn metric_type(self) -> MetricType {
        match self {
            Self::Gauge => MetricType::Gauge,
            Self::Counter => MetricType::Counter,
            Self::Histogram => MetricType::Histogram,
        }
    }
}

/// A metric: a row of the table.
#[derive(Debug)]
pub struct Metric {
    /// Its name, without the prefix, the unit and `_total`.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Its unit, when it isn't a count.
    pub unit: Option<Unit>,
    /// What it tells.
    pub help: &'static str,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// Takes its samples from a tree.
    pub read: fn(&SupervisorView, &mut Samples),
}

#[derive(Debug)]
enum Value {
    Number(f64),
    Count(u64),
    Durations(Durations),
}

/// See the module's page.
#[derive(Debug)]
pub struct Samples {
    labels: &'static [&'static str],
    values: Vec<(Vec<(&'static str, String)>, Value)>,
}

impl Samples {
    /// Those of this metric.
    pub fn of(metric: &Metric, view: &SupervisorView) -> Self {
        let mut samples = Self {
            labels: metric.labels,
            values: Vec::new(),
        };
        (metric.read)(view, &mut samples);
        samples
    }

    /// A number, with the values of the labels.
    pub fn number(&mut self, labels: &[&str], value: f64) {
        self.push(labels, Value::Number(value));
    }

    /// A count.
    pub fn count(&mut self, labels: &[&str], value: u64) {
        self.push(labels, Value::Count(value));
    }

    /// A time, in seconds.
    pub fn seconds(&mut self, labels: &[&str], value: Duration) {
        self.number(labels, value.as_secs_f64());
    }

    /// How long things took.
    pub fn durations(&mut self, labels: &[&str], value: &Durations) {
        self.push(labels, Value::Durations(value.clone()));
    }

    fn push(&mut self, labels: &[&str], value: Value) {
        let named = self.labels.iter().zip(labels);
        let labels = named.map(|(name, value)| (*name, (*value).to_owned())).collect();
        self.values.push((labels, value));
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Writes them below the description of their metric.
    pub fn encode(self, kind: Kind, mut described: MetricEncoder<'_>) -> fmt::Result {
        for (labels, value) in self.values {
            let mut encoder = described.encode_family(&labels)?;
            match (kind, value) {
                (Kind::Counter, Value::Count(count)) => encoder.encode_counter::<NoLabelSet, _, u64>(&count, None)?,
                (Kind::Counter, Value::Number(number)) => {
                    encoder.encode_counter::<NoLabelSet, _, u64>(&number, None)?
                }
                (_, Value::Count(count)) => encoder.encode_gauge(&i64::try_from(count).unwrap_or(i64::MAX))?,
                (_, Value::Number(number)) => encoder.encode_gauge(&number)?,
                (_, Value::Durations(durations)) => {
                    let classes: Vec<(f64, u64)> = durations
                        .classes()
                        .map(|(bound, count)| (bound.map_or(f64::INFINITY, |bound| bound.as_secs_f64()), count))
                        .collect();
                    let total = durations.total().as_secs_f64();
                    encoder.encode_histogram::<NoLabelSet>(total, durations.count(), &classes, None)?;
                }
            }
        }
        Ok(())
    }
}
