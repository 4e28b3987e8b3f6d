// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::time::Duration;

use actix::{Actor, Context, Handler, ResponseFuture};
use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use obsyk_actors::inspect::{ActorKind, ActorView, AgentView, Life, SupervisorView};
use obsyk_actors::mail::{Mail, Post};
use obsyk_actors::supervisor::Inspect;
use obsyk_domain::ports::AgentKey;
use obsyk_domain::time::Moment;
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tower::ServiceExt;

use super::super::inspection::ANSWER;
use super::*;

fn a_view() -> SupervisorView {
    SupervisorView {
        version: "1.2.3".to_owned(),
        now: Moment::START,
        time: String::new(),
        actor: ActorView::unseen(ActorKind::Supervisor, "supervisor".to_owned(), 1, Moment::START),
        listed: true,
        agents: vec![AgentView::unseen(
            ActorView::unseen(ActorKind::Agent, "obsyk-system/demo".to_owned(), 1, Moment::START),
            &AgentKey {
                namespace: "obsyk-system".into(),
                name: "demo".into(),
            },
        )],
    }
}

/// Answers the first questions, as many as this, and hangs from then on.
struct Supervisor(usize);

impl Actor for Supervisor {
    type Context = Context<Self>;
}

impl Handler<Mail<Inspect>> for Supervisor {
    type Result = ResponseFuture<SupervisorView>;

    fn handle(&mut self, _: Mail<Inspect>, _: &mut Self::Context) -> Self::Result {
        let answers = self.0 > 0;
        self.0 = self.0.saturating_sub(1);
        Box::pin(async move {
            if !answers {
                std::future::pending::<()>().await;
            }
            let running = |actor: ActorView| ActorView {
                life: Life::Running,
                ..actor
            };
            let mut view = a_view();
            view.actor = running(view.actor);
            for agent in &mut view.agents {
                agent.actor = running(agent.actor.clone());
            }
            view
        })
    }
}

/// Runs a test beside an actor that answers so many questions, on paused time.
fn beside(answers: usize, test: impl AsyncFnOnce(Router)) {
    let paused = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap()
    };
    actix_rt::System::with_tokio_rt(paused).block_on(async {
        let supervisor = Supervisor(answers).start();
        let inspection = Inspection::new(Post::uncounted(supervisor.recipient()));
        let guarded = tokio::time::timeout(Duration::from_secs(3600), test(router(inspection)));
        guarded.await.expect("an answer in time");
    });
}

async fn get(router: &Router, accept: Option<&str>) -> (StatusCode, HeaderMap, String) {
    let mut request = Request::get(PATH);
    if let Some(accept) = accept {
        request = request.header(ACCEPT, accept);
    }
    let response = router
        .clone()
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap();
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (head.status, head.headers, String::from_utf8(body.to_vec()).unwrap())
}

#[test]
fn programs_get_json_and_browsers_a_page() {
    beside(9, async |router| {
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        for (accept, kind) in [
            (None, "application/json"),
            (Some("*/*"), "application/json"),
            (Some("application/json"), "application/json"),
            (Some("application/json, text/html;q=0.5"), "application/json"),
            (Some(browser), "text/html; charset=utf-8"),
        ] {
            let (status, headers, _) = get(&router, accept).await;
            assert_eq!(
                (status, headers[CONTENT_TYPE].to_str().unwrap()),
                (StatusCode::OK, kind),
                "{accept:?}"
            );
        }
    });
}

#[test]
fn only_who_asks_by_an_address_or_localhost_is_answered() {
    let asked = |host: &str| names_no_site(&HeaderMap::from_iter([(HOST, host.parse().unwrap())]));
    for host in [
        "localhost:6060",
        "LOCALHOST",
        "127.0.0.1:6060",
        "10.0.0.7",
        "[::1]:6060",
        "[::1]",
    ] {
        assert!(asked(host), "{host}");
    }
    for host in [
        "evil.example:6060",
        "localhost.evil.example",
        "obsyk.svc:6060",
        "localhost@evil.example",
        "",
    ] {
        assert!(!asked(host), "{host}");
    }
    beside(1, async |router| {
        let request = Request::get(PATH)
            .header(HOST, "evil.example:6060")
            .body(Body::empty())
            .unwrap();
        let answer = router.oneshot(request).await.unwrap();
        assert_eq!(answer.status(), StatusCode::MISDIRECTED_REQUEST);
    });
}

