// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Lets a seed's world happen, one happening after the other, with the operator running in between.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use obsyk_domain::time::Moment;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::plan::Plan;
use crate::process::Process;
use crate::saboteur::Bug;
use crate::world::{Command, Happening, Shared, World};

/// A kubelet restarts a process that exited by itself after this time.
const RESTARTED: Duration = Duration::from_secs(10);

/// SIGTERM leaves a process this time to drain.
const DRAIN: Duration = Duration::from_secs(5);

/// See the module's page.
pub struct Simulation {
    /// Everything around the operator.
    pub world: Shared,
    process: Option<Process>,
}

impl Simulation {
    /// Prepares a world in which nothing has happened yet. It needs a paused tokio runtime.
    pub fn new(plan: Plan, bug: Option<Bug>, record_story: bool) -> Self {
        Self {
            world: World::shared(plan, bug, record_story),
            process: None,
        }
    }

    /// Lives through all faults and checks the result.
    pub async fn run(&mut self) -> Result<(), String> {
        self.world.borrow_mut().begin_plan();
        let (trouble, heals) = {
            let world = self.world.borrow();
            (world.plan.faults_until, world.plan.heals_within())
        };
        self.until(Moment::at(trouble)).await?;
        self.world.borrow_mut().heal();
        self.run_commands();
        self.pass(heals).await?;
        // An overtaken watch shows only when it asks again.
        let waits_a_day = {
            let world = self.world.borrow();
            world.plan.waits_a_day() || (world.overtaken && !world.plan.is_scenario())
        };
        if waits_a_day {
            self.world.borrow_mut().rest();
            self.pass(Duration::from_secs(25 * 3600)).await?;
        }
        self.world.borrow().compare("after the faults")?;
        self.world.borrow_mut().change_everything();
        self.pass(Duration::from_secs(60)).await?;
        self.world.borrow().compare("after changes in quiet times")
    }

    async fn pass(&mut self, time: Duration) -> Result<(), String> {
        let end = self.world.borrow().now() + time;
        self.until(end).await
    }

    async fn until(&mut self, end: Moment) -> Result<(), String> {
        loop {
            let due = Due {
                world: Rc::clone(&self.world),
                end,
                sleep: None,
            };
            match &self.process {
                Some(process) => process.run_until(due).await,
                None => due.await,
            }
            let next = {
                let mut world = self.world.borrow_mut();
                let now = world.now().min(end);
                world.queue.next(now)
            };
            match next {
                Some((_, what)) => self.happen(what),
                None => return self.verdict(),
            }
            self.verdict()?;
        }
    }

    fn verdict(&self) -> Result<(), String> {
        let world = self.world.borrow();
        match &world.verdict {
            Some(what) => Err(format!("at {:.3} s: {what}", world.seconds())),
            None => Ok(()),
        }
    }

    fn happen(&mut self, what: Happening) {
        match what {
            Happening::Start => self.start(),
            Happening::Drained(number) | Happening::SupervisorEnded(number)
                if self.process.as_ref().is_some_and(|process| process.number == number) =>
            {
                let gave_up = matches!(what, Happening::SupervisorEnded(_));
                self.end_process();
                if gave_up {
                    let mut world = self.world.borrow_mut();
                    let at = world.now() + RESTARTED;
                    world.plan_at(at, Happening::Start);
                }
            }
            Happening::Drained(_) | Happening::SupervisorEnded(_) => {}
            Happening::Inspect => {
                let mut world = self.world.borrow_mut();
                if let Some(process) = &self.process {
                    process.inspect();
                    world.check_answers();
                }
                world.plan_next_inspection();
            }
            other => self.world.borrow_mut().happen(other),
        }
        self.run_commands();
    }

    fn run_commands(&mut self) {
        let commands = std::mem::take(&mut self.world.borrow_mut().commands);
        for command in commands {
            match (command, &self.process) {
                (Command::Kill, _) => self.end_process(),
                (Command::Terminate, Some(process)) => {
                    let deadline = self.world.borrow().now() + DRAIN;
                    process.terminate(deadline);
                }
                (Command::ApplyResource(resources), Some(process)) => process.apply(resources),
                (Command::Terminate | Command::ApplyResource(_), None) => {}
            }
        }
    }

    fn start(&mut self) {
        if self.process.is_none() {
            self.process = Some(Process::start(&self.world));
            self.world.borrow_mut().report_resources();
        }
    }

    /// Ends the process at once: none of its actors runs again.
    fn end_process(&mut self) {
        if let Some(process) = self.process.take() {
            process.end();
            self.world.borrow_mut().process_ended();
        }
    }
}

impl Drop for Simulation {
    /// Actors hold the world, and the world holds their wakers.
    fn drop(&mut self) {
        self.end_process();
    }
}

/// Completes when the next happening is due, or at the end of the time. Happenings may be planned meanwhile.
struct Due {
    world: Shared,
    end: Moment,
    sleep: Option<(Moment, Pin<Box<Sleep>>)>,
}

impl Future for Due {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        loop {
            let (now, next) = {
                let mut world = this.world.borrow_mut();
                world.alarm = Some(task.waker().clone());
                if world.verdict.is_some() {
                    return Poll::Ready(());
                }
                (world.now(), world.queue.next_at().unwrap_or(this.end).min(this.end))
            };
            if next <= now {
                return Poll::Ready(());
            }
            let (_, sleep) = match &mut this.sleep {
                Some(slept) if slept.0 == next => slept,
                other => {
                    let at: Instant = this.world.borrow().began + next.elapsed();
                    other.insert((next, Box::pin(sleep_until(at))))
                }
            };
            if sleep.as_mut().poll(task).is_pending() {
                return Poll::Pending;
            }
        }
    }
}
