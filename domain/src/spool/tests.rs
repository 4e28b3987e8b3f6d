// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What is written is read, whatever it is, and takes little.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use proptest::prelude::*;

use super::*;
use crate::resource::Uid;

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
fn a_spool_is_held_in_few_segments_that_waste_nothing() {
    let mut writer = SpoolWriter::default();
    // Text that doesn't compress much, so that blocks end in other segments than they begin.
    let mut noise = 1_u64;
    let mut written = Vec::new();
    for n in 0..4000 {
        let json: Vec<u8> = std::iter::repeat_with(|| {
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            b'0' + (noise >> 60) as u8
        })
        .take(1000)
        .collect();
        writer.push(&Uid::from(format!("u{n}").as_str()), &json);
        written.push((format!("u{n}"), json));
    }
    let spool = writer.finish();
    let held = spool.held_bytes();
    assert!(held > 1_500_000, "{held}");
    assert!(
        spool.segments.len() <= 6 + held / (1024 * 1024) + 1,
        "{}",
        spool.segments.len()
    );
    assert!(read(&spool) == written, "what was written isn't read");
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
    let spool = writer.finish();
    for segments in [
        vec![],
        vec![Bytes::from_static(b"nonsense")],
        vec![spool.segments[0].slice(1..)],
        vec![spool.segments[0].slice(..spool.segments[0].len() - 1)],
    ] {
        let corrupt = Spool {
            segments: segments.into(),
            ..spool.clone()
        };
        assert_eq!(corrupt.read().next_record().unwrap().unwrap_err(), Corrupt);
    }
}
