// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The side on which a snapshot is sent.

use std::fmt;

use flate2::{Decompress, FlushDecompress, Status};

use super::plain::{Plain, field};
use super::{Block, Spool};

/// A spool's block doesn't decompress to what was written: memory is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a block of the spool is corrupt")]
pub struct Corrupt;

/// An object of a spool.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Its uid.
    pub uid: &'a str,
    /// Its JSON.
    pub json: &'a [u8],
}

/// Reads a spool, holding one plain block at a time.
pub struct SpoolReader {
    spool: Spool,
    /// The next block, and where it begins.
    block: usize,
    segment: usize,
    offset: usize,
    inflate: Decompress,
    plain: Plain,
    /// The next record in the block.
    at: usize,
}

impl SpoolReader {
    pub(super) fn new(spool: Spool) -> Self {
        Self {
            spool,
            block: 0,
            segment: 0,
            offset: 0,
            inflate: Decompress::new(false),
            plain: Plain::default(),
            at: 0,
        }
    }

    /// The next object; `None` at the end.
    pub fn next_record(&mut self) -> Option<Result<Record<'_>, Corrupt>> {
        if self.at >= self.plain.block().len() {
            let block = *self.spool.blocks.get(self.block)?;
            self.block += 1;
            if let Err(corrupt) = self.open(block) {
                // Nothing that follows can be read: where it begins isn't known, nor what it refers to.
                self.block = self.spool.blocks.len();
                self.plain = Plain::default();
                return Some(Err(corrupt));
            }
        }
        let (uid, at) = match field(self.plain.block(), self.at) {
            Ok(found) => found,
            Err(corrupt) => return Some(Err(corrupt)),
        };
        let (json, at) = match field(self.plain.block(), at) {
            Ok(found) => found,
            Err(corrupt) => return Some(Err(corrupt)),
        };
        self.at = at;
        Some(
            std::str::from_utf8(uid)
                .map(|uid| Record { uid, json })
                .map_err(|_| Corrupt),
        )
    }

    fn open(&mut self, block: Block) -> Result<(), Corrupt> {
        self.at = 0;
        self.plain.next();
        // With room for one byte more than there is: the end of a block is read only while there is room.
        self.plain.text.reserve_exact(block.plain + 1);
        self.inflate.reset(false);
        if !self.plain.dictionary().is_empty() {
            self.inflate
                .set_dictionary(self.plain.dictionary())
                .map_err(|_| Corrupt)?;
        }
        let mut left = block.compressed;
        loop {
            let segment = self.spool.segments.get(self.segment).ok_or(Corrupt)?;
            let rest = segment.get(self.offset..).unwrap_or_default();
            let piece = rest.get(..left).unwrap_or(rest);
            let before = self.inflate.total_in();
            let status = self
                .inflate
                .decompress_vec(piece, &mut self.plain.text, FlushDecompress::None)
                .map_err(|_| Corrupt)?;
            let read = usize::try_from(self.inflate.total_in() - before).unwrap_or(usize::MAX);
            left = left.saturating_sub(read);
            self.offset += read;
            if self.offset == segment.len() {
                self.segment += 1;
                self.offset = 0;
            }
            match status {
                Status::StreamEnd if left == 0 && self.plain.block().len() == block.plain => return Ok(()),
                Status::Ok if read > 0 && left > 0 => {}
                Status::StreamEnd | Status::Ok | Status::BufError => return Err(Corrupt),
            }
        }
    }
}

impl fmt::Debug for SpoolReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpoolReader").finish_non_exhaustive()
    }
}
