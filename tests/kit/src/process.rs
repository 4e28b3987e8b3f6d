// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Figures of a process, from /proc.

use std::fs;
use std::time::Duration;

/// Clock ticks in a second, as /proc counts CPU time: 100 on every Linux that Rust runs on (`getconf CLK_TCK`).
const TICKS: u64 = 100;

/// A process that is measured.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    pid: u32,
}

impl Measured {
    /// The process with this id.
    #[must_use]
    pub fn new(pid: u32) -> Self {
        Self { pid }
    }

    /// Resident memory now, in bytes.
    #[must_use]
    pub fn resident(self) -> u64 {
        self.status("VmRSS:")
    }

    /// The peak of resident memory since the start.
    #[must_use]
    pub fn peak(self) -> u64 {
        self.status("VmHWM:")
    }

    /// CPU time so far, in user and kernel, of all threads, those that have ended among them.
    #[must_use]
    pub fn cpu(self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap_or_default();
        // pid (name) state …: fields 14 and 15 are utime and stime, and the name may hold anything.
        let rest = stat.rsplit(") ").next().unwrap_or_default();
        let ticks: u64 = rest
            .split(' ')
            .skip(11)
            .take(2)
            .filter_map(|field| field.parse::<u64>().ok())
            .sum();
        Duration::from_millis(ticks * 1000 / TICKS)
    }

    fn status(self, field: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).unwrap_or_default();
        let line = status.lines().find(|line| line.starts_with(field)).unwrap_or_default();
        line.split_whitespace()
            .nth(1)
            .and_then(|kib| kib.parse::<u64>().ok())
            .unwrap_or_default()
            * 1024
    }
}
