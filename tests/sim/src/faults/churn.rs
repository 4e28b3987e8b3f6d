// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Changes of the cluster: one after the other, or many at once.

use std::rc::Rc;
use std::time::Duration;

use obsyk_domain::resource::ResourceKind;

use super::FAT;
use crate::cluster::Object;
use crate::coverage::Reached;
use crate::plan::FaultKind;
use crate::wire::{Mishap, Weather};
use crate::world::{Happening, World};

/// A kind never has more objects than this many times those at the start.
const GROWTH: usize = 3;

impl World {
    pub(super) fn changed(&mut self, kind: ResourceKind) {
        self.coverage.changes += 1;
        if self.process.is_none() && self.cluster.count(kind) == 0 {
            self.coverage.reach(Reached::LastOfKindDeletedWhileDown);
        }
        self.stir(kind);
    }

    /// Something changes in the cluster, and then the next thing.
    pub(crate) fn churn(&mut self) {
        if self.now().elapsed() >= self.plan.faults_until {
            return;
        }
        if !self.cluster.api.down {
            let kind = *self.dice.pick(&self.plan.kinds);
            self.change(kind);
        }
        let wait = self.dice.wait(self.plan.pace);
        self.plan_in(wait, Happening::Churn);
    }

    fn change(&mut self, kind: ResourceKind) {
        let count = self.cluster.count(kind);
        let at = self.dice.below(count);
        let object = self.cluster.objects(kind).nth(at).cloned();
        let throw = self.dice.within(0, 99);
        let crowded = count > GROWTH * self.plan.objects;
        match object {
            Some(object) if self.plan.updates_only || self.expect.is_refused(&object.uid) => {
                self.cluster.update(kind, &object);
            }
            None => self.create(kind),
            Some(_) if throw < 15 && !crowded => self.create(kind),
            Some(object) if throw < 28 || (crowded && throw < 40) => self.cluster.delete(kind, &object),
            Some(object) if throw < 33 => self.create_again(kind, &object),
            Some(object) if throw < 45 => self.cluster.touch(kind, &object),
            Some(object) => self.cluster.update(kind, &object),
        }
        self.changed(kind);
    }

    pub(super) fn create_again(&mut self, kind: ResourceKind, object: &Rc<Object>) {
        self.cluster.delete(kind, object);
        self.cluster.create(kind, &object.name, self.plan.padding);
    }

    pub(super) fn all(&self, kind: ResourceKind) -> Vec<Rc<Object>> {
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

    /// Many changes in little time.
    pub(crate) fn storm(&mut self, number: usize) {
        let Some(what) = self.fault(number).map(|fault| fault.what) else {
            return;
        };
        if !self.active.contains(&number) {
            return;
        }
        if self.cluster.api.down {
            self.plan_in(Duration::from_secs(1), Happening::Storms(number));
            return;
        }
        let wait = match what {
            FaultKind::Storm { fat: true, .. } => {
                self.resize(FAT);
                return;
            }
            FaultKind::Storm { per_second, .. } => {
                let kind = *self.dice.pick(&self.plan.kinds);
                if let Some(object) = self.all(kind).first().cloned() {
                    self.cluster.update(kind, &object);
                    self.changed(kind);
                }
                self.change(kind);
                Duration::from_secs(2) / u32::try_from(per_second).unwrap_or(1)
            }
            FaultKind::Changes { per_second } => {
                let kind = *self.dice.pick(&self.plan.kinds);
                let objects = self.all(kind);
                if let Some(object) = objects.get(self.dice.below(objects.len())) {
                    self.cluster.update(kind, object);
                    self.changed(kind);
                }
                Duration::from_secs(1) / per_second
            }
            FaultKind::Creations { every } => {
                let kind = *self.dice.pick(&self.plan.kinds);
                self.create(kind);
                self.changed(kind);
                every
            }
            FaultKind::Relabels { count, padding, every } => {
                let kinds = self.plan.kinds.clone();
                let objects = kinds.iter().flat_map(|kind| {
                    let objects: Vec<_> = self.cluster.objects(*kind).cloned().collect();
                    objects.into_iter().map(|object| (*kind, object))
                });
                for (kind, object) in objects.take(count).collect::<Vec<_>>() {
                    let relabelled = Object {
                        padding,
                        ..(*object).clone()
                    };
                    self.cluster.update(kind, &relabelled);
                    self.changed(kind);
                }
                every
            }
            _ => return,
        };
        self.plan_in(wait, Happening::Storms(number));
    }

    /// From here on the platform refuses one object, in whichever body it is.
    pub(super) fn dislike(&mut self, number: usize, mishap: Mishap) {
        let kind = *self.dice.pick(&self.plan.kinds);
        let Some(object) = self.all(kind).first().cloned() else {
            return;
        };
        self.expect.refuse(Rc::clone(&object.uid));
        let weather = Weather {
            about: Some(Rc::clone(&object.uid)),
            ..Weather::all(mishap)
        };
        if let Some(fault) = self.plan.faults.get_mut(number) {
            fault.what = FaultKind::Weather(vec![weather]);
        }
        self.cluster.update(kind, &object);
        self.changed(kind);
        self.set_weather();
    }

    pub(super) fn resize(&mut self, padding: usize) {
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

    /// A kind's objects are gone.
    pub(super) fn delete_all(&mut self, kind: ResourceKind) {
        for object in self.all(kind) {
            self.cluster.delete(kind, &object);
            self.changed(kind);
        }
    }
}
