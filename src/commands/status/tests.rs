// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use obsyk_actors::inspect::{
    ActorKind, ActorView, AgentView, ConditionView, Exit, Life, LineView, Readiness, SenderView, SetAside, TokenView,
    WatcherView,
};
use obsyk_actors::supervision::ExitCause;
use obsyk_actors::watcher::Phase;
use obsyk_domain::ports::AgentKey;
use obsyk_domain::resource::ResourceKind;
use obsyk_domain::time::Moment;
use obsyk_domain::token::TokenPhase;

use super::units::{bytes, columns, span};
use super::*;

const PLAIN: Paint = Paint { colours: false };

fn at(seconds: u64) -> Moment {
    Moment::at(Duration::from_secs(seconds))
}

fn actor(kind: ActorKind, life: Life) -> ActorView {
    ActorView {
        life,
        ..ActorView::unseen(kind, String::new(), 1, at(0))
    }
}

fn an_agent() -> AgentView {
    let key = AgentKey {
        namespace: "obsyk-system".into(),
        name: "demo".into(),
    };
    AgentView {
        platform: Some("https://platform.example.com".to_owned()),
        cluster_name: Some("shop".to_owned()),
        ..AgentView::unseen(actor(ActorKind::Agent, Life::Running), &key)
    }
}

fn a_view(agents: Vec<AgentView>) -> SupervisorView {
    SupervisorView {
        version: "1.2.3".to_owned(),
        now: at(600),
        time: "2026-01-15T10:30:00Z".to_owned(),
        actor: actor(ActorKind::Supervisor, Life::Running),
        listed: true,
        agents,
    }
}

fn shown(view: &SupervisorView) -> String {
    tree::tree(view, PLAIN)
}

#[test]
fn an_operator_without_a_resource_says_what_to_do() {
    assert_eq!(
        shown(&a_view(Vec::new())),
        "obsyk-operator 1.2.3, up 10 min, at 2026-01-15T10:30:00Z\n\
         no ObsykAgent resource; apply one: kubectl explain obsykagent.spec\n"
    );
}

#[test]
fn what_an_agent_waits_for_stands_first() {
    let agent = AgentView {
        readiness: Readiness::Waits {
            reason: "SecretNotFound".to_owned(),
            message: String::new(),
        },
        conditions: vec![ConditionView {
            r#type: "Degraded".to_owned(),
            status: "True".to_owned(),
            reason: "SecretNotFound".to_owned(),
            message: "Secret obsyk-credentials: create it".to_owned(),
        }],
        ..an_agent()
    };
    let shown = shown(&a_view(vec![agent]));
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines[2], "obsyk-system/demo  waits: SecretNotFound");
    assert_eq!(
        lines[3],
        "  Degraded     True: SecretNotFound: Secret obsyk-credentials: create it"
    );
    assert_eq!(lines[4], "  platform     https://platform.example.com, cluster shop");
    assert_eq!(lines[5], "  credentials  none");
}

#[test]
fn a_platform_that_is_down_a_kind_that_is_forbidden_and_what_is_set_aside_are_named() {
    let set_aside = SetAside {
        kind: ResourceKind::Pod,
        namespace: Some("shop".to_owned()),
        name: "web\u{1b}[2J".to_owned(),
        uid: "u".to_owned(),
        reason: "the platform answered status 400".to_owned(),
    };
    let sender = SenderView {
        line: LineView::Open {
            next_probe: at(630),
            answer: Some("status 503".to_owned()),
        },
        set_aside: [(ResourceKind::Pod, 3)].into(),
        set_aside_objects: vec![set_aside],
        ..SenderView::unseen(actor(ActorKind::Sender, Life::Running))
    };
    let forbidden = WatcherView {
        phase: Phase::Unreadable,
        problem: Some("forbidden: grant list and watch".to_owned()),
        next_try: Some(at(700)),
        ..WatcherView::unseen(actor(ActorKind::Watcher, Life::Running), ResourceKind::Secret)
    };
    let dead = WatcherView {
        known: 12_345,
        ..WatcherView::unseen(actor(ActorKind::Watcher, Life::Dead), ResourceKind::Pod)
    };
    let agent = AgentView {
        sender: Some(sender),
        watchers: vec![dead, forbidden],
        ..an_agent()
    };
    let shown = shown(&a_view(vec![agent]));
    for line in [
        "  sender       platform down, next probe in 30 s after status 503, no token needed yet, last accepted never",
        "  set aside    Pod shop/web?[2J: the platform answered status 400",
        "               and 2 more",
        "  KIND    PHASE       OBJECTS  LAST LIST  LAST EVENT  EVENTS  RESTARTS",
        "  Pod     dead        12,345   none       never       0       0",
        "  Secret  unreadable  0        none       never       0       0",
        "    forbidden: grant list and watch; tried again in 100 s",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "no line {line:?} in\n{shown}");
    }
}

