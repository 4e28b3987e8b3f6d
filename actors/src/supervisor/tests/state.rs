// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Who gets an agent, and which of several speaks. Driven by hand, with effects in words.

use std::time::Duration;

use obsyk_domain::agent::Policy;
use obsyk_domain::condition::Standing;
use obsyk_domain::time::Moment;

use crate::agent::fakes::{Fixed, an_apply, key};
use crate::supervisor::{Apply, Effect, SupervisorState};

struct Driver {
    state: SupervisorState,
    now: Moment,
    /// The leaves that are asked for and not yet answered, by who leaves.
    leaves: Vec<(String, u64)>,
}

/// A resource that was created at second `created` and reports to `https://<platform>.example`.
fn a_resource(name: &str, created: i64, platform: &str) -> Apply {
    let mut apply = an_apply(name);
    apply.created = created;
    apply.spec.platform_url = format!("https://{platform}.example");
    apply
}

impl Driver {
    /// One that knows all resources: none.
    fn new() -> Self {
        let mut driver = Self::unlisted();
        driver.all_applied();
        driver
    }

    fn unlisted() -> Self {
        Self {
            state: SupervisorState::new(Policy::default()),
            now: Moment::START,
            leaves: Vec::new(),
        }
    }

    fn words(&mut self, effects: Vec<Effect>) -> Vec<String> {
        if let Some(wake) = self.state.wake() {
            assert!(wake > self.now, "wakes at {wake:?}, and it is {:?}", self.now);
        }
        effects.into_iter().map(|effect| self.word(effect)).collect()
    }

    fn word(&mut self, effect: Effect) -> String {
        let standing = |standing: &Standing| match standing {
            Standing::Speaks => "speaks".to_owned(),
            Standing::Duplicate { of } => format!("silent for {}", of.trim_start_matches("obsyk-system/")),
        };
        match effect {
            Effect::Start { key, desired, .. } => format!("start {}: {}", key.name, standing(&desired.standing)),
            Effect::Reconfigure { key, desired, leave } => {
                self.leaves.extend(leave.map(|leave| (key.name.to_string(), leave)));
                format!("tell {}: {}", key.name, standing(&desired.standing))
            }
            Effect::Stop { key, leave } => {
                self.leaves.push((key.name.to_string(), leave));
                format!("stop {}", key.name)
            }
            Effect::GiveUp => "give up".to_owned(),
        }
    }

    fn apply(&mut self, apply: Apply) -> Vec<String> {
        let effects = self.state.on_apply(self.now, apply);
        self.words(effects)
    }

    fn all_applied(&mut self) -> Vec<String> {
        let effects = self.state.on_all_applied(self.now);
        self.words(effects)
    }

    fn remove(&mut self, name: &str) -> Vec<String> {
        let uid = format!("uid-of-{name}");
        let effects = self.state.on_remove(self.now, &key(name), &uid);
        self.words(effects)
    }

    /// The agent that was told to be silent or to stop says that it obeys.
    fn left(&mut self, name: &str) -> Vec<String> {
        let at = self.leaves.iter().position(|(who, _)| who == name).unwrap();
        let (_, leave) = self.leaves.remove(at);
        let effects = self.state.on_left(self.now, leave);
        self.words(effects)
    }

    fn exited(&mut self, name: &str) -> Vec<String> {
        let effects = self.state.on_exited(self.now, &key(name), &mut Fixed(0.5));
        self.words(effects)
    }

    /// The time of the next timer comes.
    fn wake(&mut self) -> Vec<String> {
        self.now = self.state.wake().unwrap();
        let effects = self.state.on_timer(self.now);
        self.words(effects)
    }
}

#[test]
fn a_resource_gets_an_agent_that_speaks() {
    assert_eq!(Driver::new().apply(a_resource("a", 1, "one")), ["start a: speaks"]);
}

