// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Seeds that failed once, each with what it showed. What was mended has a test of its own where it was; here the whole story
//! goes on being told. A seed that fails is shrunk by the program, which names the faults that it doesn't need.

#![allow(clippy::panic)]

use crate::batch::run;

/// A seed, the faults that it goes without, and what it showed.
struct Mended {
    seed: u64,
    without: &'static [usize],
    showed: &'static str,
}

const MENDED: [Mended; 2] = [
    Mended {
        seed: 3650,
        without: &[],
        showed: "a restored backup whose versions had passed the last seen one before a watch asked again",
    },
    Mended {
        seed: 3650,
        without: &[0, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 15, 16, 17, 18, 19, 20],
        showed: "the same, alone",
    },
];

#[test]
fn seeds_that_failed_once_do_not_fail_again() {
    for Mended { seed, without, showed } in MENDED {
        let ran = run(seed, &without.iter().copied().collect(), None, false);
        if let Some(wrong) = ran.wrong {
            panic!("seed {seed} without {without:?} ({showed}): {wrong}");
        }
    }
}