#[test]
fn what_is_shown_of_an_actor_that_does_not_answer_is_marked() {
    let mut view = a_view(vec![an_agent()]);
    view.actor.life = Life::Busy;
    view.agents[0].actor.life = Life::Dead;
    let shown = shown(&view);
    assert!(shown.contains("Z; busy: seen 10 min ago\n"), "{shown}");
    assert!(
        shown.contains("starting; dead, to be built anew: seen 10 min ago\n"),
        "{shown}"
    );
}

/// The sender's line, with this token and what stands between it and the platform.
fn sender_line(token: TokenView, line: LineView, last_accepted: Option<Moment>) -> String {
    let sender = SenderView {
        token,
        line,
        last_accepted,
        ..SenderView::unseen(actor(ActorKind::Sender, Life::Running))
    };
    let agent = AgentView {
        sender: Some(sender),
        ..an_agent()
    };
    let shown = shown(&a_view(vec![agent]));
    let line = shown.lines().find(|line| line.starts_with("  sender "));
    line.unwrap().trim_start_matches("  sender ").trim().to_owned()
}

#[test]
fn sending_works_when_something_was_accepted_and_a_token_is_there() {
    let token = |phase, problem: Option<&str>| TokenView {
        phase,
        expires: None,
        issued: 0,
        problem: problem.map(str::to_owned),
    };
    let held = || token(TokenPhase::Held, None);
    for (token, line, accepted, told) in [
        (
            held(),
            LineView::Closed,
            Some(at(540)),
            "sending works, token held, last accepted 60 s ago",
        ),
        (
            held(),
            LineView::Closed,
            None,
            "ready to send, token held, last accepted never",
        ),
        (
            token(TokenPhase::Failing, Some("the token endpoint: status 502")),
            LineView::Closed,
            None,
            "waits for a token, no token: the token endpoint: status 502, last accepted never",
        ),
        (
            held(),
            LineView::Retrying {
                attempt: 0,
                next_try: at(630),
                answer: None,
            },
            Some(at(540)),
            "the platform asked to come later: in 30 s, token held, last accepted 60 s ago",
        ),
    ] {
        assert_eq!(sender_line(token, line, accepted), told);
    }
}

#[test]
fn what_died_is_told_with_how_often_and_when() {
    let exit = Exit {
        cause: ExitCause::Panicked,
        at: at(540),
    };
    let died = |kind| ActorView {
        restarts: 2,
        last_exit: Some(exit),
        ..actor(kind, Life::Running)
    };
    let agent = AgentView {
        sender: Some(SenderView::unseen(died(ActorKind::Sender))),
        watchers: vec![WatcherView::unseen(died(ActorKind::Watcher), ResourceKind::Pod)],
        ..an_agent()
    };
    let shown = shown(&a_view(vec![agent]));
    assert!(shown.contains("; deaths 2, the last 60 s ago: panicked\n"), "{shown}");
    assert!(shown.contains("    last died 60 s ago: panicked\n"), "{shown}");
}

#[test]
fn colours_are_there_only_when_asked_for() {
    let view = a_view(vec![an_agent()]);
    assert!(!shown(&view).contains('\u{1b}'));
    let coloured = tree::tree(&view, Paint { colours: true });
    assert!(coloured.contains("\u{1b}[33mstarting\u{1b}[0m"), "{coloured}");
}

#[test]
fn numbers_are_short() {
    let spans = [0, 350, 4_700, 59_000, 119_000, 120_000, 7_200_000, 180_000_000];
    let spans = spans.map(|millis| span(Duration::from_millis(millis)));
    assert_eq!(
        spans,
        [
            "0 ms",
            "350 ms",
            "4.7 s",
            "59 s",
            "119 s",
            "2 min",
            "2 h 0 min",
            "2 d 2 h"
        ]
    );
    assert_eq!([0, 1536, 4 << 20].map(bytes), ["0 B", "1.5 KiB", "4.0 MiB"]);
}

#[test]
fn columns_are_as_wide_as_they_must_be_and_the_last_ends_with_its_text() {
    let rows = [
        vec!["a".to_owned(), "long".to_owned()],
        vec!["bbb".to_owned(), "c".to_owned()],
    ];
    assert_eq!(columns(&["X", "Y"], &rows), ["X    Y", "a    long", "bbb  c"]);
}

#[test]
fn an_endpoint_on_all_addresses_is_asked_on_loopback() {
    let asked = |text: &str| reachable(text.parse().unwrap()).to_string();
    assert_eq!(asked("[::]:6060"), "[::1]:6060");
    assert_eq!(asked("0.0.0.0:6060"), "127.0.0.1:6060");
    assert_eq!(asked("10.0.0.7:6060"), "10.0.0.7:6060");
}

#[tokio::test]
async fn what_is_wrong_is_said_and_what_to_do() {
    let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let asked = Asked {
        address,
        output: Form::Text,
        watch: false,
    };
    let error = look(&asked, PLAIN).await.unwrap_err().to_string();
    assert!(
        error.contains("Connection refused") && error.contains("kubectl exec"),
        "{error}"
    );
}
