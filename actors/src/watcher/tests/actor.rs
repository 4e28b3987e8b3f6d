// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The actor carries out what its state decides.

use std::time::Duration;

use obsyk_domain::condition::Unreadability;
use obsyk_domain::ports::Opening;
use tokio::time::sleep;

use super::probes::{Stage, run};
use super::*;
use crate::agent::Child;
use crate::supervision::ExitCause;
use crate::watcher::{Drain, Inspect, Phase, STALLED};

fn changes(offer: &crate::sender::Offer) -> Vec<String> {
    offer.changes.iter().map(change).collect()
}

#[test]
fn a_list_is_handed_over_and_reported_and_its_watch_goes_on_in_the_same_stream() {
    run(async {
        let mut stage = Stage::set();
        let feed = stage.relist(1).await;
        assert_eq!(feed.opening, Opening::Stream);
        feed.say([a_pod("web").version(5).listed(), list_end(9)]);
        let spooled = stage.spooled.recv().await.unwrap();
        assert_eq!((spooled.n, objects(&spooled.spool)), (1, vec!["web@5".to_owned()]));
        assert_eq!(stage.listed.recv().await.unwrap().count, 1);
        feed.say([a_pod("web").version(10).put()]);
        let (offer, _reply) = stage.offers.recv().await.unwrap();
        assert_eq!((offer.n, changes(&offer)), (1, vec!["~web@10".to_owned()]));
    });
}

#[test]
fn an_offer_in_flight_stops_the_pull() {
    run(async {
        let mut stage = Stage::set();
        let feed = stage.relist(1).await;
        feed.say([list_end(9)]);
        stage.listed.recv().await.unwrap();
        feed.say([a_pod("web").version(10).put()]);
        let (_, reply) = stage.offers.recv().await.unwrap();
        feed.say((11..=15).map(|version| a_pod("web").version(version).put()));
        sleep(Duration::from_secs(10)).await;
        assert_eq!(feed.pulled(), 2);
        reply.send(Ok(())).unwrap();
        let (offer, _reply) = stage.offers.recv().await.unwrap();
        assert_eq!(changes(&offer), ["~web@11", "~web@12", "~web@13", "~web@14", "~web@15"]);
    });
}

#[test]
fn a_refused_offer_drops_the_stream_until_relist() {
    run(async {
        let mut stage = Stage::set();
        let feed = stage.relist(1).await;
        feed.say([list_end(9), a_pod("web").version(10).put()]);
        let (_, reply) = stage.offers.recv().await.unwrap();
        reply.send(Err(Refusal::SnapshotDue)).unwrap();
        feed.dropped().await;
        sleep(Duration::from_secs(600)).await;
        assert!(stage.opened.try_recv().is_err(), "it waits for Relist");
        assert_eq!(stage.relist(2).await.opening, Opening::Stream);
    });
}

#[test]
fn a_relist_drops_the_stream_before_it() {
    run(async {
        let mut stage = Stage::set();
        let first = stage.relist(1).await;
        let second = stage.relist(2).await;
        first.dropped().await;
        second.say([list_end(9)]);
        assert_eq!(stage.listed.recv().await.unwrap().n, 2);
    });
}

#[test]
fn what_the_stream_before_a_relist_still_says_is_not_taken_for_the_list() {
    run(async {
        let mut stage = Stage::set();
        let first = stage.relist(1).await;
        first.say([a_pod("web").version(5).listed(), list_end(9)]);
        stage.listed.recv().await.unwrap();
        sleep(Duration::from_secs(10)).await;
        // Both wait for the actor at once: the change that the old stream has ready, and the order to list.
        first.say([a_pod("web").version(10).put()]);
        let second = stage.relist(2).await;
        second.say([
            a_pod("web").version(10).listed(),
            a_pod("db").version(11).listed(),
            list_end(12),
        ]);
        let spooled = loop {
            tokio::select! {
                offer = stage.offers.recv() => offer.unwrap().1.send(Ok(())).unwrap(),
                spooled = stage.spooled.recv() => match spooled.unwrap() {
                    spooled if spooled.n == 2 => break spooled,
                    _ => {}
                },
            }
        };
        assert_eq!(objects(&spooled.spool), ["web@10", "db@11"]);
    });
}

