// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Text from elsewhere, made fit for a terminal.

use std::error::Error;

/// Longer than any sentence or name that helps.
const LONGEST: usize = 300;

/// The text on one line, without what moves a cursor, colours or hides anything, and not longer than 300 characters.
pub fn printable(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_graphic() || c == ' ' || (!c.is_ascii() && c.is_alphanumeric());
    let mut plain: String = text
        .chars()
        .take(LONGEST)
        .map(|c| match c {
            c if is_plain(c) => c,
            c if c.is_whitespace() => ' ',
            _ => '?',
        })
        .collect();
    if text.chars().nth(LONGEST).is_some() {
        plain.push('…');
    }
    plain
}

/// `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// What is at the bottom of an error: `Connection refused`, where those above say that something failed.
pub fn root_cause(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    printable(&cause.to_string())
}

/// An error with all that caused it, on one line. Some tell what caused them themselves: that isn't told twice.
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let told = cause.to_string();
        if !text.contains(&told) {
            text.push_str(": ");
            text.push_str(&told);
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Outer(&'static str, #[source] io::Error);

    #[test]
    fn causes_are_told_once() {
        let refused = || io::Error::other("refused");
        assert_eq!(
            with_causes(&Outer("no connection", refused())),
            "no connection: refused"
        );
        assert_eq!(with_causes(&Outer("it is refused", refused())), "it is refused");
        assert_eq!(root_cause(&Outer("no connection", refused())), "refused");
    }

    #[test]
    fn what_a_terminal_would_act_on_is_not_printed() {
        assert_eq!(printable("CN=\u{1b}[31mEvil\u{202e}\r\nCA\0"), "CN=?[31mEvil?  CA?");
        assert_eq!(
            printable("O=Entidad de Certificación, C=ES"),
            "O=Entidad de Certificación, C=ES"
        );
        assert_eq!(printable(&"x".repeat(301)).chars().count(), 301);
        assert!(printable(&"x".repeat(301)).ends_with("x…"));
        assert_eq!(printable(&"x".repeat(300)), "x".repeat(300));
    }

    #[test]
    fn numbers_are_grouped_by_thousands() {
        let numbers = [0, 999, 1000, 12_345, 1_234_567].map(grouped);
        assert_eq!(numbers, ["0", "999", "1,000", "12,345", "1,234,567"]);
    }
}
