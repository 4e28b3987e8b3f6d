// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Faults that begin and end, and what they make of the world meanwhile.

mod churn;
mod deeds;

use std::time::Duration;

use obsyk_domain::answer::Fault as Loss;

use crate::cluster::Api;
use crate::plan::{Death, Fault, What};
use crate::setting::{HERE, THERE, key};
use crate::wire::{Mishap, Weather};
use crate::world::{Command, Happening, World};

/// While an outage flaps, it comes and goes this often.
const FLAPS: Duration = Duration::from_secs(2);

/// The padding of fat objects: a few dozen of them are more than the ledger holds.
const FAT: usize = 150_000;

impl World {
    fn fault(&self, number: usize) -> Option<Fault> {
        self.plan.faults.get(number).cloned()
    }

    /// A fault begins.
    pub(crate) fn begin(&mut self, number: usize) {
        let Some(fault) = self.fault(number).filter(|_| self.now().elapsed() < self.plan.trouble) else {
            return;
        };
        self.tell(|| format!("fault {number}: {fault:?}"));
        self.coverage.fire(fault.row);
        self.active.insert(number);
        self.plan_in(fault.lasts, Happening::FaultEnds(number));
        self.set_weather();
        match fault.what {
            What::ApiDown => self.cut_streams(1.0),
            What::Resets => self.cut_streams(0.7),
            What::Compaction => {
                self.cluster.compact();
                for feed in self.feeds.values_mut() {
                    feed.expire(&mut self.dice, &self.saboteur);
                }
                self.stir_all();
            }
            What::Restore(back) => self.restore(back),
            What::Losses { .. } => self.mistrust_all(),
            What::Lag(_) if self.dice.happens(0.5) => {
                // Without a list nothing would show the lag.
                for feed in self.feeds.values_mut() {
                    feed.expire(&mut self.dice, &self.saboteur);
                }
                self.stir_all();
            }
            What::Forbid(kind) | What::Absent(kind) => self.cut_kind(kind),
            What::Broken { kind, metadata } => self.break_objects(kind, metadata),
            What::CreatedAgain(kind) => {
                for object in self.all(kind) {
                    self.create_again(kind, &object);
                    self.changed(kind);
                }
            }
            What::AllDeleted(kind) => self.delete_all(kind),
            What::Storm { .. } => self.plan_in(Duration::ZERO, Happening::Storms(number)),
            What::EditedRate { per_second, burst } => self.edit(|spec| {
                spec.rate_limit.events_per_second = per_second;
                spec.rate_limit.burst_size = burst;
            }),
            What::EditedSync => {
                let minutes = self.dice.within(1, 10);
                self.edit(|spec| spec.sync_interval = format!("{minutes}m"));
            }
            What::EditedName => {
                self.names += 1;
                let name = format!("prod-{}", self.names);
                self.edit(|spec| spec.cluster_name = name);
            }
            What::EditedPlatform => self.edit(|spec| {
                let url = if spec.platform_url == HERE { THERE } else { HERE };
                spec.platform_url = url.to_owned();
            }),
            What::Invalid => self.edit(|spec| spec.sync_interval = "soon".to_owned()),
            What::CreatedAnew => self.remove_resource("agent"),
            What::Another { same_platform } => self.add_another(same_platform),
            What::Secret(trouble) => self.spoil_secret(trouble),
            What::Flapping => self.plan_in(FLAPS, Happening::Flips(number)),
            What::Revoked { times } => self.revoke(number, times),
            What::Forgets => {
                for platform in self.wire.platforms.values_mut() {
                    platform.forget();
                }
            }
            What::Clock => self.skew = Duration::from_secs(600),
            What::Death(death) => self.die(death),
            What::Changes { .. } | What::Creations { .. } | What::Relabels { .. } => {
                self.plan_in(Duration::ZERO, Happening::Storms(number));
            }
            What::Fat(padding) => self.resize(padding),
            What::RefusedWatch(kind, _) => self.cut_kind(kind),
            What::Dislikes(mishap) => self.dislike(number, mishap),
            What::Lag(_)
            | What::SlowLists(_)
            | What::Busy(_)
            | What::NoStreams
            | What::Endless
            | What::ExpiringWatch(_)
            | What::Weather(_)
            | What::Tokens(_) => {}
        }
        self.cluster.note_readability(self.now());
    }