#[test]
fn a_reply_that_a_relist_overtook_opens_nothing() {
    run(async {
        let mut stage = Stage::set();
        let feed = stage.relist(1).await;
        feed.say([list_end(9)]);
        stage.listed.recv().await.unwrap();
        sleep(Duration::from_secs(10)).await;
        // The watch ends right behind a change.
        feed.say([a_pod("web").version(10).put()]);
        drop(feed);
        let (_, reply) = stage.offers.recv().await.unwrap();
        let resumed = stage.opened.recv().await.unwrap();
        assert_eq!(resumed.opening, Opening::Watch { after: 10 });
        let list = stage.relist(2).await;
        assert_eq!(list.opening, Opening::Stream);
        reply.send(Ok(())).unwrap();
        list.say([a_pod("web").version(10).listed(), list_end(12)]);
        assert_eq!(stage.spooled.recv().await.unwrap().n, 1);
        assert_eq!(stage.spooled.recv().await.unwrap().n, 2);
        assert!(stage.opened.try_recv().is_err());
    });
}

#[test]
fn a_silent_list_is_given_up_after_a_minute_and_tried_again() {
    run(async {
        let mut stage = Stage::set();
        let feed = stage.relist(1).await;
        let began = tokio::time::Instant::now();
        let unreadable = stage.unreadable.recv().await.unwrap();
        assert_eq!((unreadable.n, unreadable.why), (1, Unreadability::Stalled));
        assert!(began.elapsed() >= STALLED && began.elapsed() < STALLED + Duration::from_secs(1));
        feed.dropped().await;
        assert_eq!(stage.opened.recv().await.unwrap().opening, Opening::Pages);
    });
}

#[test]
fn a_restored_backup_makes_a_snapshot_due() {
    run(async {
        let mut stage = Stage::set();
        let feed = stage.relist(1).await;
        feed.say([list_end(9)]);
        stage.listed.recv().await.unwrap();
        stage.relist(2).await.say([list_end(8)]);
        stage.opened.recv().await.unwrap().say([list_end(8)]);
        assert_eq!(stage.due.recv().await.unwrap().why.label(), "watcher_lost");
    });
}

#[test]
fn a_panic_in_the_stream_is_reported_to_the_parent() {
    run(async {
        let mut stage = Stage::set_to_panic();
        stage.watcher.send(crate::watcher::Relist { n: 1 }).await.unwrap();
        let exited = stage.exited.recv().await.unwrap();
        assert_eq!(
            (exited.child, exited.generation),
            (Child::Watcher(ResourceKind::Pod), 7)
        );
        assert_eq!(exited.cause, ExitCause::Panicked);
    });
}

#[test]
fn a_drain_drops_the_stream_and_ends_the_watcher() {
    run(async {
        let mut stage = Stage::set();
        let feed = stage.relist(1).await;
        let deadline = Moment::NEVER;
        stage.watcher.send(Drain { deadline }).await.unwrap();
        feed.dropped().await;
        assert_eq!(stage.exited.recv().await.unwrap().cause, ExitCause::Asked);
        assert!(!stage.watcher.connected());
    });
}

#[test]
fn a_watcher_shows_what_it_knows() {
    run(async {
        let mut stage = Stage::set();
        let feed = stage.relist(1).await;
        feed.say([
            a_pod("web").version(5).listed(),
            a_pod("odd").version(6).undecodable().listed(),
            list_end(9),
        ]);
        stage.listed.recv().await.unwrap();
        let view = stage.watcher.send(Inspect).await.unwrap();
        assert_eq!((view.phase, view.actor.generation), (Phase::Watching, 7));
        assert_eq!(
            (view.known, view.undecodable, view.version, view.lists[0].count),
            (2, 1, 9, 1)
        );
    });
}
