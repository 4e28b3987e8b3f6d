// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Faults that begin and end, and what they make of the world meanwhile.

mod churn;
mod deeds;

use std::time::Duration;

use obsyk_domain::answer::Fault as Loss;

use crate::cluster::Api;
use crate::plan::{Death, Fault, FaultKind};
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
        let Some(fault) = self
            .fault(number)
            .filter(|_| self.now().elapsed() < self.plan.faults_until)
        else {
            return;
        };
        self.record(|| format!("fault {number}: {fault:?}"));
        self.coverage.fire(fault.row);
        self.active.insert(number);
        self.plan_in(fault.lasts, Happening::FaultEnds(number));
        self.set_weather();
        match fault.what {
            FaultKind::ApiDown => self.cut_streams(1.0),
            FaultKind::Resets => self.cut_streams(0.7),
            FaultKind::Compaction => {
                self.cluster.compact();
                for feed in self.feeds.values_mut() {
                    feed.expire(&mut self.dice, &self.saboteur);
                }
                self.stir_all();
            }
            FaultKind::Restore(back) => self.restore(back),
            FaultKind::Losses { .. } => self.mistrust_all(),
            FaultKind::Lag(_) if self.dice.happens(0.5) => {
                // Without a list nothing would show the lag.
                for feed in self.feeds.values_mut() {
                    feed.expire(&mut self.dice, &self.saboteur);
                }
                self.stir_all();
            }
            FaultKind::Forbid(kind) | FaultKind::Absent(kind) => self.cut_kind(kind),
            FaultKind::Broken { kind, metadata } => self.break_objects(kind, metadata),
            FaultKind::CreatedAgain(kind) => {
                for object in self.all(kind) {
                    self.create_again(kind, &object);
                    self.changed(kind);
                }
            }
            FaultKind::AllDeleted(kind) => self.delete_all(kind),
            FaultKind::Storm { .. } => self.plan_in(Duration::ZERO, Happening::Storms(number)),
            FaultKind::EditedRate { per_second, burst } => self.edit(|spec| {
                spec.rate_limit.events_per_second = per_second;
                spec.rate_limit.burst_size = burst;
            }),
            FaultKind::EditedSync => {
                let minutes = self.dice.within(1, 10);
                self.edit(|spec| spec.sync_interval = format!("{minutes}m"));
            }
            FaultKind::EditedName => {
                self.names += 1;
                let name = format!("prod-{}", self.names);
                self.edit(|spec| spec.cluster_name = name);
            }
            FaultKind::EditedPlatform => self.edit(|spec| {
                let url = if spec.platform_url == HERE { THERE } else { HERE };
                spec.platform_url = url.to_owned();
            }),
            FaultKind::Invalid => self.edit(|spec| spec.sync_interval = "soon".to_owned()),
            FaultKind::CreatedAnew => self.remove_resource("agent"),
            FaultKind::Another { same_platform } => self.add_another(same_platform),
            FaultKind::Secret(trouble) => self.spoil_secret(trouble),
            FaultKind::Flapping => self.plan_in(FLAPS, Happening::Flips(number)),
            FaultKind::Revoked { times } => self.revoke(number, times),
            FaultKind::Forgets => {
                for platform in self.wire.platforms.values_mut() {
                    platform.forget();
                }
            }
            FaultKind::Clock => self.skew = Duration::from_secs(600),
            FaultKind::Death(death) => self.die(death),
            FaultKind::Changes { .. } | FaultKind::Creations { .. } | FaultKind::Relabels { .. } => {
                self.plan_in(Duration::ZERO, Happening::Storms(number));
            }
            FaultKind::Fat(padding) => self.resize(padding),
            FaultKind::RefusedWatch(kind, _) => self.cut_kind(kind),
            FaultKind::Dislikes(mishap) => self.dislike(number, mishap),
            FaultKind::Lag(_)
            | FaultKind::SlowLists(_)
            | FaultKind::Busy(_)
            | FaultKind::NoStreams
            | FaultKind::Endless
            | FaultKind::ExpiringWatch(_)
            | FaultKind::Weather(_)
            | FaultKind::Tokens(_) => {}
        }
        self.cluster.note_readability(self.now());
    }

    /// A fault ends, if it didn't before.
    pub(crate) fn end(&mut self, number: usize) {
        let Some(fault) = self.fault(number).filter(|_| self.active.remove(&number)) else {
            return;
        };
        self.record(|| format!("fault {number} ends"));
        self.set_weather();
        match fault.what {
            FaultKind::ApiDown | FaultKind::Restore(_) => {
                self.report_resources();
                self.report_secrets();
            }
            FaultKind::Lag(_) => self.stir_all(),
            FaultKind::Losses { .. } => self.mistrust_all(),
            FaultKind::Broken { kind, .. } => self.mend_objects(kind),
            FaultKind::Storm { fat: true, .. } | FaultKind::Fat(_) | FaultKind::Relabels { .. } => self.resize(0),
            FaultKind::EditedRate { .. } => {
                let (per_second, burst) = (self.plan.per_second, self.plan.burst);
                self.edit(|spec| {
                    spec.rate_limit.events_per_second = per_second;
                    spec.rate_limit.burst_size = burst;
                });
            }
            FaultKind::Invalid => self.edit(|spec| spec.sync_interval = "5m".to_owned()),
            FaultKind::CreatedAnew if !self.resources.contains_key(&key("agent")) => {
                self.create_resource("agent", HERE)
            }
            FaultKind::Another { .. } => self.remove_resource("another"),
            FaultKind::Secret(_) => self.mend_secret(),
            FaultKind::Clock => self.skew = Duration::ZERO,
            FaultKind::Death(Death::Kill | Death::Terminate) => {
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
        self.expect.heal();
        // A restored backup may have brought broken objects back.
        for kind in self.plan.kinds.clone() {
            self.mend_objects(kind);
        }
        self.cluster.note_readability(self.now());
        // An object that a platform refused is sent again when it changes.
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

    /// Applies the active faults to the API server and the wire.
    fn set_weather(&mut self) {
        let mut api = Api::default();
        let mut weather: Vec<Weather> = Vec::new();
        self.wire.tokens = None;
        for number in &self.active {
            let Some(fault) = self.plan.faults.get(*number) else {
                continue;
            };
            match &fault.what {
                FaultKind::ApiDown | FaultKind::Restore(_) => api.down = true,
                FaultKind::Losses {
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
                FaultKind::Lag(lag) => api.lag = api.lag.max(*lag),
                FaultKind::SlowLists(wait) => api.slow = *wait,
                FaultKind::Busy(wait) => api.busy = Some(*wait),
                FaultKind::NoStreams => api.no_streams = true,
                FaultKind::Forbid(kind) => api.forbidden.insert(*kind),
                FaultKind::Absent(kind) => api.absent.insert(*kind),
                FaultKind::Weather(all) => weather.extend(all.iter().cloned()),
                FaultKind::Endless => api.endless = true,
                FaultKind::ExpiringWatch(kind) => api.expiring_watch = Some(*kind),
                FaultKind::RefusedWatch(kind, error) => api.refused_watch = Some((*kind, *error)),
                FaultKind::Tokens(trouble) => self.wire.tokens = Some(*trouble),
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
