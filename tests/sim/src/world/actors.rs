// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The actors that call ports: tokio's task of each, its role, and its planned death.

use obsyk_domain::time::{Chance, Moment};
use tokio::task::Id as TaskId;

use super::{ActorId, Role, World};
use crate::dice::Dice;

/// More looks at the clock within one millisecond are an endless loop.
const MOST_READS: u32 = 2_000_000;

impl World {
    /// The actor that calls a port.
    pub(crate) fn caller(&mut self, task: Option<TaskId>, role: Role) -> ActorId {
        let Some(task) = task else { return ActorId(0) };
        let known = self.actors.get_mut(&task);
        if let Some((id, known)) = known {
            *known = role;
            return *id;
        }
        let id = ActorId(self.next_id());
        self.actors.insert(task, (id, role));
        id
    }

    /// An actor looks at the clock: the time, and whether it is to die.
    pub(crate) fn clock(&mut self, task: Option<TaskId>) -> (Moment, bool) {
        let now = self.now();
        self.reads = if self.reads.0 == now {
            (now, self.reads.1 + 1)
        } else {
            (now, 0)
        };
        if self.reads.1 > MOST_READS {
            self.blame("the actors run in circles without time passing");
            return (now, true);
        }
        // Before there is any other actor the supervisor looks at the clock to handle its first message.
        if self.actors.is_empty() && self.process.is_some() && task.is_some() {
            self.caller(task, Role::Supervisor);
        }
        let doomed = self.doomed.is_some() && {
            let actor = task.and_then(|task| self.actors.get(&task)).map(|(id, _)| *id);
            actor == self.doomed
        };
        if doomed {
            self.doomed = None;
            let actor = task.and_then(|task| self.actors.remove(&task));
            match actor {
                Some((_, Role::Watcher)) => self.pending.watcher_died(now),
                Some(_) | None => self.pending.forget(now),
            }
            self.record(|| "an actor dies".to_owned());
        }
        (now, doomed)
    }

    /// One of the actors with this role dies when it next looks at the clock.
    pub(crate) fn doom(&mut self, role: Role) {
        let mut actors: Vec<ActorId> = self
            .actors
            .values()
            .filter(|(_, of)| *of == role)
            .map(|(id, _)| *id)
            .collect();
        actors.sort_unstable();
        if !actors.is_empty() {
            self.doomed = Some(*self.dice.pick(&actors));
        }
    }

    /// A source of chance for an actor.
    pub(crate) fn chance(&mut self) -> Box<dyn Chance> {
        let whose = 1000 + self.next_id();
        self.saboteur.chance(Dice::new(self.plan.seed, whose))
    }
}
