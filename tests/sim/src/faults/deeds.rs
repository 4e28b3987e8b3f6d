// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The effects of faults, and their ends.

use obsyk_domain::ports::ReadError;
use obsyk_domain::resource::ResourceKind;

use crate::cluster::Health;
use crate::plan::{Death, FaultKind, SecretTrouble};
use crate::setting::{HERE, SECRET, THERE, key};
use crate::world::{Command, Happening, Role, World};

impl World {
    /// Streams are cut, each with this probability, with an error or without.
    pub(super) fn cut_streams(&mut self, likely: f64) {
        let now = self.now();
        for feed in self.feeds.values_mut() {
            if self.dice.happens(likely) {
                feed.cut(self.dice.happens(0.5).then_some(ReadError::Unreachable), &self.saboteur);
                self.cluster.disturb(feed.kind(), now);
            }
        }
        self.stir_all();
    }

    pub(super) fn cut_kind(&mut self, kind: ResourceKind) {
        let cut = self.dice.happens(0.7);
        for feed in self.feeds.values_mut().filter(|feed| feed.kind() == kind) {
            if cut {
                feed.cut(None, &self.saboteur);
            }
        }
        self.stir(kind);
    }

    pub(super) fn stir_all(&mut self) {
        for kind in self.plan.kinds.clone() {
            self.stir(kind);
        }
    }

    pub(super) fn restore(&mut self, back: u64) {
        self.cluster.restore(back);
        self.mistrust_all();
        self.cut_streams(1.0);
        for kind in self.plan.kinds.clone() {
            self.cluster.disturb(kind, self.now());
        }
    }

    pub(super) fn break_objects(&mut self, kind: ResourceKind, metadata: bool) {
        let health = if metadata { Health::BadMetadata } else { Health::BadRest };
        for object in self.all(kind) {
            if self.dice.happens(0.4) {
                self.cluster.set_health(kind, &object, health);
                self.changed(kind);
            }
        }
    }

    pub(super) fn mend_objects(&mut self, kind: ResourceKind) {
        for object in self.all(kind) {
            if !object.is_good() {
                self.cluster.set_health(kind, &object, Health::Good);
                self.changed(kind);
            }
        }
    }

    pub(super) fn remove_resource(&mut self, name: &str) {
        self.resources.remove(&key(name));
        self.report_resources();
    }

    pub(super) fn add_another(&mut self, same_platform: bool) {
        let Some(here) = self.resources.get(&key("agent")).map(|it| it.spec.platform_url.clone()) else {
            return;
        };
        let there = if here == HERE { THERE } else { HERE };
        let platform = if same_platform { here } else { there.to_owned() };
        if !self.resources.contains_key(&key("another")) {
            self.create_resource("another", &platform);
        }
    }

    pub(super) fn spoil_secret(&mut self, trouble: SecretTrouble) {
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
        self.report_secrets();
    }

    pub(super) fn mend_secret(&mut self) {
        self.clients = crate::setting::clients();
        if let Some(first) = self.clients.first() {
            self.secrets.insert(SECRET.to_owned(), Ok(first.clone()));
        }
        self.report_secrets();
    }

    pub(super) fn revoke(&mut self, number: usize, times: u32) {
        for platform in self.wire.platforms.values_mut() {
            platform.revoke();
        }
        if times > 1
            && let Some(fault) = self.plan.faults.get_mut(number)
        {
            fault.what = FaultKind::Revoked { times: times - 1 };
            let wait = self.dice.secs(1, 30);
            self.plan_in(wait, Happening::FaultBegins(number));
        }
    }

    pub(super) fn die(&mut self, death: Death) {
        match death {
            Death::Kill => {
                self.coverage.restarts += u64::from(self.process.is_some());
                self.commands.push(Command::Kill);
                if self.dice.happens(0.3) {
                    let kind = *self.dice.pick(&self.plan.kinds);
                    self.delete_all(kind);
                }
            }
            Death::Terminate => {
                self.coverage.restarts += u64::from(self.process.is_some());
                self.commands.push(Command::Terminate);
            }
            Death::Sender => self.doom(Role::Sender),
            Death::Watcher => {
                self.doom(Role::Watcher);
                self.mistrust_all();
                self.saboteur.watcher_dies();
            }
            Death::Agent => self.doom(Role::Agent),
            Death::Supervisor => self.doom(Role::Supervisor),
        }
    }
}
