// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What is printed: a line for each thing that was looked at, and a hint below each that isn't well.

use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

use crate::commands::paint::Paint;

/// The lines, as they are printed. A closed pipe is nobody to tell: the exit code still counts.
pub(super) struct Report<W> {
    out: W,
    paint: Paint,
    warnings: u32,
    failures: u32,
}

impl Report<std::io::Stdout> {
    /// To stdout.
    pub(super) fn to_stdout() -> Self {
        let out = std::io::stdout();
        let paint = Paint::on(&out);
        Self::new(out, paint)
    }
}

impl<W: Write> Report<W> {
    pub(super) fn new(out: W, paint: Paint) -> Self {
        Self {
            out,
            paint,
            warnings: 0,
            failures: 0,
        }
    }

    /// It is well.
    pub(super) fn ok(&mut self, subject: impl Display, found: impl Display) {
        self.line(Paint::good, "ok", &subject, &found, None);
    }

    /// It works, and somebody should know of it.
    pub(super) fn warn(&mut self, subject: impl Display, found: impl Display, hint: impl Display) {
        self.warnings += 1;
        self.line(Paint::odd, "warn", &subject, &found, Some(&hint));
    }

    /// It keeps the operator from its work.
    pub(super) fn fail(&mut self, subject: impl Display, found: impl Display, hint: impl Display) {
        self.failures += 1;
        self.line(Paint::bad, "FAIL", &subject, &found, Some(&hint));
    }

    /// It wasn't looked at, for this reason.
    pub(super) fn skip(&mut self, subject: impl Display, why: impl Display) {
        self.line(Paint::dim, "skip", &subject, &why, None);
    }

    /// The last line, and the exit code.
    pub(super) fn end(mut self) -> ExitCode {
        let (failures, warnings) = (self.failures, self.warnings);
        let summary = match (failures, warnings) {
            (0, 0) => "all is well".to_owned(),
            (0, _) => format!("all works; warnings: {warnings}"),
            _ => format!("failures: {failures}, warnings: {warnings}"),
        };
        let _told = writeln!(self.out, "{summary}").and_then(|()| self.out.flush());
        if failures == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }

    fn line(
        &mut self,
        paint: fn(Paint, &str) -> String,
        word: &str,
        subject: &dyn Display,
        found: &dyn Display,
        hint: Option<&dyn Display>,
    ) {
        let word = paint(self.paint, &format!("{word:<4}"));
        let _told = writeln!(self.out, "{word}  {subject}: {found}");
        if let Some(hint) = hint {
            let _told = writeln!(self.out, "      hint: {hint}");
        }
        // Line by line, also into a pipe: what comes next may take seconds.
        let _told = self.out.flush();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    fn printed(colours: bool, tell: impl Fn(&mut Report<&mut Vec<u8>>)) -> (String, ExitCode) {
        let mut out = Vec::new();
        let mut report = Report::new(&mut out, Paint { colours });
        tell(&mut report);
        let exit = report.end();
        (String::from_utf8(out).unwrap(), exit)
    }

    #[test]
    fn each_line_has_a_word_and_what_is_not_well_a_hint() {
        let (text, exit) = printed(false, |report| {
            report.ok("API server", "v1.35.0");
            report.warn("resources", "none", "apply one");
            report.fail("Secret", "it isn't there", "create it");
            report.skip("token", "there are no credentials");
        });
        assert_eq!(
            text,
            "ok    API server: v1.35.0\n\
             warn  resources: none\n      hint: apply one\n\
             FAIL  Secret: it isn't there\n      hint: create it\n\
             skip  token: there are no credentials\n\
             failures: 1, warnings: 1\n"
        );
        assert_eq!(exit, ExitCode::FAILURE);
    }

    #[test]
    fn warnings_alone_are_no_failure() {
        let (text, exit) = printed(false, |report| report.warn("a", "b", "c"));
        assert!(text.ends_with("all works; warnings: 1\n"), "{text}");
        assert_eq!(exit, ExitCode::SUCCESS);
        assert_eq!(
            printed(false, |report| report.ok("a", "b")).0,
            "ok    a: b\nall is well\n"
        );
    }

    #[test]
    fn colours_are_around_the_word_alone() {
        let (text, _) = printed(true, |report| report.fail("a", "b", "c"));
        assert!(
            text.starts_with("\u{1b}[31mFAIL\u{1b}[0m  a: b\n      hint: c\n"),
            "{text:?}"
        );
    }
}
