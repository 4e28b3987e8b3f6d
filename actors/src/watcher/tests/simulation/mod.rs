// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! A simulated API server that lags, fails, compacts, loses and doubles, and a model of what the platform is told: at
//! the end they are the same.

mod cluster;
mod platform;
mod world;

use obsyk_domain::ports::ReadError;
use proptest::prelude::*;

use world::World;

#[derive(Clone, Debug)]
enum Step {
    Put { name: u8, touch: bool, undecodable: bool },
    Delete { name: u8 },
    Deliver { most: usize },
    Bookmark,
    Fail(ReadError),
    End,
    Lose,
    Double,
    Compact,
    Lag(u64),
    Restore(u64),
    Relist,
    Reply { refuse: bool },
    Wake,
}

fn step(restores: bool) -> impl Strategy<Value = Step> {
    let error = prop_oneof![
        Just(ReadError::Expired),
        Just(ReadError::Forbidden),
        Just(ReadError::Unsupported),
        Just(ReadError::Undecodable),
        Just(ReadError::Unreachable),
        Just(ReadError::Status(500)),
    ];
    prop_oneof![
        6 => (0_u8..6, any::<bool>(), prop::bool::weighted(0.1))
            .prop_map(|(name, touch, undecodable)| Step::Put { name, touch, undecodable }),
        3 => (0_u8..6).prop_map(|name| Step::Delete { name }),
        8 => (1_usize..12).prop_map(|most| Step::Deliver { most }),
        1 => Just(Step::Bookmark),
        2 => error.prop_map(Step::Fail),
        1 => Just(Step::End),
        1 => Just(Step::Lose),
        1 => Just(Step::Double),
        1 => Just(Step::Compact),
        2 => (0_u64..8).prop_map(Step::Lag),
        1 => (0_u64..20).prop_map(move |back| if restores { Step::Restore(back) } else { Step::Wake }),
        2 => Just(Step::Relist),
        6 => prop::bool::weighted(0.1).prop_map(|refuse| Step::Reply { refuse }),
        3 => Just(Step::Wake),
    ]
}

fn converges(steps: Vec<Step>) {
    let mut world = World::new();
    for step in steps {
        world.step(step);
    }
    // One more snapshot, as there is each day: events may be lost.
    world.due = true;
    world.settle();
    world.platform.compare(&world.cluster);
    for name in 0..6 {
        world.cluster.put(name, false, false);
    }
    world.cluster.delete(3);
    world.settle();
    world.platform.compare(&world.cluster);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]
    #[test]
    fn the_platform_is_told_what_the_cluster_holds(steps in prop::collection::vec(step(false), 0..150)) {
        converges(steps);
    }

    #[test]
    fn restored_backups_are_told_too(steps in prop::collection::vec(step(true), 0..150)) {
        converges(steps);
    }
}
