// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The side on which a list is read.

use std::cell::Cell;
use std::fmt;

use bytes::Bytes;
use flate2::{Compress, Compression, FlushCompress, Status};

use super::plain::{BLOCK, LENGTH, Plain, length};
use super::{Block, Spool};
use crate::resource::{UUID_LEN, Uid};

/// zlib's fastest but one. The fastest spares Huffman codes of a block's own: what it writes is 40 % longer, and it saves
/// a hundredth of the time that a list takes.
const LEVEL: Compression = Compression::new(2);

thread_local! {
    /// The compressor that the next block takes: making one for each block would take a twentieth of all the time that a
    /// list takes. It carries nothing from one block to the next.
    static COMPRESSOR: Cell<Option<Compress>> = const { Cell::new(None) };
}

/// A kind's segments: the first is so large, each further one as large as all before it, up to [`LARGEST_SEGMENT`]. So
/// a kind with three objects holds little, and at most half of what is held is room, which no page is taken for before it
/// is written.
const SMALLEST_SEGMENT: usize = 16 * 1024;

/// See [`SMALLEST_SEGMENT`]. glibc takes blocks of 128 KiB and more from the system by themselves, and gives them back.
const LARGEST_SEGMENT: usize = 1024 * 1024;

/// Writes a kind's objects.
#[derive(Default)]
pub struct SpoolWriter {
    plain: Plain,
    blocks: Vec<Block>,
    /// Those that are full.
    segments: Vec<Bytes>,
    segment: Vec<u8>,
    held: usize,
    objects: u64,
    bytes: u64,
}

impl SpoolWriter {
    /// Appends an object: its uid, and its JSON.
    pub fn push(&mut self, uid: &Uid, json: &[u8]) {
        let mut place = [0; UUID_LEN];
        let uid = uid.text(&mut place);
        let record = 2 * LENGTH + uid.len() + json.len();
        let begun = self.plain.block().len();
        if begun > 0 && begun + record > BLOCK {
            self.close_block();
        }
        let text = &mut self.plain.text;
        text.extend_from_slice(&length(uid.len()));
        text.extend_from_slice(uid.as_bytes());
        text.extend_from_slice(&length(json.len()));
        text.extend_from_slice(json);
        self.objects += 1;
        self.bytes += json.len() as u64;
    }

    /// How many objects were appended.
    pub fn objects(&self) -> u64 {
        self.objects
    }

    /// No more objects.
    pub fn finish(mut self) -> Spool {
        self.close_block();
        self.segment.shrink_to_fit();
        self.close_segment();
        Spool {
            blocks: self.blocks.into(),
            segments: self.segments.into(),
            objects: self.objects,
            bytes: self.bytes,
        }
    }

    fn close_block(&mut self) {
        if self.plain.block().is_empty() {
            return;
        }
        let mut compressor = COMPRESSOR.take().unwrap_or_else(|| Compress::new(LEVEL, false));
        if !self.plain.dictionary().is_empty() {
            // It is refused only in the middle of a stream. The reader would report the block as corrupt.
            let _adler = compressor.set_dictionary(self.plain.dictionary());
        }
        loop {
            if self.segment.len() == self.segment.capacity() {
                self.close_segment();
                self.segment = Vec::with_capacity(self.held.clamp(SMALLEST_SEGMENT, LARGEST_SEGMENT));
            }
            let read = usize::try_from(compressor.total_in()).unwrap_or(usize::MAX);
            let rest = self.plain.block().get(read..).unwrap_or_default();
            // The only error that deflate knows is a misuse of its flush modes, which doesn't occur here; the loop would
            // then leave a short block, which the reader reports as corrupt.
            match compressor.compress_vec(rest, &mut self.segment, FlushCompress::Finish) {
                Ok(Status::Ok | Status::BufError) => {}
                Ok(Status::StreamEnd) | Err(_) => break,
            }
        }
        self.blocks.push(Block {
            plain: self.plain.block().len(),
            compressed: usize::try_from(compressor.total_out()).unwrap_or(usize::MAX),
        });
        compressor.reset();
        COMPRESSOR.set(Some(compressor));
        self.plain.next();
    }

    fn close_segment(&mut self) {
        let segment = std::mem::take(&mut self.segment);
        if !segment.is_empty() {
            self.held += segment.len();
            self.segments.push(segment.into());
        }
    }
}

impl fmt::Debug for SpoolWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpoolWriter")
            .field("objects", &self.objects)
            .finish_non_exhaustive()
    }
}
