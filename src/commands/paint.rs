// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Colours (ANSI), on a terminal alone.

use std::io::IsTerminal;

/// In colours, or without.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paint {
    pub(super) colours: bool,
}

impl Paint {
    /// For what is printed here: in colours on a terminal, unless NO_COLOR is set.
    pub(super) fn on(out: &impl IsTerminal) -> Self {
        Self {
            colours: out.is_terminal() && std::env::var_os("NO_COLOR").is_none(),
        }
    }

    /// It is well.
    pub(super) fn good(self, text: &str) -> String {
        self.paint("32", text)
    }

    /// Somebody should know of it.
    pub(super) fn odd(self, text: &str) -> String {
        self.paint("33", text)
    }

    /// Somebody should do something.
    pub(super) fn bad(self, text: &str) -> String {
        self.paint("31", text)
    }

    /// It matters less.
    pub(super) fn dim(self, text: &str) -> String {
        self.paint("2", text)
    }

    /// A title.
    pub(super) fn title(self, text: &str) -> String {
        self.paint("1", text)
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.colours {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}