#[test]
fn nobody_starts_before_all_resources_are_known() {
    let mut driver = Driver::unlisted();
    assert!(driver.apply(a_resource("a", 2, "one")).is_empty());
    assert!(driver.apply(a_resource("b", 1, "one")).is_empty());
    assert_eq!(driver.all_applied(), ["start a: silent for b", "start b: speaks"]);
}

#[test]
fn a_status_that_changed_is_no_news() {
    let mut driver = Driver::new();
    driver.apply(a_resource("a", 1, "one"));
    let mut with_status = a_resource("a", 1, "one");
    with_status.status = Some(Box::default());
    assert!(driver.apply(with_status).is_empty());
}

#[test]
fn another_generation_is_told() {
    let mut driver = Driver::new();
    driver.apply(a_resource("a", 1, "one"));
    let mut edited = a_resource("a", 1, "one");
    edited.generation = Some(2);
    assert_eq!(driver.apply(edited), ["tell a: speaks"]);
    assert!(driver.leaves.is_empty());
}

#[test]
fn a_resource_that_is_gone_stops_its_agent() {
    let mut driver = Driver::new();
    driver.apply(a_resource("a", 1, "one"));
    assert_eq!(driver.remove("a"), ["stop a"]);
    assert!(driver.left("a").is_empty());
}

#[test]
fn the_end_of_an_older_resource_of_that_name_is_no_news() {
    let mut driver = Driver::new();
    let mut again = a_resource("a", 1, "one");
    again.uid = "another".to_owned();
    driver.apply(again);
    assert!(driver.remove("a").is_empty());
}

#[test]
fn a_resource_that_is_created_again_starts_when_the_old_agent_has_stopped() {
    let mut driver = Driver::new();
    driver.apply(a_resource("a", 1, "one"));
    let mut again = a_resource("a", 5, "one");
    again.uid = "another".to_owned();
    assert_eq!(driver.apply(again), ["stop a"]);
    assert_eq!(driver.left("a"), ["start a: speaks"]);
}

#[test]
fn one_that_is_gone_again_before_the_old_agent_has_stopped_never_starts() {
    let mut driver = Driver::new();
    driver.apply(a_resource("a", 1, "one"));
    let mut again = a_resource("a", 5, "one");
    again.uid = "another".to_owned();
    driver.apply(again);
    let effects = driver.state.on_remove(driver.now, &key("a"), "another");
    assert!(driver.words(effects).is_empty());
    assert!(driver.left("a").is_empty());
}

#[test]
fn the_younger_of_two_is_silent() {
    let mut driver = Driver::new();
    driver.apply(a_resource("b", 1, "one"));
    assert_eq!(driver.apply(a_resource("a", 2, "one")), ["start a: silent for b"]);
}

#[test]
fn of_two_that_are_equally_old_the_first_by_name_speaks() {
    let mut driver = Driver::unlisted();
    driver.apply(a_resource("b", 1, "one"));
    driver.apply(a_resource("a", 1, "one"));
    assert_eq!(driver.all_applied(), ["start a: speaks", "start b: silent for a"]);
}

#[test]
fn two_for_different_platforms_both_speak() {
    let mut driver = Driver::new();
    driver.apply(a_resource("a", 1, "one"));
    assert_eq!(driver.apply(a_resource("b", 2, "two")), ["start b: speaks"]);
}

#[test]
fn another_path_at_the_same_origin_is_the_same_platform() {
    let mut driver = Driver::new();
    driver.apply(a_resource("a", 1, "one"));
    let mut other = a_resource("b", 2, "one");
    other.spec.platform_url = "https://ONE.example:443/sub".to_owned();
    assert_eq!(driver.apply(other), ["start b: silent for a"]);
}

#[test]
fn the_next_takes_over_when_the_one_that_spoke_has_stopped() {
    let mut driver = Driver::new();
    driver.apply(a_resource("a", 1, "one"));
    driver.apply(a_resource("b", 2, "one"));
    driver.apply(a_resource("c", 3, "one"));
    assert_eq!(driver.remove("a"), ["stop a", "tell c: silent for b"]);
    assert_eq!(driver.left("a"), ["tell b: speaks"]);
}

