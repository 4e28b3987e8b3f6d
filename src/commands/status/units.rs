// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Words, numbers and columns, as people read them.

use std::time::Duration;

use obsyk_domain::time::Moment;

/// `350 ms`, `4.7 s`, `12 s`, `3 min`, `5 h 12 min`, `3 d 4 h`.
pub(super) fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 => format!("{} ms", duration.as_millis()),
        1..10 => format!("{:.1} s", duration.as_secs_f64()),
        10..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

/// `12 s ago`, or what stands for a moment that never was.
pub(super) fn ago(now: Moment, then: Option<Moment>) -> String {
    then.map_or_else(|| "never".to_owned(), |then| format!("{} ago", span(now.since(then))))
}

/// `in 12 s`, or `now`.
pub(super) fn ahead(now: Moment, then: Moment) -> String {
    if then > now {
        format!("in {}", span(then.since(now)))
    } else {
        "now".to_owned()
    }
}

/// `0 B`, `12.3 KiB`, `4.0 MiB`.
pub(super) fn bytes(count: u64) -> String {
    let (kib, mib) = (1024.0, 1024.0 * 1024.0);
    let number = count as f64;
    if number < kib {
        format!("{count} B")
    } else if number < mib {
        format!("{:.1} KiB", number / kib)
    } else {
        format!("{:.1} MiB", number / mib)
    }
}

/// Rows below a head, in columns that are as wide as they must be. The last column ends where its text does.
pub(super) fn columns(head: &[&str], rows: &[Vec<String>]) -> Vec<String> {
    let all = || std::iter::once(head.iter().map(|cell| (*cell).to_owned()).collect()).chain(rows.iter().cloned());
    let mut widths = vec![0; head.len()];
    for row in all() {
        for (width, cell) in widths.iter_mut().zip(&row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |row: Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    all().map(line).collect()
}
