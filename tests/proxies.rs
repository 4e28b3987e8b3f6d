// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Forward proxies on the way to the platform: the main job through one that wants a user, what is said of one that doesn't do
//! its work, and that the API server is reached directly whatever the variables say.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use std::time::Duration;

use common::{AGENT, CLIENT, SOON, Stage, a_config_map, run, stdout};
use obsyk_testkit::controlplane::Guard;
use obsyk_testkit::forward::ForwardProxy;
use obsyk_testkit::operator::{self, Operator, OperatorOptions};
use obsyk_testkit::platform::{Endpoint, Platform};
use serde_json::{Value, json};

/// A stage with a platform by https, whose authority is in a file.
struct Behind {
    stage: Stage,
    platform: Platform,
    ca_flag: String,
}

impl Behind {
    async fn new() -> Self {
        let stage = Stage::new().await;
        let platform = Platform::builder().client(CLIENT, stage.key.public_pem());
        let platform = platform.https().start().await.unwrap();
        let ca_file = stage.control_plane.folder().join("platform-ca.crt");
        std::fs::write(&ca_file, platform.ca_pem()).unwrap();
        Self {
            ca_flag: format!("--platform-ca-file={}", ca_file.display()),
            stage,
            platform,
        }
    }

    fn operate(&self, environment: &[(&str, &str)]) -> Operator {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        self.stage.operate_with(&OperatorOptions {
            args: vec![self.ca_flag.clone()],
            environment: environment.iter().map(own).collect(),
        })
    }

    async fn check(&self, environment: &[(&str, &str)]) -> (Option<i32>, String) {
        let kubeconfig = self.stage.control_plane.kubeconfig_path();
        let kubeconfig = format!("--kubeconfig={}", kubeconfig.display());
        let output = run(&["check", &kubeconfig, &self.ca_flag], environment).await;
        (output.status.code(), stdout(&output))
    }

    async fn agent(&self, spec: &Value) {
        operator::create_agent(&self.stage.client, AGENT, spec).await.unwrap();
    }

    /// Waits until Degraded names all of these.
    async fn degraded(&self, named: &[&str]) -> String {
        let guard = Guard::new(format!("Degraded names {named:?}"), SOON);
        loop {
            let client = &self.stage.client;
            let message = operator::condition(client, AGENT, "Degraded", "True", "PlatformUnavailable").await;
            let message = message.unwrap();
            if named.iter().all(|part| message.contains(part)) {
                return message;
            }
            guard.again(message).await.unwrap();
        }
    }

    /// Ends an operator and its agent, for the next.
    async fn clear(&self, operator: Operator) {
        drop(operator);
        operator::delete_agent(&self.stage.client, AGENT).await.unwrap();
    }

    /// Host and port of the platform.
    fn authority(&self) -> &str {
        self.platform.url().trim_start_matches("https://")
    }
}

#[tokio::test]
async fn the_main_job_is_done_through_a_proxy_with_a_user_and_the_api_server_is_reached_directly() {
    let behind = Behind::new().await;
    let proxy = ForwardProxy::builder().user("me", "open-sesame").start().await.unwrap();
    let url = proxy.url_for("me", "open-sesame");
    let both = [("HTTPS_PROXY", url.as_str()), ("HTTP_PROXY", url.as_str())];
    let operator = behind.operate(&both);
    behind.agent(&operator::agent_spec(behind.platform.url())).await;
    behind.platform.wait_until_equal(&behind.stage.client, SOON).await;
    behind.stage.create(a_config_map("through", "a")).await;
    behind.platform.wait_until_equal(&behind.stage.client, SOON).await;
    behind.platform.assert_no_violations();
    operator
        .logged(&["configured", &proxy.address().to_string()])
        .await
        .unwrap();

    let (code, text) = behind.check(&both).await;
    assert_eq!(code, Some(0), "{text}");
    let named = format!("ok    obsyk-system/demo: proxy: {}, by HTTPS_PROXY", proxy.address());
    assert!(
        text.contains(&named) && text.contains("DNS: 127.0.0.1 is an address"),
        "{text}"
    );
    assert!(
        text.contains("TLS: version 1.3, the certificate is issued by \"CN=obsyk-platform-ca\""),
        "{text}"
    );

    let asked = proxy.asked();
    assert!(!asked.is_empty());
    for asked in asked {
        // The API server isn't among them.
        assert_eq!(
            (asked.method.as_str(), asked.target.as_str(), asked.status),
            ("CONNECT", behind.authority(), 200)
        );
    }
    for told in [operator.log(), text] {
        assert!(!told.contains("open-sesame"), "{told}");
    }
}

