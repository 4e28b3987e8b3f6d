// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Random histories of a small cluster: whatever happens, what the ledger promises holds.

use proptest::prelude::*;

use super::world::{Answer, End, KINDS, World};
use crate::resource::ResourceKind;

#[derive(Clone, Debug)]
enum Step {
    Put(ResourceKind, &'static str),
    Remove(ResourceKind, &'static str),
    /// The object is replaced by another of the same name.
    Recreate(ResourceKind, &'static str),
    SetReadable(ResourceKind, bool),
    Send,
    Answer(usize, Answer),
    ParkWaiting(usize),
    Open,
    List(ResourceKind),
    End(End),
    Overflow,
    Flush,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let kind = || prop::sample::select(KINDS.to_vec());
    let name = || prop::sample::select(vec!["a", "b", "c"]);
    let answer = prop_oneof![
        6 => Just(Answer::Accepted),
        2 => Just(Answer::Returned),
        3 => any::<bool>().prop_map(|arrived| Answer::Ambiguous { arrived }),
        2 => any::<bool>().prop_map(|set_aside| Answer::Refused { set_aside }),
    ];
    let end = prop_oneof![
        4 => Just(End::Accepted),
        2 => Just(End::WithoutSetAside),
        1 => Just(End::FirstPart),
        2 => Just(End::Refused),
        2 => any::<bool>().prop_map(|arrived| End::Ambiguous { arrived }),
    ];
    let step = prop_oneof![
        8 => (kind(), name()).prop_map(|(kind, name)| Step::Put(kind, name)),
        4 => (kind(), name()).prop_map(|(kind, name)| Step::Remove(kind, name)),
        4 => (kind(), name()).prop_map(|(kind, name)| Step::Recreate(kind, name)),
        1 => (kind(), any::<bool>()).prop_map(|(kind, readable)| Step::SetReadable(kind, readable)),
        10 => Just(Step::Send),
        8 => (0_usize..8, answer).prop_map(|(which, answer)| Step::Answer(which, answer)),
        1 => (0_usize..8).prop_map(Step::ParkWaiting),
        2 => Just(Step::Open),
        4 => kind().prop_map(Step::List),
        3 => end.prop_map(Step::End),
        1 => Just(Step::Overflow),
        2 => Just(Step::Flush),
    ];
    prop::collection::vec(step, 1..120)
}

fn perform(world: &mut World, step: Step) {
    match step {
        Step::Put(kind, name) => world.put(kind, name),
        Step::Remove(kind, name) => world.remove(kind, name),
        Step::Recreate(kind, name) => {
            world.remove(kind, name);
            world.put(kind, name);
        }
        Step::SetReadable(kind, readable) => world.set_readable(kind, readable),
        Step::Send => drop(world.send()),
        Step::Answer(which, answer) => world.answer(which, answer),
        Step::ParkWaiting(which) => world.park_waiting(which),
        Step::Open => world.open(),
        Step::List(kind) => world.list(kind),
        Step::End(end) => world.end(end),
        Step::Overflow => world.overflow(),
        Step::Flush => {
            world.flush();
            world.expect_told();
        }
    }
    world.check();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]
    #[test]
    fn whatever_happens_nothing_is_lost_and_nothing_goes_back(steps in steps()) {
        let mut world = World::default();
        for step in steps {
            perform(&mut world, step);
        }
        world.flush();
        world.expect_told();
        // A snapshot makes good what was dropped at the bound or refused for good.
        for kind in KINDS {
            world.set_readable(kind, true);
        }
        world.snapshot();
        world.flush();
        world.expect_true();
    }
}
