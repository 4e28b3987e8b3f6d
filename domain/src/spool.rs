// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! A kind's objects, encoded and compressed, in memory, until the snapshot that carries them is accepted.
//!
//! It owns the format of the records, which nobody else sees. It promises that memory is what the compressed records
//! need and, while one is written or read, a block of plain text. Each block is compressed by itself, so that thirteen
//! kinds that list at once share one compressor, which has 260 KB of tables.

use std::cell::Cell;
use std::fmt;

use bytes::Bytes;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use crate::resource::{UUID_LEN, Uid};

/// Plain text in a block. A record that is larger has a block of its own. Twice deflate's window: less would lose ratio,
/// more would gain little of it and cost thirteen times as much.
const BLOCK: usize = 64 * 1024;

thread_local! {
    /// The compressor that the next block takes: making one for each block would take a twentieth of all the time that a
    /// list takes. It carries nothing from one block to the next.
    static COMPRESSOR: Cell<Option<Compress>> = const { Cell::new(None) };
}

/// Writes a kind's objects.
#[derive(Default)]
pub struct SpoolWriter {
    plain: Vec<u8>,
    blocks: Vec<Block>,
    objects: u64,
    bytes: u64,
}

impl SpoolWriter {
    /// Appends an object: its uid, and its JSON.
    pub fn push(&mut self, uid: &Uid, json: &[u8]) {
        let mut place = [0; UUID_LEN];
        let uid = uid.text(&mut place);
        let record = 2 * LENGTH + uid.len() + json.len();
        if !self.plain.is_empty() && self.plain.len() + record > BLOCK {
            self.close_block();
        }
        self.plain.extend_from_slice(&length(uid.len()));
        self.plain.extend_from_slice(uid.as_bytes());
        self.plain.extend_from_slice(&length(json.len()));
        self.plain.extend_from_slice(json);
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
        Spool {
            blocks: self.blocks,
            objects: self.objects,
            bytes: self.bytes,
        }
    }

    fn close_block(&mut self) {
        if self.plain.is_empty() {
            return;
        }
        let mut compressed = Vec::with_capacity(self.plain.len() / 6);
        let mut compressor = COMPRESSOR
            .take()
            .unwrap_or_else(|| Compress::new(Compression::fast(), false));
        loop {
            let read = usize::try_from(compressor.total_in()).unwrap_or(usize::MAX);
            let rest = self.plain.get(read..).unwrap_or_default();
            compressed.reserve(4096);
            // The only error that deflate knows is a misuse of its flush modes, which doesn't occur here; the loop would
            // then leave a short block, which the reader reports as corrupt.
            match compressor.compress_vec(rest, &mut compressed, FlushCompress::Finish) {
                Ok(Status::Ok | Status::BufError) => {}
                Ok(Status::StreamEnd) | Err(_) => break,
            }
        }
        compressor.reset();
        COMPRESSOR.set(Some(compressor));
        compressed.shrink_to_fit();
        self.blocks.push(Block {
            plain: self.plain.len(),
            compressed: compressed.into(),
        });
        self.plain.clear();
    }
}

impl fmt::Debug for SpoolWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpoolWriter")
            .field("objects", &self.objects)
            .finish_non_exhaustive()
    }
}

/// Lengths in records are 32 bits: an object of the API is at most a few MiB.
const LENGTH: usize = size_of::<u32>();

fn length(len: usize) -> [u8; LENGTH] {
    u32::try_from(len).unwrap_or(u32::MAX).to_le_bytes()
}

#[derive(Clone)]
struct Block {
    plain: usize,
    compressed: Bytes,
}

/// A kind's objects. Cloning it shares the bytes.
#[derive(Clone, Default)]
pub struct Spool {
    blocks: Vec<Block>,
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
        self.blocks.iter().map(|block| block.compressed.len()).sum()
    }

    /// Reads it block by block.
    pub fn read(&self) -> SpoolReader {
        SpoolReader {
            blocks: self.blocks.clone().into_iter(),
            plain: Vec::new(),
            at: 0,
        }
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
    blocks: std::vec::IntoIter<Block>,
    plain: Vec<u8>,
    at: usize,
}