#[test]
fn the_page_loads_nothing_from_elsewhere() {
    for elsewhere in [
        "src=",
        "href=\"http",
        "href=\"//",
        "@import",
        "url(",
        "innerHTML",
        "eval(",
        "import(",
    ] {
        assert!(!PAGE.contains(elsewhere), "{elsewhere}");
    }
    beside(1, async |router| {
        let (_, headers, body) = get(&router, Some("text/html")).await;
        assert_eq!(body, PAGE);
        let policy = headers[CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(
            policy.starts_with("default-src 'none'; connect-src 'self';"),
            "{policy}"
        );
    });
}

#[test]
fn the_page_knows_the_classes_of_durations_as_the_operator_counts_them() {
    let bounds = obsyk_domain::durations::BOUNDS.map(|bound| bound.as_secs_f64().to_string());
    let line = format!("const BOUNDS = [{}];", bounds.join(", "));
    assert!(PAGE.contains(&line), "no {line} in the page");
}

#[test]
fn a_tree_that_no_longer_answers_is_shown_as_it_was_and_says_so_within_a_second() {
    beside(1, async |router| {
        let seen = async || {
            let (status, _, body) = get(&router, None).await;
            assert_eq!(status, StatusCode::OK, "{body}");
            let tree: Value = serde_json::from_str(&body).unwrap();
            assert_eq!(tree["version"], "1.2.3");
            let lives = [&tree["actor"]["life"], &tree["agents"][0]["actor"]["life"]];
            (
                lives.map(|life| life.as_str().unwrap().to_owned()),
                tree["now"].as_f64().unwrap(),
            )
        };
        assert_eq!(seen().await, (["running", "running"].map(str::to_owned), 0.0));
        tokio::time::sleep(Duration::from_secs(60)).await;
        let asked = Instant::now();
        let (lives, now) = seen().await;
        assert_eq!(lives, ["busy", "busy"]);
        assert!((60.9..61.0).contains(&now), "what is shown is as old as it is: {now}");
        assert_eq!(asked.elapsed(), ANSWER);
        assert!(ANSWER < Duration::from_secs(1));
    });
}

#[test]
fn a_tree_that_was_never_seen_is_no_tree() {
    beside(0, async |router| {
        let (status, _, body) = get(&router, None).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(body, "the actors haven't answered yet\n");
    });
}

#[test]
fn the_endpoint_answers_within_a_second_while_the_actors_thread_is_stuck() {
    let (started, ready) = std::sync::mpsc::channel();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let (over, ended) = oneshot::channel::<()>();
    let actors = std::thread::spawn(move || {
        actix_rt::System::new().block_on(async {
            let supervisor = Supervisor(9).start();
            let inspection = Inspection::new(Post::uncounted(supervisor.recipient()));
            inspection.now().await.expect("it answers");
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            listener.set_nonblocking(true).unwrap();
            started.send(listener.local_addr().unwrap()).unwrap();
            serve(listener, inspection);
            // Nothing runs on this thread until then.
            released.recv_timeout(Duration::from_secs(30)).unwrap();
            ended.await.ok();
        });
    });
    let address = ready.recv_timeout(Duration::from_secs(30)).unwrap();
    let since = std::time::Instant::now();
    let mut connection = std::net::TcpStream::connect(address).unwrap();
    connection.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let request = format!("GET {PATH} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    std::io::Write::write_all(&mut connection, request.as_bytes()).unwrap();
    let answer = std::io::read_to_string(connection).unwrap();
    assert!(answer.contains("\"life\":\"busy\""), "{answer}");
    assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());
    release.send(()).unwrap();
    over.send(()).unwrap();
    actors.join().unwrap();
}
