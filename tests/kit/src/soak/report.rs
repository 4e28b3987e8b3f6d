// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What was done, as a table.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::Quiet;
use super::fault::Fault;

/// What was done.
#[derive(Clone, Debug, Default)]
pub struct Report {
    faults: BTreeMap<String, usize>,
    waits: Vec<Duration>,
    changes: u64,
    under_faults: Duration,
    memory: Option<(u64, u64)>,
}

impl Report {
    pub(super) fn count(&mut self, fault: &Fault) {
        *self.faults.entry(fault.row()).or_default() += 1;
    }

    pub(super) fn round(&mut self, quiet: &Quiet, changes: u64, under_faults: Duration) {
        self.waits.push(quiet.took);
        self.changes += changes;
        self.under_faults += under_faults;
    }

    pub(super) fn memory(&mut self, peak: u64, bound: u64) {
        self.memory = Some((peak, bound));
    }

    /// How many faults there were.
    #[must_use]
    pub fn faults(&self) -> usize {
        self.faults.values().sum()
    }

    /// How many quiet points there were after faults.
    #[must_use]
    pub fn quiet_points(&self) -> usize {
        self.waits.len()
    }

    /// The longest wait for a quiet point.
    #[must_use]
    pub fn longest(&self) -> Duration {
        self.waits.iter().max().copied().unwrap_or_default()
    }

    fn median(&self) -> Duration {
        let mut waits = self.waits.clone();
        waits.sort_unstable();
        waits.get(waits.len() / 2).copied().unwrap_or_default()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| fault | times |")?;
        writeln!(f, "|---|---|")?;
        for (row, times) in &self.faults {
            writeln!(f, "| {row} | {times} |")?;
        }
        writeln!(f, "| all | {} |", self.faults())?;
        writeln!(f)?;
        write!(
            f,
            "{} quiet points, each with 0 missing, 0 stale, 0 ghosts: after {:.1} s in the median, {:.1} s at most; {} changes under \
             {:.0} s of faults",
            self.quiet_points(),
            self.median().as_secs_f64(),
            self.longest().as_secs_f64(),
            self.changes,
            self.under_faults.as_secs_f64()
        )?;
        if let Some((peak, bound)) = self.memory {
            let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
            write!(
                f,
                "\npeak memory of the operator {:.1} MiB, at most {:.1} are right",
                mib(peak),
                mib(bound)
            )?;
        }
        Ok(())
    }
}
