// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The table.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;

/// Bytes in a MiB.
pub const MIB: f64 = 1024.0 * 1024.0;

/// A duration in milliseconds.
pub fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// The middle of these values; not a number when there is none, which reaches no bound.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    percentile(&values, 50)
}

/// The value that `percent` of these, in ascending order, don't exceed.
pub fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let at = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(at).copied().unwrap_or(f64::NAN)
}

/// A figure that was measured.
#[derive(Debug, Serialize)]
pub struct Figure {
    /// What.
    pub figure: String,
    /// The value.
    pub value: f64,
    /// Its unit.
    pub unit: &'static str,
    /// What is to be reached; nothing for a figure that stands beside.
    pub to_reach: Option<Bound>,
}

/// A bound of a figure.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Bound {
    /// At most this.
    AtMost(f64),
    /// At least this.
    AtLeast(f64),
}

/// All figures of a run.
#[derive(Debug, Default, Serialize)]
pub struct Figures(Vec<Figure>);

impl Figures {
    /// Adds a figure and prints its row, so that a long run shows how far it is.
    pub fn add(&mut self, figure: impl Into<String>, value: f64, unit: &'static str, to_reach: Option<Bound>) {
        let figure = Figure {
            figure: figure.into(),
            value,
            unit,
            to_reach,
        };
        println!("{}", row(&figure));
        self.0.push(figure);
    }

    /// The head of the table.
    pub fn head() {
        println!("| figure | measured | to reach | |");
        println!("|---|---|---|---|");
    }

    /// Writes all of it as JSON.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(path, serde_json::to_vec_pretty(self)?)
    }

    /// Whether every bound holds.
    pub fn all_reached(&self) -> bool {
        self.0.iter().all(|figure| is_reached(figure) != Some(false))
    }
}

fn is_reached(figure: &Figure) -> Option<bool> {
    figure.to_reach.map(|bound| match bound {
        Bound::AtMost(most) => figure.value <= most,
        Bound::AtLeast(least) => figure.value >= least,
    })
}

fn row(figure: &Figure) -> String {
    let bound = match figure.to_reach {
        Some(Bound::AtMost(most)) => format!("≤ {} {}", number(most), figure.unit),
        Some(Bound::AtLeast(least)) => format!("≥ {} {}", number(least), figure.unit),
        None => String::new(),
    };
    let verdict = match is_reached(figure) {
        Some(true) => "reached",
        Some(false) => "NOT reached",
        None => "",
    };
    format!(
        "| {} | {} {} | {bound} | {verdict} |",
        figure.figure,
        number(figure.value),
        figure.unit
    )
}

fn number(value: f64) -> String {
    if value.abs() >= 100.0 {
        format!("{value:.0}")
    } else if value.abs() >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}