impl SpoolReader {
    /// The next object; `None` at the end.
    pub fn next_record(&mut self) -> Option<Result<Record<'_>, Corrupt>> {
        if self.at >= self.plain.len() {
            let block = self.blocks.next()?;
            if let Err(corrupt) = self.open(&block) {
                return Some(Err(corrupt));
            }
        }
        let (uid, at) = match field(&self.plain, self.at) {
            Ok(found) => found,
            Err(corrupt) => return Some(Err(corrupt)),
        };
        let (json, at) = match field(&self.plain, at) {
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

    fn open(&mut self, block: &Block) -> Result<(), Corrupt> {
        self.at = 0;
        self.plain.clear();
        self.plain.reserve_exact(block.plain);
        let status = Decompress::new(false)
            .decompress_vec(&block.compressed, &mut self.plain, FlushDecompress::Finish)
            .map_err(|_| Corrupt)?;
        if status == Status::StreamEnd && self.plain.len() == block.plain {
            Ok(())
        } else {
            Err(Corrupt)
        }
    }
}

impl fmt::Debug for SpoolReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpoolReader").finish_non_exhaustive()
    }
}

fn field(plain: &[u8], at: usize) -> Result<(&[u8], usize), Corrupt> {
    let (len, rest) = plain
        .get(at..)
        .and_then(|rest| rest.split_first_chunk::<LENGTH>())
        .ok_or(Corrupt)?;
    let len = u32::from_le_bytes(*len) as usize;
    rest.get(..len).map(|value| (value, at + LENGTH + len)).ok_or(Corrupt)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

    use proptest::prelude::*;

    use super::*;

    fn read(spool: &Spool) -> Vec<(String, Vec<u8>)> {
        let mut reader = spool.read();
        let mut all = Vec::new();
        while let Some(record) = reader.next_record() {
            let record = record.expect("an intact spool reads");
            all.push((record.uid.to_owned(), record.json.to_vec()));
        }
        all
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn what_is_written_is_read(objects in prop::collection::vec(("[a-z0-9-]{0,40}", prop::collection::vec(any::<u8>(), 0..9000)), 0..60)) {
            let mut writer = SpoolWriter::default();
            for (uid, json) in &objects {
                writer.push(&Uid::from(uid.as_str()), json);
            }
            let spool = writer.finish();
            prop_assert_eq!(spool.objects(), objects.len() as u64);
            prop_assert_eq!(read(&spool), objects);
        }
    }

    #[test]
    fn an_object_larger_than_a_block_is_read_back() {
        let large: Vec<u8> = (0..1_500_000u32)
            .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
            .collect();
        let mut writer = SpoolWriter::default();
        writer.push(&Uid::from("a"), b"{}");
        writer.push(&Uid::from("b"), &large);
        writer.push(&Uid::from("c"), b"{}");
        let all = read(&writer.finish());
        assert_eq!(all.len(), 3);
        assert_eq!(all[1].1, large);
    }

    #[test]
    fn alike_objects_compress_well() {
        let mut writer = SpoolWriter::default();
        for n in 0..1000 {
            let json = format!(
                "{{\"name\":\"pod-{n}\",\"phase\":\"Running\",\"labels\":{{\"app\":\"web\"}},\"node\":\"n-{}\"}}",
                n % 7
            );
            writer.push(
                &Uid::from(format!("00000000-0000-4000-8000-{n:012}").as_str()),
                json.as_bytes(),
            );
        }
        let spool = writer.finish();
        assert!(
            spool.held_bytes() * 4 < usize::try_from(spool.plain_bytes()).unwrap(),
            "{spool:?}"
        );
    }

    #[test]
    fn a_corrupt_block_is_an_error() {
        let mut writer = SpoolWriter::default();
        writer.push(&Uid::from("a"), b"{\"name\":\"a\"}");
        let mut spool = writer.finish();
        spool.blocks[0].compressed = Bytes::from_static(b"nonsense");
        assert_eq!(spool.read().next_record().unwrap().unwrap_err(), Corrupt);
    }
}