#[tokio::test]
async fn hosts_that_are_excepted_are_reached_directly_and_names_in_lower_case_count() {
    let behind = Behind::new().await;
    let proxy = ForwardProxy::builder().start().await.unwrap();
    let url = proxy.url();
    behind.agent(&operator::agent_spec(behind.platform.url())).await;
    let excepted = [("https_proxy", url.as_str()), ("no_proxy", "example.com,localhost")];
    let (code, text) = behind.check(&excepted).await;
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("proxy: none"), "{text}");
    let operator = behind.operate(&excepted);
    behind.platform.wait_until_equal(&behind.stage.client, SOON).await;
    assert_eq!(proxy.asked(), []);
    drop(operator);
    let (code, text) = behind.check(&[("https_proxy", &url)]).await;
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains(&format!("proxy: {}, by https_proxy", proxy.address())),
        "{text}"
    );
    assert_eq!(proxy.asked().len(), 2, "for the handshake, and for the token");
}

#[tokio::test]
async fn a_proxy_that_does_not_do_its_work_is_named_with_what_to_do() {
    let behind = Behind::new().await;
    let strict = ForwardProxy::builder().user("me", "open-sesame").start().await.unwrap();
    let refuses = ForwardProxy::builder().refuses().start().await.unwrap();
    let wrong = strict.url_for("me", "wrong-sesame");
    let spec = operator::agent_spec(behind.platform.url());
    for (url, name, said, hint) in [
        (
            strict.url(),
            strict.address().to_string(),
            "(407)",
            "user:password@host:port",
        ),
        (wrong, strict.address().to_string(), "(407)", "user:password@host:port"),
        (
            refuses.url(),
            refuses.address().to_string(),
            "the proxy refused the connection",
            "NO_PROXY",
        ),
        (
            "http://127.0.0.1:1".to_owned(),
            "127.0.0.1:1".to_owned(),
            "the proxy can't be reached",
            "HTTPS_PROXY",
        ),
        (
            "http://nowhere.invalid:3128".to_owned(),
            "nowhere.invalid:3128".to_owned(),
            "the proxy can't be reached",
            "HTTPS_PROXY",
        ),
    ] {
        let environment = [("HTTPS_PROXY", url.as_str())];
        let operator = behind.operate(&environment);
        behind.agent(&spec).await;
        let message = behind.degraded(&[&name, said, hint]).await;
        assert!(!message.contains("sesame"), "{message}");
        let (code, text) = behind.check(&environment).await;
        assert_eq!(code, Some(1), "{url}: {text}");
        let failed = text.lines().find(|line| line.starts_with("FAIL")).unwrap();
        assert!(
            failed.contains(said) || failed.contains("nowhere.invalid can't be resolved"),
            "{url}: {text}"
        );
        assert!(
            text.contains(&format!("proxy: {name}, by HTTPS_PROXY")) && !text.contains("sesame"),
            "{text}"
        );
        behind.clear(operator).await;
    }
    assert_eq!(behind.platform.look(|view| view.requests().count()), 0);
}

#[tokio::test]
async fn of_http_a_proxy_is_named_too_and_hands_on_what_its_user_sends() {
    let behind = Behind::new().await;
    let platform = &behind.stage.platform;
    let address = platform.url().trim_start_matches("http://").parse().unwrap();
    let (host, url) = ("platform.invalid", "http://platform.invalid");
    platform.audience(url);
    let proxy = ForwardProxy::builder()
        .user("me", "open-sesame")
        .knows(host, address)
        .start()
        .await
        .unwrap();
    let spec = operator::agent_spec(url);
    let insecure = ("OBSYK_ALLOW_INSECURE_PLATFORM", "true");
    let operator = behind.operate(&[insecure, ("HTTP_PROXY", &proxy.url())]);
    behind.agent(&spec).await;
    behind
        .degraded(&[&proxy.address().to_string(), "(407)", "user:password@host:port"])
        .await;
    behind.clear(operator).await;
    let operator = behind.operate(&[insecure, ("HTTP_PROXY", "http://127.0.0.1:1")]);
    behind.agent(&spec).await;
    behind.degraded(&["the proxy can't be reached: 127.0.0.1:1"]).await;
    behind.clear(operator).await;
    let _operator = behind.operate(&[insecure, ("HTTP_PROXY", &proxy.url_for("me", "open-sesame"))]);
    behind.agent(&spec).await;
    behind.stage.equal().await;
    let snapshot = format!("{url}/api/v1/agent/snapshot");
    let handed_on = proxy.asked().into_iter().find(|asked| asked.target == snapshot);
    assert_eq!(
        handed_on.map(|asked| (asked.method, asked.status)),
        Some(("POST".to_owned(), 200))
    );
}

