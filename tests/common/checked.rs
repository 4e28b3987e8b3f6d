// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What the suites of `check` share: a cluster with an operator's rights and a platform by https, and how lines are read.

use std::path::PathBuf;

use obsyk_testkit::controlplane::Guard;
use obsyk_testkit::operator::{self, NAMESPACE};
use obsyk_testkit::platform::{Certificate, Platform};
use serde_json::{Value, json};

use super::{AGENT, CLIENT, SERVICE_ACCOUNT, SOON, Stage, rbac, run, stderr, stdout};

/// Group and resource of ObsykAgents.
pub const AGENTS: (&str, &str) = ("obsyk.io", "obsykagents");

/// A stage whose agent reports to a platform by https, and an operator that has the rights of the manifests.
pub struct Checked {
    pub stage: Stage,
    pub platform: Platform,
    pub ca_file: PathBuf,
    pub kubeconfig: PathBuf,
}

impl Checked {
    pub async fn new() -> Self {
        let stage = Stage::new().await;
        for name in ["clusterrole", "clusterrolebinding", "role", "rolebinding"] {
            stage.create(rbac(name)).await;
        }
        holds(&stage, true, "list", ("", "pods"), None).await;
        holds(&stage, true, "list", AGENTS, Some(NAMESPACE)).await;
        let platform = https(&stage, Certificate::Good).await;
        let ca_file = stage.control_plane.folder().join("platform-ca.crt");
        std::fs::write(&ca_file, platform.ca_pem()).unwrap();
        operator::create_agent(&stage.client, AGENT, &operator::agent_spec(platform.url()))
            .await
            .unwrap();
        Self {
            kubeconfig: stage.control_plane.user_kubeconfig(SERVICE_ACCOUNT, &[]).unwrap(),
            stage,
            platform,
            ca_file,
        }
    }

    /// The exit code, and what was printed.
    pub async fn check(&self) -> (i32, String) {
        let ca_file = format!("--platform-ca-file={}", self.ca_file.display());
        self.check_with(&[&ca_file], &[]).await
    }

    pub async fn check_with(&self, flags: &[&str], environment: &[(&str, &str)]) -> (i32, String) {
        let kubeconfig = format!("--kubeconfig={}", self.kubeconfig.display());
        let args = [&["check", &kubeconfig], flags].concat();
        let output = run(&args, environment).await;
        assert_eq!(stderr(&output), "");
        let text = stdout(&output);
        assert!(
            !text.contains('\u{1b}'),
            "no colours where there is no terminal: {text}"
        );
        for line in text.lines() {
            let words = ["ok    ", "warn  ", "FAIL  ", "skip  ", "      hint: "];
            let is_last = Some(line) == text.lines().last();
            assert!(is_last || words.iter().any(|word| line.starts_with(word)), "{line:?}");
        }
        (output.status.code().expect("it ends by itself"), text)
    }

    /// Checks, and wants it to fail with these lines, each with a hint that has these words.
    pub async fn fails(&self, with: &[(&str, &str)]) -> String {
        let (code, text) = self.check().await;
        assert_fails((code, &text), with);
        text
    }

    pub async fn set(&self, spec: Value) {
        operator::edit_agent(&self.stage.client, AGENT, &spec).await.unwrap();
    }
}

/// Waits until a change of roles holds: whether the operator's account may now do this, in its namespace or everywhere.
pub async fn holds(stage: &Stage, may: bool, verb: &str, (group, resource): (&str, &str), namespace: Option<&str>) {
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
        "spec": {
            "user": SERVICE_ACCOUNT,
            "resourceAttributes": { "group": group, "resource": resource, "verb": verb, "namespace": namespace },
        },
    });
    let guard = Guard::new(format!("it may {verb} {resource}: {may}"), SOON);
    loop {
        let request = http::Request::post("/apis/authorization.k8s.io/v1/subjectaccessreviews")
            .header("content-type", "application/json")
            .body(review.to_string().into_bytes())
            .unwrap();
        let answer: Value = stage.client.request(request).await.unwrap();
        if answer["status"]["allowed"] == may {
            return;
        }
        guard.again(answer["status"].to_string()).await.unwrap();
    }
}

pub async fn https(stage: &Stage, certificate: Certificate) -> Platform {
    let platform = Platform::builder().client(CLIENT, stage.key.public_pem());
    platform.certificate(certificate).start().await.unwrap()
}

/// The line that begins so and what follows it, if that is a hint.
pub fn line<'t>(text: &'t str, begins: &str) -> (&'t str, &'t str) {
    let mut lines = text.lines().skip_while(|line| !line.starts_with(begins));
    let line = lines
        .next()
        .unwrap_or_else(|| panic!("no line begins with {begins:?} in\n{text}"));
    let hint = lines.next().and_then(|next| next.strip_prefix("      hint: "));
    (line, hint.unwrap_or_default())
}

pub fn assert_fails((code, text): (i32, &str), with: &[(&str, &str)]) {
    assert_eq!(code, 1, "{text}");
    for (begins, hint) in with {
        let found = line(text, &format!("FAIL  {begins}"));
        assert!(
            !hint.is_empty() && found.1.contains(hint),
            "{hint:?} isn't in the hint of {found:?}"
        );
    }
    let fails = text.lines().filter(|line| line.starts_with("FAIL")).count();
    assert_eq!(fails, with.len(), "nothing else fails:\n{text}");
    assert!(text.contains(&format!("failures: {fails}, ")), "{text}");
}
