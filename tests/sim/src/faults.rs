// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Changes of the cluster, and faults that begin and end.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use obsyk_domain::answer::Fault as Loss;
use obsyk_domain::resource::ResourceKind;

use crate::cluster::{Api, Health, Object};
use crate::coverage::Reached;
use crate::plan::{Death, Fault, SecretTrouble, TROUBLE, What};
use crate::setting::{HERE, SECRET, THERE, key};
use crate::wire::{Mishap, Weather};
use crate::world::{Happening, World};

/// The padding of fat objects: a few dozen of them are more than the ledger holds.
const FAT: usize = 150_000;

/// While an outage flaps, it comes and goes this often.
const FLAPS: Duration = Duration::from_secs(2);

/// A kind never has more objects than this many times those at the start.
const GROWTH: usize = 3;

impl World {
    fn changed(&mut self, kind: ResourceKind) {
        self.coverage.changes += 1;
        if !self.operator.runs() && self.cluster.count(kind) == 0 {
            self.coverage.reach(Reached::LastOfKindDeletedWhileDown);
        }
        self.stir(kind);
    }

    /// Something changes in the cluster, and then the next thing.
    pub(crate) fn churn(&mut self) {
        if self.now.elapsed() >= TROUBLE {
            return;
        }
        if !self.cluster.api.down {
            let kind = *self.dice.pick(&self.plan.kinds);
            self.change(kind);
        }
        let wait = self.dice.wait(self.plan.pace);
        self.queue.plan(self.now + wait, Happening::Churn);
    }

    fn change(&mut self, kind: ResourceKind) {
        let count = self.cluster.count(kind);
        let at = self.dice.below(count);
        let object = self.cluster.objects(kind).nth(at).cloned();
        let throw = self.dice.within(0, 99);
        let crowded = count > GROWTH * self.plan.objects;
        match object {
            None => self.create(kind),
            Some(_) if throw < 15 && !crowded => self.create(kind),
            Some(object) if throw < 28 || (crowded && throw < 40) => self.cluster.delete(kind, &object),
            Some(object) if throw < 33 => self.create_again(kind, &object),
            Some(object) if throw < 45 => self.cluster.touch(kind, &object),
            Some(object) => self.cluster.update(kind, &object),
        }
        self.changed(kind);
    }

    fn create_again(&mut self, kind: ResourceKind, object: &Rc<Object>) {
        self.cluster.delete(kind, object);
        self.cluster.create(kind, &object.name, 0);
    }

    fn all(&self, kind: ResourceKind) -> Vec<Rc<Object>> {
        self.cluster.objects(kind).cloned().collect()
    }

    /// Each object says something new.
    pub(crate) fn change_everything(&mut self) {
        for kind in self.plan.kinds.clone() {
            for object in self.all(kind) {
                self.cluster.update(kind, &object);
                self.changed(kind);
            }
            self.create(kind);
            self.changed(kind);
        }
    }

    fn fault(&self, number: usize) -> Option<Fault> {
        self.plan.faults.get(number).cloned()
    }