#[tokio::test]
async fn plain_http_on_this_machine_goes_to_no_proxy() {
    let behind = Behind::new().await;
    let proxy = ForwardProxy::builder().start().await.unwrap();
    let _operator = behind.operate(&[("HTTP_PROXY", &proxy.url()), ("ALL_PROXY", &proxy.url())]);
    behind.agent(&behind.stage.spec()).await;
    behind.stage.equal().await;
    assert_eq!(proxy.asked(), []);
}

#[tokio::test]
async fn a_proxy_that_ends_idle_connections_costs_nothing() {
    let behind = Behind::new().await;
    let proxy = ForwardProxy::builder()
        .idle(Duration::from_secs(2))
        .start()
        .await
        .unwrap();
    let operator = behind.operate(&[("HTTPS_PROXY", &proxy.url())]);
    // A heartbeat each 10 s: the connection has been ended before each.
    behind.agent(&operator::agent_spec(behind.platform.url())).await;
    let heartbeats = |view: &obsyk_testkit::platform::View<'_>| view.requests_to(Endpoint::Heartbeat).count();
    behind
        .platform
        .wait(SOON, "two heartbeats", |view| heartbeats(view) >= 2)
        .await;
    assert!(proxy.idle_ends() >= 2, "{}", proxy.idle_ends());
    behind.stage.create(a_config_map("after", "a")).await;
    behind.platform.wait_until_equal(&behind.stage.client, SOON).await;
    operator::condition(&behind.stage.client, AGENT, "Degraded", "False", "AsExpected")
        .await
        .unwrap();
    let counted = behind.platform.look(|view| (view.snapshots().count(), view.tokens()));
    assert_eq!(
        counted,
        (1, 1),
        "neither a snapshot nor a token for it\n{}",
        operator.log()
    );
    assert!(!operator.log().contains("a request failed"), "{}", operator.log());
    behind.platform.assert_no_violations();
}

#[tokio::test]
async fn a_kubeconfig_that_names_a_proxy_leads_to_the_api_server_through_it() {
    let behind = Behind::new().await;
    let proxy = ForwardProxy::builder().user("me", "open-sesame").start().await.unwrap();
    let control_plane = &behind.stage.control_plane;
    let text = std::fs::read_to_string(control_plane.kubeconfig_path()).unwrap();
    let mut kubeconfig: Value = serde_yaml_ng::from_str(&text).unwrap();
    kubeconfig["clusters"][0]["cluster"]["proxy-url"] = json!(proxy.url_for("me", "open-sesame"));
    let path = control_plane.folder().join("through-a-proxy.kubeconfig");
    std::fs::write(&path, kubeconfig.to_string()).unwrap();
    let flag = format!("--kubeconfig={}", path.display());
    for environment in [
        vec![],
        vec![
            ("KUBECONFIG", path.to_str().unwrap()),
            ("HTTPS_PROXY", "http://127.0.0.1:1"),
        ],
    ] {
        let args: &[&str] = if environment.is_empty() {
            &["crd", "apply", &flag]
        } else {
            &["crd", "apply"]
        };
        let before = proxy.asked().len();
        let output = run(args, &environment).await;
        assert!(
            stdout(&output).contains("unchanged") || stdout(&output).contains("configured"),
            "{output:?}"
        );
        let asked = proxy.asked().split_off(before);
        assert!(!asked.is_empty());
        for asked in asked {
            assert_eq!(
                (asked.target.as_str(), asked.status),
                (control_plane.url().trim_start_matches("https://"), 200)
            );
        }
    }
    // Without one it is reached directly, though a variable names a proxy.
    let plain = control_plane.kubeconfig_path();
    let environment = [
        ("KUBECONFIG", plain.to_str().unwrap()),
        ("HTTPS_PROXY", "http://127.0.0.1:1"),
    ];
    let output = run(&["crd", "apply"], &environment).await;
    assert!(output.status.success(), "{output:?}");

    kubeconfig["clusters"][0]["cluster"]["proxy-url"] = json!("socks5://me:open-sesame@127.0.0.1:1");
    std::fs::write(&path, kubeconfig.to_string()).unwrap();
    let output = run(&["crd", "apply", &flag], &[]).await;
    let said = common::stderr(&output);
    assert!(
        said.contains("the kubeconfig's proxy can't be used") && !said.contains("sesame"),
        "{said}"
    );
}
