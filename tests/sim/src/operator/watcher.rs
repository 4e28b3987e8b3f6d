// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! A watcher's effects, carried out.

use obsyk_actors::watcher::{Effect, MOST_IN_OFFER};
use obsyk_domain::ports::{ReadError, Signal};
use obsyk_domain::time::Moment;

use super::{ActorId, Letter, reset, whole_millis};
use crate::cluster::Feed;
use crate::coverage::Reached;
use crate::world::{Happening, World};

impl World {
    pub(super) fn watcher_gets(&mut self, id: ActorId, letter: Letter) {
        let now = self.now;
        let Some(watcher) = self.operator.watchers.get_mut(&id) else {
            return;
        };
        let chance = &mut self.operator.chance;
        let effects = match letter {
            Letter::Relist { n } => watcher.state.on_relist(now, n),
            Letter::Offered(reply) => watcher.state.on_offered(now, reply, chance),
            Letter::SpoolTaken => watcher.state.on_spooled(now, chance),
            Letter::DrainWatcher { obeyed } => {
                watcher.state.on_drain();
                self.close(id);
                self.operator.watchers.remove(&id);
                if let Some(obeyed) = obeyed {
                    self.obey(obeyed);
                }
                return;
            }
            _ => return,
        };
        self.carry_out_watcher(id, effects);
    }

    pub(super) fn carry_out_watcher(&mut self, id: ActorId, effects: Vec<Effect>) {
        for effect in effects {
            let Some(watcher) = self.operator.watchers.get_mut(&id) else {
                return;
            };
            let (agent, sender, kind) = (watcher.agent, watcher.sender, watcher.state.kind());
            match effect {
                Effect::Open(opening) => {
                    self.close(id);
                    let number = self.operator.next_id();
                    let Some(watcher) = self.operator.watchers.get_mut(&id) else {
                        return;
                    };
                    watcher.feed = Some(number);
                    self.feeds.insert(number, (Feed::new(kind, opening, watcher.era), id));
                    let takes = self.dice.millis(1, 20);
                    self.plan_feed(number, takes);
                }
                Effect::Close => self.close(id),
                Effect::Listed { n, facts, .. } => self.post(agent, Letter::Listed { n, kind, facts }),
                Effect::Unreadable { n, why } => self.post(agent, Letter::Unreadable { n, kind, why }),
                Effect::Due(why) => self.post(agent, Letter::Due { why, at: self.now }),
                Effect::Offer { changes, .. } => {
                    let from = id;
                    self.post(sender, Letter::Offer { kind, changes, from });
                }
                Effect::Spool { n, spool } => {
                    let from = id;
                    self.post(sender, Letter::Spooled { n, kind, spool, from });
                }
            }
        }
        self.set_watcher_timer(id);
        self.pull(id);
    }

    fn close(&mut self, id: ActorId) {
        if let Some(feed) = self
            .operator
            .watchers
            .get_mut(&id)
            .and_then(|watcher| watcher.feed.take())
        {
            self.feeds.remove(&feed);
        }
    }

    fn set_watcher_timer(&mut self, id: ActorId) {
        let Some(watcher) = self.operator.watchers.get_mut(&id) else {
            return;
        };
        let least = self.now + std::time::Duration::from_millis(1);
        let at = watcher.state.wake().map(|at: Moment| whole_millis(at.max(least)));
        if let Some(at) = reset(&mut watcher.timer, at) {
            self.queue.plan(at, Happening::Timer(id));
        }
    }

    /// Takes what the stream has ready, when the state is ready for it.
    pub(crate) fn pull(&mut self, id: ActorId) {
        let Some(watcher) = self.operator.watchers.get_mut(&id) else {
            return;
        };
        let Some(number) = watcher.feed.filter(|_| watcher.state.is_ready()) else {
            return;
        };
        let Some((feed, _)) = self.feeds.get_mut(&number).filter(|(feed, _)| feed.has_news()) else {
            return;
        };
        let (signals, ended) = feed.take(MOST_IN_OFFER);
        watcher.era = feed.era;
        let expired = signals
            .iter()
            .any(|signal| matches!(signal, Signal::Failed(ReadError::Expired)));
        if ended {
            watcher.feed = None;
            self.feeds.remove(&number);
        }
        let sender = self.operator.senders.get(&watcher.sender);
        if expired && sender.is_some_and(|sender| sender.state.open_snapshot().is_some()) {
            self.coverage.reach(Reached::ExpiredWhileSnapshotIsOpen);
        }
        let effects = watcher
            .state
            .on_signals(self.now, signals, ended, &mut self.operator.chance);
        self.carry_out_watcher(id, effects);
    }

    /// Something comes on a stream.
    pub(crate) fn feed(&mut self, number: u64) {
        let Some((feed, watcher)) = self.feeds.get_mut(&number) else {
            return;
        };
        let id = *watcher;
        feed.planned = None;
        let again = feed.advance(self.now, &self.cluster, &mut self.dice);
        self.overtaken |= feed.overtaken;
        if let Some(wait) = again {
            self.plan_feed(number, wait);
        }
        self.pull(id);
    }

    /// Something will come on a stream, after this wait or sooner.
    pub(crate) fn plan_feed(&mut self, number: u64, wait: std::time::Duration) {
        let at = self.now + wait;
        if let Some((feed, _)) = self.feeds.get_mut(&number)
            && feed.planned.is_none_or(|planned| at < planned)
        {
            feed.planned = Some(at);
            self.queue.plan(at, Happening::Feed(number, at));
        }
    }
}
