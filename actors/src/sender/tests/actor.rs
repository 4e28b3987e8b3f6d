// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The sender as an actor: that it carries out what its state decides, and how it ends.

use std::fmt::Write as _;
use std::sync::mpsc;

use actix::MailboxError;
use obsyk_domain::agent::PlatformUrl;
use obsyk_domain::resource::ResourceKind;
use obsyk_domain::snapshot::Cause;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::samples::{NO_CONNECTION, TIMED_OUT, config, deleted, secs, status, updated};
use super::stand::{Script, Stand, TOKEN, guarded, next, on_stage};
use crate::sender::{
    Beat, Config, Configure, Delivery, Drain, Effect, Inspect, Offer, OpenSnapshot, Overtaken, Refusal, SenderState,
    SnapshotEnd,
};
use crate::supervision::ExitCause;

fn offer(name: &str) -> Offer {
    Offer {
        n: 1,
        kind: ResourceKind::Pod,
        changes: vec![updated(name, 1)],
    }
}

fn elsewhere() -> Configure {
    Configure(Box::new(Config {
        platform: PlatformUrl::parse("https://other.example").unwrap(),
        ..config()
    }))
}

#[test]
fn answered_request_counts() {
    on_stage(|| async {
        let mut stand = Stand::synced().await;
        stand.script([Script::After(secs(2), status(204))]);
        stand.ask(offer("a")).await.unwrap();
        assert_eq!(next(&mut stand.requests).await, "event");
        assert_eq!(stand.ask(Inspect).await.ledger.in_flight, 1);
        tokio::time::sleep(secs(3)).await;
        let view = stand.ask(Inspect).await;
        assert_eq!((view.actor.generation, view.events, view.ledger.in_flight), (7, 1, 0));
        assert!(stand.dropped.try_recv().is_err());
    });
}

#[test]
fn failed_request_is_tried_again_by_the_timer() {
    on_stage(|| async {
        let mut stand = Stand::synced().await;
        stand.script([Script::Answer(NO_CONNECTION), Script::Answer(TIMED_OUT)]);
        let began = stand.now();
        stand.ask(offer("a")).await.unwrap();
        for _ in 0..3 {
            assert_eq!(next(&mut stand.requests).await, "event");
        }
        let waited = stand.now().since(began).as_millis();
        assert!(
            (1500..1510).contains(&waited),
            "half a second and a second: {waited} ms"
        );
        let due = next(&mut stand.due).await;
        assert_eq!(due.why, Cause::Ambiguous);
        assert!(due.at > stand.now() + secs(600));
    });
}

#[test]
fn reconfiguring_aborts_what_is_in_flight() {
    on_stage(|| async {
        let mut stand = Stand::synced().await;
        stand.script([Script::Never]);
        stand.ask(offer("a")).await.unwrap();
        assert_eq!(next(&mut stand.requests).await, "event");
        stand.ask(elsewhere()).await;
        assert_eq!(next(&mut stand.dropped).await, "event");
        assert_eq!(stand.ask(Inspect).await.ledger.in_flight, 0);
    });
}

#[test]
fn panic_in_a_future_is_told_to_the_parent() {
    on_stage(|| async {
        let mut stand = Stand::synced().await;
        stand.script([Script::Panic]);
        let _reply = guarded(stand.sender.send(offer("a"))).await;
        let exited = next(&mut stand.exited).await;
        assert_eq!((exited.generation, exited.cause), (7, ExitCause::Panicked));
        let gone = guarded(stand.sender.send(Inspect)).await.unwrap_err();
        assert!(matches!(gone, MailboxError::Closed));
    });
}

#[test]
fn snapshot_that_waits_when_the_sender_panics_is_overtaken() {
    on_stage(|| async {
        let mut stand = Stand::synced().await;
        stand.script([Script::After(secs(1), status(200)), Script::Panic]);
        stand.ask(offer("a")).await.unwrap();
        let opened = stand.sender.send(OpenSnapshot { n: 2, why: Vec::new() });
        let beaten = stand.sender.send(Beat);
        let (opened, _beaten) = guarded(futures_util::future::join(opened, beaten)).await;
        assert!(
            matches!(opened, Ok(Err(Overtaken)) | Err(MailboxError::Closed)),
            "{opened:?}"
        );
        next(&mut stand.exited).await;
    });
}

#[test]
fn drain_replies_when_nothing_is_left_and_before_its_deadline() {
    on_stage(|| async {
        let mut stand = Stand::synced().await;
        stand.script([Script::After(secs(2), status(200))]);
        stand.ask(offer("a")).await.unwrap();
        let deadline = stand.now() + secs(5);
        stand.ask(Drain { deadline }).await;
        assert!(stand.now() < deadline);
        let exited = next(&mut stand.exited).await;
        assert_eq!(exited.cause, ExitCause::Asked);
        assert!(stand.dropped.try_recv().is_err(), "the request was answered");
    });
}

#[test]
fn drain_replies_at_its_deadline_when_something_is_left() {
    on_stage(|| async {
        let mut stand = Stand::synced().await;
        stand.script([Script::Never]);
        stand.ask(offer("a")).await.unwrap();
        let deadline = stand.now() + secs(5);
        stand.ask(Drain { deadline }).await;
        let late = stand.now().since(deadline);
        assert!(late.as_millis() < 10, "{late:?}");
        assert_eq!(next(&mut stand.dropped).await, "event");
        assert_eq!(next(&mut stand.exited).await.cause, ExitCause::Asked);
    });
}

