// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What is known, against a plain map, and what it costs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use proptest::prelude::*;

use super::*;

impl Known {
    /// Bytes held.
    fn held_bytes(&self) -> usize {
        self.objects.capacity() * size_of::<Object>() + self.index.held_bytes() + self.names.held_bytes()
    }
}

fn uid(n: usize) -> Uid {
    Uid::from(format!("{:08x}-0000-4000-8000-{n:012x}", n.wrapping_mul(2_654_435_761) as u32).as_str())
}

fn see(known: &mut Known, n: usize, version: u64, json: Option<&[u8]>) -> Seen {
    known.see(&uid(n), Some("shop"), &format!("web-{n}"), version, json)
}

#[test]
fn an_object_costs_at_most_125_bytes_whatever_their_number() {
    let mut known = Known::default();
    for n in 0..60_000 {
        let name = format!("checkout-service-{:08x}9f-{:05x}", n / 10, n % 100_000);
        known.see(&uid(n), Some("shop-production"), &name, 1, Some(b"{}"));
        let objects = known.len();
        if objects.is_power_of_two() && objects >= 512 || [5_000, 10_000, 12_289, 24_577, 60_000].contains(&objects) {
            let each = known.held_bytes() / objects;
            assert!(each <= 125, "{each} bytes for each of {objects}");
        }
    }
}

#[test]
fn what_is_forgotten_gives_its_memory_back() {
    let mut known = Known::default();
    for n in 0..10_000 {
        see(&mut known, n, 1, Some(b"{}"));
    }
    for n in 0..9_990 {
        known.remove(&uid(n));
    }
    assert_eq!(known.len(), 10);
    assert!(known.held_bytes() < 8_192, "{}", known.held_bytes());
}

#[test]
fn objects_that_come_and_go_leave_no_memory_behind() {
    let mut known = Known::default();
    for n in 0..200_000 {
        see(&mut known, n, 1, Some(b"{}"));
        if n >= 5_000 {
            known.remove(&uid(n - 5_000));
        }
    }
    assert_eq!(known.len(), 5_000);
    let each = known.held_bytes() / known.len();
    assert!(each <= 150, "{each} bytes for each");
}

#[test]
fn the_same_json_is_no_change_whatever_its_version() {
    let mut known = Known::default();
    assert_eq!(see(&mut known, 1, 5, Some(b"a")), Seen::New);
    assert_eq!(see(&mut known, 1, 6, Some(b"a")), Seen::Same);
    assert_eq!(known.version(&uid(1)).unwrap().0, 6);
    assert_eq!(see(&mut known, 1, 7, Some(b"b")), Seen::Changed);
}

#[test]
fn an_object_that_was_never_decoded_is_new_when_it_is() {
    let mut known = Known::default();
    assert_eq!(see(&mut known, 1, 5, None), Seen::Same);
    assert_eq!((known.len(), known.undecodable()), (1, 1));
    assert_eq!(see(&mut known, 1, 6, Some(b"a")), Seen::New);
    assert_eq!(known.undecodable(), 0);
}

#[test]
fn an_object_that_can_be_decoded_again_is_told_again() {
    let mut known = Known::default();
    see(&mut known, 1, 5, Some(b"a"));
    assert_eq!(see(&mut known, 1, 6, None), Seen::Same);
    assert_eq!(see(&mut known, 1, 7, Some(b"a")), Seen::Changed);
    assert!(known.remove(&uid(1)).unwrap().told);
}

#[test]
fn a_version_never_goes_back() {
    let mut known = Known::default();
    see(&mut known, 1, 9, Some(b"a"));
    see(&mut known, 1, 4, Some(b"b"));
    assert_eq!(known.version(&uid(1)).unwrap().0, 9);
}

#[test]
fn names_come_back_as_they_were() {
    let mut known = Known::default();
    see(&mut known, 1, 1, Some(b"a"));
    known.see(&uid(2), None, "node-1", 1, Some(b"a"));
    let pod = known.remove(&uid(1)).unwrap();
    assert_eq!((pod.namespace.as_deref(), &*pod.name), (Some("shop"), "web-1"));
    let node = known.remove(&uid(2)).unwrap();
    assert_eq!((node.namespace.as_deref(), &*node.name), (None, "node-1"));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(96) })]
    #[test]
    fn it_knows_what_a_plain_map_knows(steps in prop::collection::vec((0_usize..60, 0_u8..5), 0..400)) {
        let mut known = Known::default();
        let mut plain: HashMap<usize, (u64, bool)> = HashMap::new();
        // Of many lengths, so that a name that is read at another's place is found out.
        let name = |n: usize| format!("web-{n}-{}", "x".repeat(n));
        let told = |gone: Gone| (gone.uid, gone.namespace, gone.name);
        let expected = |n: usize| (uid(n), (!n.is_multiple_of(3)).then(|| "shop".into()), name(n).into());
        for (at, (n, what)) in steps.into_iter().enumerate() {
            let version = at as u64 + 1;
            match what {
                0..=2 => {
                    known.see(&uid(n), (n % 3 > 0).then_some("shop"), &name(n), version, (what < 2).then_some(b"x"));
                    plain.insert(n, (version, true));
                }
                3 => prop_assert_eq!(known.remove(&uid(n)).map(told), plain.remove(&n).map(|_| expected(n))),
                _ if n < 55 => {
                    known.begin_list();
                    plain.values_mut().for_each(|(_, listed)| *listed = false);
                }
                _ => {
                    let mut gone = Vec::new();
                    known.remove_unseen(|it| gone.push(told(it)));
                    let mut unseen: Vec<_> = plain.iter().filter(|(_, it)| !it.1).map(|(n, _)| expected(*n)).collect();
                    plain.retain(|_, it| it.1);
                    gone.sort();
                    unseen.sort();
                    prop_assert_eq!(gone, unseen);
                }
            }
            prop_assert_eq!(known.len(), plain.len());
            for n in 0..60 {
                prop_assert_eq!(known.version(&uid(n)), plain.get(&n).copied());
            }
        }
    }
}