    /// A fault ends, if it didn't before.
    pub(crate) fn end(&mut self, number: usize) {
        let Some(fault) = self.fault(number).filter(|_| self.active.remove(&number)) else {
            return;
        };
        self.tell(|| format!("fault {number} ends"));
        self.set_weather();
        match fault.what {
            What::ApiDown | What::Restore(_) => {
                self.tell_resources();
                self.tell_secrets();
            }
            What::Lag(_) => self.stir_all(),
            What::Losses { .. } => self.mistrust_all(),
            What::Broken { kind, .. } => self.mend_objects(kind),
            What::Storm { fat: true, .. } | What::Fat(_) | What::Relabels { .. } => self.resize(0),
            What::EditedRate { .. } => {
                let (per_second, burst) = (self.plan.per_second, self.plan.burst);
                self.edit(|spec| {
                    spec.rate_limit.events_per_second = per_second;
                    spec.rate_limit.burst_size = burst;
                });
            }
            What::Invalid => self.edit(|spec| spec.sync_interval = "5m".to_owned()),
            What::CreatedAnew if !self.resources.contains_key(&key("agent")) => self.create_resource("agent", HERE),
            What::Another { .. } => self.remove_resource("another"),
            What::Secret(_) => self.mend_secret(),
            What::Clock => self.skew = Duration::ZERO,
            What::Death(Death::Kill | Death::Terminate) => {
                self.commands.push(Command::Kill);
                self.plan_in(Duration::from_millis(1), Happening::Start);
            }
            _ => {}
        }
        self.cluster.note_readability(self.now());
    }

    /// All faults end.
    pub(crate) fn heal(&mut self) {
        for number in self.active.clone() {
            self.end(number);
        }
        // A restored backup may have brought broken objects back.
        for kind in self.plan.kinds.clone() {
            self.mend_objects(kind);
        }
        self.cluster.note_readability(self.now());
        // What a platform refused is as it was until it changes.
        let refused: Vec<String> = self
            .wire
            .platforms
            .values()
            .flat_map(|platform| platform.refused.iter().cloned())
            .collect();
        for kind in self.plan.kinds.clone() {
            for object in self.all(kind) {
                if refused.iter().any(|uid| **uid == *object.uid) {
                    self.cluster.update(kind, &object);
                    self.changed(kind);
                }
            }
        }
    }

    /// What the active faults make of the API server and of the wire.
    fn set_weather(&mut self) {
        let mut api = Api::default();
        let mut weather: Vec<Weather> = Vec::new();
        self.wire.tokens = None;
        for number in &self.active {
            let Some(fault) = self.plan.faults.get(*number) else {
                continue;
            };
            match &fault.what {
                What::ApiDown | What::Restore(_) => api.down = true,
                What::Losses {
                    lost,
                    deletes,
                    doubled,
                    swapped,
                } => {
                    api.lost += lost;
                    api.lost_deletes += deletes;
                    api.doubled += doubled;
                    api.swapped += swapped;
                }
                What::Lag(lag) => api.lag = api.lag.max(*lag),
                What::SlowLists(wait) => api.slow = *wait,
                What::Busy(wait) => api.busy = Some(*wait),
                What::NoStreams => api.no_streams = true,
                What::Forbid(kind) => api.forbidden.insert(*kind),
                What::Absent(kind) => api.absent.insert(*kind),
                What::Weather(all) => weather.extend(all.iter().cloned()),
                What::Endless => api.endless = true,
                What::ExpiringWatch(kind) => api.expiring_watch = Some(*kind),
                What::RefusedWatch(kind, error) => api.refused_watch = Some((*kind, *error)),
                What::Tokens(trouble) => self.wire.tokens = Some(*trouble),
                _ => {}
            }
        }
        self.cluster.api = api;
        self.wire.weather = weather;
    }

    /// An outage comes or goes.
    pub(crate) fn flip(&mut self, number: usize) {
        if !self.active.contains(&number) {
            return;
        }
        let outage = Mishap::NoConnection(Loss::Connect);
        let before = self.wire.weather.len();
        self.wire.weather.retain(|weather| weather.mishap != outage);
        if self.wire.weather.len() == before {
            self.wire.weather.push(Weather::all(outage));
        }
        self.plan_in(FLAPS, Happening::Flips(number));
    }
}
