// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! A kind's objects, encoded and compressed, in memory, until the snapshot that carries them is accepted.
//!
//! It owns the format of the records, which nobody else sees. It promises that memory is what the compressed records
//! need and, while one is written or read, a block of plain text. Each block is compressed by itself, so that thirteen
//! kinds that list at once share one compressor, which has 260 KB of tables; but it may refer to the end of the block
//! before, which the reader has just read. Compressed blocks stand end to end in segments, few and large, so that what a
//! spool held can be given back as a whole when it is dropped.

mod plain;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

pub use reader::{Corrupt, Record, SpoolReader};
pub use writer::SpoolWriter;

/// How long a block is, as text and in the segments, where it may begin in one and end in the next.
#[derive(Clone, Copy)]
struct Block {
    plain: usize,
    compressed: usize,
}

/// A kind's objects. Cloning it shares the bytes.
#[derive(Clone, Default)]
pub struct Spool {
    blocks: Arc<[Block]>,
    segments: Arc<[Bytes]>,
    objects: u64,
    bytes: u64,
}

impl Spool {
    /// How many objects it holds.
    pub fn objects(&self) -> u64 {
        self.objects
    }

    /// Bytes of JSON, before compression.
    pub fn plain_bytes(&self) -> u64 {
        self.bytes
    }

    /// Bytes held in memory.
    pub fn held_bytes(&self) -> usize {
        self.segments.iter().map(Bytes::len).sum()
    }

    /// Reads it block by block.
    pub fn read(&self) -> SpoolReader {
        SpoolReader::new(self.clone())
    }
}

impl fmt::Debug for Spool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spool")
            .field("objects", &self.objects)
            .field("held", &self.held_bytes())
            .finish()
    }
}
