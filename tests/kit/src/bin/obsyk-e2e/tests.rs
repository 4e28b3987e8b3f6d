// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What can be known without a node.

use clap::Parser;

use crate::endpoints;
use crate::settings::{Settings, Whose};

const NEEDED: [&str; 9] = [
    "obsyk-e2e",
    "--kubeconfig=k",
    "--operator=o",
    "--image=i",
    "--archive=a",
    "--chart=c",
    "--helm=h",
    "--helm4=h",
    "--load=true",
];

/// Settings that no variable of whoever runs the tests gets into.
fn platform(host: &str, theirs: [&str; 4]) -> Result<Whose, String> {
    let flags = ["--platform-url", "--client-id", "--private-key", "--cluster-name"];
    let mut args: Vec<String> = NEEDED.into_iter().map(str::to_owned).collect();
    args.push(format!("--platform-host={host}"));
    args.extend(
        flags
            .into_iter()
            .zip(theirs)
            .map(|(flag, value)| format!("{flag}={value}")),
    );
    let settings = Settings::try_parse_from(args).map_err(|error| error.to_string())?;
    settings.platform().map_err(|error| error.to_string())
}

#[test]
fn without_a_platform_the_double_listens_where_pods_reach_it() {
    let Ok(Whose::Double(host)) = platform("10.244.0.1", [""; 4]) else {
        panic!("the double was wanted");
    };
    assert_eq!(host, "10.244.0.1");
    let refusal = platform("", [""; 4]).err().expect("nobody can be reported to");
    assert!(refusal.contains("E2E_PLATFORM_HOST"), "{refusal}");
}

#[test]
fn a_platform_needs_all_four_and_what_is_missing_is_named() {
    let refusal = platform("10.244.0.1", ["https://platform.example.com", "", "a2V5", ""]).err();
    let refusal = refusal.expect("two are missing");
    assert!(refusal.contains("not E2E_CLIENT_ID, E2E_CLUSTER_NAME"), "{refusal}");
    assert!(!refusal.contains("a2V5"), "the key is shown: {refusal}");
}

#[test]
fn a_key_comes_in_base64_in_lines_too_and_is_not_shown() {
    let Ok(Whose::Theirs(theirs)) = platform("", ["https://platform.example.com", "client", "a2\nV5", "e2e"]) else {
        panic!("a platform was wanted");
    };
    assert_eq!(theirs.key, "key");
    let refusal = platform("", ["https://platform.example.com", "client", "-----BEGIN", "e2e"]).err();
    let refusal = refusal.expect("that is no base64");
    assert!(
        refusal.contains("base64 -w0") && !refusal.contains("BEGIN"),
        "{refusal}"
    );
}

#[test]
fn a_metric_is_summed_over_the_lines_that_have_its_labels() {
    let metrics = "\
# TYPE obsyk_requests counter
obsyk_requests_total{agent=\"main\",endpoint=\"events\",code=\"2xx\"} 7
obsyk_requests_total{agent=\"other\",endpoint=\"events\",code=\"2xx\"} 5
obsyk_requests_total{agent=\"main\",endpoint=\"events\",code=\"5xx\"} 3
obsyk_requests_total_of_another 100
obsyk_ledger_dirty 2
# EOF
";
    let accepted = ["endpoint=\"events\"", "code=\"2xx\""];
    assert_eq!(endpoints::sum(metrics, "obsyk_requests_total", &accepted), 12);
    assert_eq!(endpoints::sum(metrics, "obsyk_ledger_dirty", &[]), 2);
}
