// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The text of a block: records, each the uid and the JSON with their lengths before them.

use super::reader::Corrupt;

/// Plain text in a block. A record that is larger has a block of its own. Deflate's window: with what a block may refer
/// to of the one before, more would gain nothing.
pub(super) const BLOCK: usize = 32 * 1024;

/// So much of a block's end the next may refer to: two or three objects. Without it a block of pods would take 80 % more;
/// 32 KiB of it would gain nothing.
const DICTIONARY: usize = 8 * 1024;

/// A block as text, behind the end of the one before.
#[derive(Default)]
pub(super) struct Plain {
    pub(super) text: Vec<u8>,
    before: usize,
}

impl Plain {
    pub(super) fn dictionary(&self) -> &[u8] {
        self.text.get(..self.before).unwrap_or_default()
    }

    pub(super) fn block(&self) -> &[u8] {
        self.text.get(self.before..).unwrap_or_default()
    }

    /// The block is done with, but for its end.
    pub(super) fn next(&mut self) {
        let done = self.text.len().saturating_sub(DICTIONARY);
        self.text.drain(..done);
        self.before = self.text.len();
        if self.text.capacity() > 4 * BLOCK {
            // What one large object took isn't held to the end of the list.
            self.text.shrink_to(DICTIONARY + BLOCK);
        }
    }
}

/// Lengths in records are 32 bits: an object of the API is at most a few MiB.
pub(super) const LENGTH: usize = size_of::<u32>();

pub(super) fn length(len: usize) -> [u8; LENGTH] {
    u32::try_from(len).unwrap_or(u32::MAX).to_le_bytes()
}

/// A field that begins at this place, and where it ends.
pub(super) fn field(plain: &[u8], at: usize) -> Result<(&[u8], usize), Corrupt> {
    let (len, rest) = plain
        .get(at..)
        .and_then(|rest| rest.split_first_chunk::<LENGTH>())
        .ok_or(Corrupt)?;
    let len = u32::from_le_bytes(*len) as usize;
    rest.get(..len).map(|value| (value, at + LENGTH + len)).ok_or(Corrupt)
}
