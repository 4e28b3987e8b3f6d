// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Whatever the platform answers and in whatever order things happen: once it answers well, it holds what the cluster
//! holds. The watchdog looks at each step on the way.

use obsyk_domain::answer::Outcome;
use obsyk_domain::token::TokenError;
use proptest::prelude::*;

use super::samples::{NO_CONNECTION, OK, TIMED_OUT, status, status_after};
use super::world::{SLOTS, Step, World};

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        6 => Just(OK),
        2 => Just(NO_CONNECTION),
        2 => Just(TIMED_OUT),
        2 => Just(status(500)),
        1 => prop::sample::select(vec![400, 401, 403, 404, 409, 410, 413, 422, 302]).prop_map(status),
        1 => Just(status_after(429, 3)),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..SLOTS, prop::bool::weighted(0.3), prop::bool::weighted(0.05))
            .prop_map(|(slot, gone, large)| Step::Change { slot, gone, large }),
        8 => (any::<usize>(), outcome(), any::<bool>())
            .prop_map(|(which, outcome, carried_out)| Step::Answer { which, outcome, carried_out }),
        3 => prop_oneof![
            4 => Just(None),
            1 => Just(Some(TokenError::NotAToken)),
            1 => Just(Some(TokenError::Answer(status(403)))),
        ].prop_map(Step::Token),
        4 => prop_oneof![0..2_000_u64, 0..400_000_u64].prop_map(Step::Pass),
        1 => Just(Step::Beat),
        4 => prop::bool::weighted(0.1).prop_map(|leave_out| Step::Snapshot { leave_out }),
        1 => any::<bool>().prop_map(Step::Key),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn once_the_platform_answers_well_it_holds_what_the_cluster_holds(steps in prop::collection::vec(step(), 1..120)) {
        let mut world = World::new();
        for step in &steps {
            world.take(step);
        }
        world.heal();
        prop_assert!(world.watchers_are_awake(), "a watcher was refused and never asked to list");
        prop_assert!(world.differing() <= world.set_aside(), "only what is set aside may differ");
        world.a_day_passes();
        prop_assert_eq!(world.differing(), 0, "after the next snapshot nothing differs");
    }
}