    /// A fault begins.
    pub(crate) fn begin(&mut self, number: usize) {
        let Some(fault) = self.fault(number).filter(|_| self.now.elapsed() < TROUBLE) else {
            return;
        };
        self.tell(|| format!("fault {number}: {fault:?}"));
        self.coverage.fire(fault.row);
        self.active.insert(number);
        self.queue.plan(self.now + fault.lasts, Happening::FaultEnds(number));
        self.set_weather();
        match fault.what {
            What::ApiDown => self.cut_streams(1.0),
            What::Resets => self.cut_streams(0.7),
            What::Compaction => {
                self.cluster.compact();
                for (feed, _) in self.feeds.values_mut() {
                    feed.expire(&mut self.dice);
                }
                self.stir_all();
            }
            What::Restore(back) => self.restore(back),
            What::Losses { .. } => self.mistrust_all(),
            What::Forbid(kind) | What::Absent(kind) => self.cut_kind(kind),
            What::Broken { kind, metadata } => self.break_objects(kind, metadata),
            What::CreatedAgain(kind) => {
                for object in self.all(kind) {
                    self.create_again(kind, &object);
                    self.changed(kind);
                }
            }
            What::AllDeleted(kind) => {
                for object in self.all(kind) {
                    self.cluster.delete(kind, &object);
                    self.changed(kind);
                }
            }
            What::Storm { .. } => self.queue.plan(self.now, Happening::Storms(number)),
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
            What::Flapping => self.queue.plan(self.now + FLAPS, Happening::Flips(number)),
            What::Revoked { times } => self.revoke(number, times),
            What::Forgets => {
                for platform in self.wire.platforms.values_mut() {
                    platform.forget();
                }
            }
            What::Clock => self.skew = Duration::from_secs(600),
            What::Death(death) => self.die(death),
            What::Lag(_)
            | What::SlowLists(_)
            | What::Busy(_)
            | What::NoStreams
            | What::Weather(_)
            | What::Tokens(_) => {}
        }
        self.cluster.note_readability(self.now);
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
            What::Storm { fat: true, .. } => self.slim(),
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
                if self.terminating {
                    self.kill();
                }
                self.queue.plan(self.now, Happening::Start);
            }
            _ => {}
        }
        self.cluster.note_readability(self.now);
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
        self.cluster.note_readability(self.now);
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
                What::Weather(all) => weather.extend(all),
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
            self.wire.weather.push(Weather {
                mishap: outage,
                likely: 1.0,
                endpoint: None,
            });
        }
        self.queue.plan(self.now + FLAPS, Happening::Flips(number));
    }

    /// Many changes in little time.
    pub(crate) fn storm(&mut self, number: usize) {
        let Some(What::Storm { per_second, fat }) = self.fault(number).map(|fault| fault.what) else {
            return;
        };
        if !self.active.contains(&number) || self.cluster.api.down {
            return;
        }
        if fat {
            self.fatten();
            return;
        }
        let kind = *self.dice.pick(&self.plan.kinds);
        if let Some(object) = self.all(kind).first().cloned() {
            self.cluster.update(kind, &object);
            self.changed(kind);
        }
        self.change(kind);
        let wait = Duration::from_secs(2) / u32::try_from(per_second).unwrap_or(1);
        self.queue.plan(self.now + wait, Happening::Storms(number));
    }

    /// Every object of every kind becomes fat.
    fn fatten(&mut self) {
        self.resize(FAT);
    }

    fn slim(&mut self) {
        self.resize(0);
    }

    fn resize(&mut self, padding: usize) {
        for kind in self.plan.kinds.clone() {
            for object in self.all(kind) {
                let resized = Object {
                    padding,
                    ..(*object).clone()
                };
                self.cluster.update(kind, &resized);
                self.changed(kind);
            }
        }
    }

    /// Streams are cut, each with this probability, with an error or without.
    fn cut_streams(&mut self, likely: f64) {
        for (feed, _) in self.feeds.values_mut() {
            if self.dice.happens(likely) {
                let error = obsyk_domain::ports::ReadError::Unreachable;
                feed.cut(self.dice.happens(0.5).then_some(error));
                self.cluster.disturb(feed.kind(), self.now);
            }
        }
        self.stir_all();
    }

    fn cut_kind(&mut self, kind: ResourceKind) {
        let cut = self.dice.happens(0.7);
        for (feed, _) in self.feeds.values_mut().filter(|(feed, _)| feed.kind() == kind) {
            if cut {
                feed.cut(None);
            }
        }
        self.stir(kind);
    }

    fn stir_all(&mut self) {
        for kind in self.plan.kinds.clone() {
            self.stir(kind);
        }
    }

    fn restore(&mut self, back: u64) {
        self.cluster.restore(back);
        self.mistrust_all();
        self.cut_streams(1.0);
        for kind in self.plan.kinds.clone() {
            self.cluster.disturb(kind, self.now);
        }
    }

    fn break_objects(&mut self, kind: ResourceKind, metadata: bool) {
        let health = if metadata { Health::BadMetadata } else { Health::BadRest };
        for object in self.all(kind) {
            if self.dice.happens(0.4) {
                self.cluster.set_health(kind, &object, health);
                self.changed(kind);
            }
        }
    }

    fn mend_objects(&mut self, kind: ResourceKind) {
        for object in self.all(kind) {
            if !object.is_good() {
                self.cluster.set_health(kind, &object, Health::Good);
                self.changed(kind);
            }
        }
    }

    fn remove_resource(&mut self, name: &str) {
        self.resources.remove(&key(name));
        self.tell_resources();
    }

    fn add_another(&mut self, same_platform: bool) {
        let Some(here) = self.resources.get(&key("agent")).map(|it| it.spec.platform_url.clone()) else {
            return;
        };
        let there = if here == HERE { THERE } else { HERE };
        let platform = if same_platform { here } else { there.to_owned() };
        if !self.resources.contains_key(&key("another")) {
            self.create_resource("another", &platform);
        }
    }

    fn spoil_secret(&mut self, trouble: SecretTrouble) {
        let all = crate::setting::clients();
        let secret = match (trouble, all.as_slice()) {
            (SecretTrouble::Bad(error), _) => Err(error),
            (SecretTrouble::OtherKey, [_, other, _]) => Ok(other.clone()),
            (SecretTrouble::OtherClient, [_, _, other]) => Ok(other.clone()),
            (SecretTrouble::Revoked, [first, rest @ ..]) => {
                self.clients = rest.to_vec();
                for platform in self.wire.platforms.values_mut() {
                    platform.revoke();
                }
                Ok(first.clone())
            }
            _ => return,
        };
        self.secrets.insert(SECRET.to_owned(), secret);
        self.tell_secrets();
    }

    fn mend_secret(&mut self) {
        self.clients = crate::setting::clients();
        if let Some(first) = self.clients.first() {
            self.secrets.insert(SECRET.to_owned(), Ok(first.clone()));
        }
        self.tell_secrets();
    }

    fn revoke(&mut self, number: usize, times: u32) {
        for platform in self.wire.platforms.values_mut() {
            platform.revoke();
        }
        if times > 1
            && let Some(fault) = self.plan.faults.get_mut(number)
        {
            fault.what = What::Revoked { times: times - 1 };
            let wait = self.dice.secs(1, 30);
            self.queue.plan(self.now + wait, Happening::FaultBegins(number));
        }
    }

    fn die(&mut self, death: Death) {
        let ids: BTreeMap<u64, bool> = match death {
            Death::Kill => {
                self.coverage.restarts += u64::from(self.operator.runs());
                self.kill();
                if self.dice.happens(0.3) {
                    let kind = *self.dice.pick(&self.plan.kinds);
                    for object in self.all(kind) {
                        self.cluster.delete(kind, &object);
                        self.changed(kind);
                    }
                }
                return;
            }
            Death::Terminate => {
                self.coverage.restarts += u64::from(self.operator.runs());
                self.terminate();
                return;
            }
            Death::Sender => self.operator.senders.keys().map(|id| (*id, false)).collect(),
            Death::Watcher => self.operator.watchers.keys().map(|id| (*id, false)).collect(),
            Death::Agent => self.operator.agents.keys().map(|id| (*id, true)).collect(),
        };
        let ids: Vec<(u64, bool)> = ids.into_iter().collect();
        if ids.is_empty() {
            return;
        }
        let (id, is_agent) = *self.dice.pick(&ids);
        if is_agent {
            self.lose_agent(id);
        } else {
            self.lose_child(id);
        }
    }
}
