// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! A snapshot's body, piece by piece.
//!
//! No whole body is ever in memory: the head is a few hundred bytes, and each spool gives one block at a time. The same
//! body can be read again for a retry.

use std::collections::HashSet;

use bytes::Bytes;

use crate::resource::{ResourceKind, Uid};
use crate::spool::{Corrupt, Spool, SpoolReader};
use crate::wire;

/// Pieces are about this large: what a connection takes at once.
const PIECE: usize = 64 * 1024;

/// A snapshot that can be read, more than once.
#[derive(Clone, Debug)]
pub struct SnapshotBody {
    opening: Bytes,
    lists: Vec<(ResourceKind, Spool)>,
    left_out: Vec<Uid>,
}

impl SnapshotBody {
    /// A body of this head (JSON without its closing brace) and these lists.
    pub fn new(opening: Bytes, lists: Vec<(ResourceKind, Spool)>) -> Self {
        Self {
            opening,
            lists,
            left_out: Vec::new(),
        }
    }

    /// The same, without some objects.
    pub fn without(mut self, uids: Vec<Uid>) -> Self {
        self.left_out = uids;
        self
    }

    /// The kinds that it has.
    pub fn kinds(&self) -> impl Iterator<Item = ResourceKind> {
        self.lists.iter().map(|(kind, _)| *kind)
    }

    /// How many objects it has, those that are left out included.
    pub fn objects(&self) -> u64 {
        self.lists.iter().map(|(_, spool)| spool.objects()).sum()
    }

    /// Reads it piece by piece.
    pub fn pieces(&self) -> Pieces {
        Pieces {
            left_out: self.left_out.iter().map(Uid::to_string).collect(),
            lists: self.lists.clone().into_iter(),
            open: None,
            first: true,
            opening: Some(self.opening.clone()),
            closed: false,
        }
    }
}

/// The pieces of a body, in order.
#[derive(Debug)]
pub struct Pieces {
    opening: Option<Bytes>,
    lists: std::vec::IntoIter<(ResourceKind, Spool)>,
    open: Option<SpoolReader>,
    left_out: HashSet<String>,
    first: bool,
    closed: bool,
}

impl Iterator for Pieces {
    type Item = Result<Bytes, Corrupt>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(opening) = self.opening.take() {
            return Some(Ok(opening));
        }
        if self.closed {
            return None;
        }
        let mut piece = Vec::with_capacity(PIECE + PIECE / 8);
        while piece.len() < PIECE && !self.closed {
            if let Err(corrupt) = self.step(&mut piece) {
                self.closed = true;
                return Some(Err(corrupt));
            }
        }
        Some(Ok(piece.into()))
    }
}

impl Pieces {
    fn step(&mut self, piece: &mut Vec<u8>) -> Result<(), Corrupt> {
        let Some(reader) = &mut self.open else {
            match self.lists.next() {
                Some((kind, spool)) => {
                    piece.extend_from_slice(wire::list_opening(kind).as_bytes());
                    self.open = Some(spool.read());
                    self.first = true;
                }
                None => {
                    piece.push(b'}');
                    self.closed = true;
                }
            }
            return Ok(());
        };
        match reader.next_record() {
            None => {
                piece.push(b']');
                self.open = None;
            }
            Some(Err(corrupt)) => return Err(corrupt),
            Some(Ok(record)) => {
                if self.left_out.contains(record.uid) {
                    return Ok(());
                }
                if !std::mem::take(&mut self.first) {
                    piece.push(b',');
                }
                piece.extend_from_slice(record.json);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

    use super::*;
    use crate::spool::SpoolWriter;

    fn spool(range: std::ops::Range<u32>) -> Spool {
        let mut writer = SpoolWriter::default();
        for n in range {
            writer.push(
                &Uid::from(format!("u{n}").as_str()),
                format!("{{\"uid\":\"u{n}\"}}").as_bytes(),
            );
        }
        writer.finish()
    }

    fn whole(body: &SnapshotBody) -> serde_json::Value {
        let bytes: Vec<u8> = body.pieces().flat_map(|piece| piece.unwrap().to_vec()).collect();
        serde_json::from_slice(&bytes).expect("a body is JSON")
    }

    fn body() -> SnapshotBody {
        SnapshotBody::new(
            Bytes::from_static(b"{\"cluster_uid\":\"c\""),
            vec![
                (ResourceKind::Pod, spool(0..10_000)),
                (ResourceKind::Secret, spool(0..0)),
                (ResourceKind::Node, spool(0..1)),
            ],
        )
    }

    #[test]
    fn pieces_make_one_json_document_and_can_be_read_twice() {
        let body = body();
        for _ in 0..2 {
            let json = whole(&body);
            assert_eq!(json["cluster_uid"], "c");
            assert_eq!(json["pods"].as_array().unwrap().len(), 10_000);
            assert_eq!(json["secrets"], serde_json::json!([]));
            assert_eq!(json["nodes"][0]["uid"], "u0");
        }
    }

    #[test]
    fn objects_can_be_left_out() {
        let json = whole(&body().without(vec![Uid::from("u0"), Uid::from("u9999")]));
        assert_eq!(json["pods"].as_array().unwrap().len(), 9_998);
        assert_eq!(json["nodes"], serde_json::json!([]));
    }

    #[test]
    fn no_piece_is_much_larger_than_a_block() {
        assert!(body().pieces().all(|piece| piece.unwrap().len() < 2 * PIECE));
    }
}
