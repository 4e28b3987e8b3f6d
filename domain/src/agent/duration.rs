// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Durations as Kubernetes writes them: the form of Go's `time.ParseDuration`.

use std::time::Duration;

/// The longest duration that Go can hold: 2^63 - 1 nanoseconds, some 292 years. What Kubernetes' own parser refuses is
/// refused here too.
const MAX_NANOS: u128 = i64::MAX as u128;

/// Digits of a fraction beyond this one can't add a nanosecond, whatever the unit: an hour has 3.6 × 10^12 of them.
const MAX_FRACTION_DIGITS: usize = 15;

/// Why a text is not a duration.
#[derive(thiserror::Error, Clone, Copy, Debug, PartialEq, Eq)]
pub enum DurationError {
    /// There is no text.
    #[error("it is empty")]
    Empty,
    /// A leading minus.
    #[error("it is negative")]
    Negative,
    /// A number was expected.
    #[error("a number is missing")]
    NoNumber,
    /// A number without a unit, or with one that doesn't exist.
    #[error("each number needs a unit: h, m, s or ms")]
    NoUnit,
    /// More than 2^63 - 1 nanoseconds.
    #[error("it is too long")]
    TooLong,
}

/// Reads a duration such as `5m`, `1h30m`, `90s`, `1.5h` or `500ms`.
///
/// Units are h, m, s, ms, us (or µs) and ns, and each may come several times and in any order, as in Go. `0` needs no
/// unit. White space, signs other than one leading plus, and exponents are refused.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    if text.is_empty() {
        return Err(DurationError::Empty);
    }
    if text.starts_with('-') {
        return Err(DurationError::Negative);
    }
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    if rest.is_empty() {
        return Err(DurationError::NoNumber);
    }
    let mut total: u128 = 0;
    while !rest.is_empty() {
        let (nanos, after) = parse_part(rest)?;
        total += nanos;
        if total > MAX_NANOS {
            return Err(DurationError::TooLong);
        }
        rest = after;
    }
    let nanos = u64::try_from(total).map_err(|_| DurationError::TooLong)?;
    Ok(Duration::from_nanos(nanos))
}

/// One number with its unit, in nanoseconds, and the text that follows it.
fn parse_part(text: &str) -> Result<(u128, &str), DurationError> {
    let (whole, rest) = split_digits(text);
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(after) => split_digits(after),
        None => ("", rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return Err(DurationError::NoNumber);
    }
    let end = rest
        .find(|c: char| c == '.' || c.is_ascii_digit())
        .unwrap_or(rest.len());
    let (unit, rest) = rest.split_at(end);
    let scale = nanos_in(unit).ok_or(DurationError::NoUnit)?;

    let whole: u128 = if whole.is_empty() {
        0
    } else {
        whole.parse().map_err(|_| DurationError::TooLong)?
    };
    let mut nanos = whole
        .checked_mul(scale)
        .filter(|n| *n <= MAX_NANOS)
        .ok_or(DurationError::TooLong)?;
    let mut denominator: u128 = 1;
    let mut numerator: u128 = 0;
    for digit in fraction
        .chars()
        .take(MAX_FRACTION_DIGITS)
        .filter_map(|c| c.to_digit(10))
    {
        numerator = numerator * 10 + u128::from(digit);
        denominator *= 10;
    }
    nanos += numerator * scale / denominator;
    Ok((nanos, rest))
}

fn split_digits(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.split_at(end)
}

fn nanos_in(unit: &str) -> Option<u128> {
    match unit {
        "ns" => Some(1),
        "us" | "\u{b5}s" | "\u{3bc}s" => Some(1_000),
        "ms" => Some(1_000_000),
        "s" => Some(1_000_000_000),
        "m" => Some(60 * 1_000_000_000),
        "h" => Some(3_600 * 1_000_000_000),
        _ => None,
    }
}