#[test]
fn two_who_drain_are_both_answered() {
    on_stage(|| async {
        let mut stand = Stand::synced().await;
        stand.script([Script::After(secs(2), status(200))]);
        stand.ask(offer("a")).await.unwrap();
        let deadline = stand.now() + secs(5);
        let first = stand.sender.send(Drain { deadline });
        let second = stand.sender.send(Drain { deadline });
        let (first, second) = guarded(futures_util::future::join(first, second)).await;
        assert!(first.is_ok() && second.is_ok());
        assert!(stand.dropped.try_recv().is_err(), "neither cut the other short");
    });
}

#[test]
fn offer_is_refused_while_draining() {
    on_stage(|| async {
        let stand = Stand::synced().await;
        stand.script([Script::After(secs(2), status(200))]);
        stand.ask(offer("a")).await.unwrap();
        let deadline = stand.now() + secs(5);
        let drained = stand.sender.send(Drain { deadline });
        assert_eq!(stand.ask(offer("b")).await, Err(Refusal::Draining));
        guarded(drained).await.unwrap();
    });
}

#[test]
fn snapshot_opens_only_when_nothing_is_in_flight() {
    on_stage(|| async {
        let stand = Stand::synced().await;
        stand.script([Script::After(secs(2), status(200)), Script::After(secs(4), status(404))]);
        stand.ask(offer("a")).await.unwrap();
        let changes = vec![deleted("b")];
        let kind = ResourceKind::Pod;
        stand.ask(Offer { n: 1, kind, changes }).await.unwrap();
        let asked = stand.now();
        stand.ask(OpenSnapshot { n: 2, why: Vec::new() }).await.unwrap();
        assert_eq!(stand.now().since(asked).as_secs(), 4);
        assert_eq!(stand.ask(Inspect).await.ledger.in_flight, 0);
    });
}

#[test]
fn snapshot_that_is_overtaken_is_told() {
    on_stage(|| async {
        let stand = Stand::synced().await;
        stand.script([Script::Never]);
        stand.ask(offer("a")).await.unwrap();
        let second = stand.sender.send(OpenSnapshot { n: 2, why: Vec::new() });
        let third = stand.sender.send(OpenSnapshot { n: 3, why: Vec::new() });
        assert_eq!(guarded(second).await.unwrap(), Err(Overtaken));
        stand.ask(elsewhere()).await;
        assert_eq!(guarded(third).await.unwrap(), Err(Overtaken));
    });
}

#[test]
fn heartbeat_goes_while_a_snapshot_is_sent() {
    on_stage(|| async {
        let mut stand = Stand::synced().await;
        stand.script([Script::After(secs(60), status(200))]);
        stand.ask(OpenSnapshot { n: 2, why: Vec::new() }).await.unwrap();
        stand.spool_and_send(2).await;
        stand.ask(Beat).await;
        assert_eq!(next(&mut stand.requests).await, "snapshot");
        assert_eq!(next(&mut stand.requests).await, "heartbeat");
        loop {
            if let Delivery::Snapshot { n, end } = next(&mut stand.delivery).await {
                assert!(n == 2 && matches!(end, SnapshotEnd::Accepted { .. }));
                break;
            }
        }
    });
}

/// Writes all that is logged into a channel, fields included.
struct Recorder(mpsc::Sender<String>);

impl Subscriber for Recorder {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        struct Text(String);
        impl Visit for Text {
            fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
                let _fits = write!(self.0, " {field}={value:?}");
            }
        }
        let mut text = Text(String::new());
        event.record(&mut text);
        let _gone = self.0.send(text.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[test]
fn logs_hold_no_token() {
    let (lines, logged) = mpsc::channel();
    // With one dispatcher alone, tracing asks the thread that first meets a call site: another test's, which has none.
    let _second = tracing::Dispatch::new(Recorder(lines.clone()));
    let _recording = tracing::subscriber::set_default(Recorder(lines));
    on_stage(|| async {
        let mut stand = Stand::synced().await;
        stand.script([status(400), status(401), status(403), NO_CONNECTION].map(Script::Answer));
        for name in ["a", "b", "c"] {
            stand.ask(offer(name)).await.unwrap();
            tokio::time::sleep(secs(400)).await;
        }
        assert_eq!(next(&mut stand.requests).await, "event");
    });
    let logged: Vec<String> = logged.try_iter().collect();
    let with = |word: &str| logged.iter().filter(|line| line.contains(word)).count();
    assert!(with("token received") > 0 && with("refused") > 0, "{logged:#?}");
    assert_eq!(with(TOKEN), 0);
    assert_eq!(with("PRIVATE KEY"), 0);
}

#[test]
fn debug_output_holds_no_token_and_no_key() {
    let mut scene = super::harness::Scene::synced();
    let (_, effects): (_, Vec<Effect>) = scene.state.on_offer(
        scene.now,
        ResourceKind::Pod,
        vec![updated("a", 1)],
        scene.chance.as_mut(),
    );
    assert!(matches!(effects[..], [Effect::Send { .. }]));
    let state: &SenderState = &scene.state;
    let text = format!("{effects:?} {state:?} {:?}", config());
    assert!(!text.contains("token-1"), "{text}");
    assert!(!text.contains("MIGH"), "{text}");
}