#[test]
fn the_next_takes_over_when_the_one_that_spoke_has_left_for_another_platform() {
    let mut driver = Driver::new();
    driver.apply(a_resource("b", 1, "one"));
    driver.apply(a_resource("a", 2, "one"));
    assert_eq!(driver.apply(a_resource("b", 1, "two")), ["tell b: speaks"]);
    assert_eq!(driver.left("b"), ["tell a: speaks"]);
}

#[test]
fn the_next_takes_over_when_the_one_that_spoke_became_invalid() {
    let mut driver = Driver::new();
    driver.apply(a_resource("a", 1, "one"));
    driver.apply(a_resource("b", 2, "one"));
    let mut invalid = a_resource("a", 1, "one");
    invalid.spec.cluster_name = " ".to_owned();
    driver.apply(invalid);
    assert_eq!(driver.left("a"), ["tell b: speaks"]);
}

#[test]
fn an_older_one_that_comes_from_another_platform_waits_until_the_younger_is_silent() {
    let mut driver = Driver::new();
    driver.apply(a_resource("a", 1, "two"));
    driver.apply(a_resource("b", 2, "one"));
    let words = driver.apply(a_resource("a", 1, "one"));
    assert_eq!(words, ["tell a: silent for b", "tell b: silent for a"]);
    assert!(driver.left("a").is_empty());
    assert_eq!(driver.left("b"), ["tell a: speaks"]);
}

#[test]
fn a_dead_agent_is_built_anew_after_a_backoff_with_the_newest_spec() {
    let mut driver = Driver::new();
    driver.apply(a_resource("a", 1, "one"));
    assert!(driver.exited("a").is_empty());
    assert!(driver.apply(a_resource("a", 1, "two")).is_empty());
    assert_eq!(driver.wake(), ["start a: speaks"]);
    assert_eq!(driver.state.wake(), None);
}

#[test]
fn a_dead_agent_of_a_resource_that_is_gone_is_not_built_anew() {
    let mut driver = Driver::new();
    driver.apply(a_resource("a", 1, "one"));
    driver.exited("a");
    assert!(driver.remove("a").is_empty());
    assert_eq!(driver.state.wake(), None);
}

#[test]
fn an_invalid_resource_has_an_agent_that_says_so() {
    let mut invalid = a_resource("a", 1, "one");
    invalid.spec.platform_url = "ftp://one.example".to_owned();
    assert_eq!(Driver::new().apply(invalid), ["start a: speaks"]);
}

#[test]
fn a_platform_that_is_not_allowed_holds_up_nobody() {
    let mut driver = Driver::new();
    driver.state = SupervisorState::new(Policy {
        allow_insecure_platform: false,
        allowed_platforms: vec!["https://two.example".to_owned()],
    });
    driver.all_applied();
    driver.apply(a_resource("a", 1, "one"));
    driver.apply(a_resource("b", 2, "one"));
    assert_eq!(driver.apply(a_resource("c", 3, "two")), ["start c: speaks"]);
}

#[test]
fn agents_that_die_again_and_again_end_the_process() {
    let mut driver = Driver::new();
    driver.apply(a_resource("a", 1, "one"));
    for n in 0..20 {
        driver.now = Moment::at(Duration::from_secs(n));
        assert!(driver.exited("a").is_empty());
    }
    assert_eq!(driver.exited("a"), ["give up"]);
}

#[test]
fn nobody_starts_after_the_end() {
    let mut driver = Driver::new();
    driver.apply(a_resource("a", 1, "one"));
    driver.apply(a_resource("b", 2, "one"));
    driver.exited("b");
    driver.state.on_end();
    assert!(driver.remove("a").is_empty());
    assert!(driver.apply(a_resource("c", 1, "two")).is_empty());
    assert!(driver.exited("b").is_empty());
    assert_eq!(driver.state.wake(), None);
}
