// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Pair {
    a: Lenient<i64>,
    b: Lenient<String>,
}

/// The two values of a struct, and whether there was a fault.
fn read(json: &str) -> (Option<i64>, Option<String>, bool) {
    let (pair, faulty) = watch_faults(|| serde_json::from_str::<Lenient<Pair>>(json).unwrap());
    let pair = pair.or_default();
    (pair.a.get(), pair.b.get(), faulty)
}

#[test]
fn a_value_of_another_shape_is_skipped_and_noted_and_the_next_is_read() {
    let b = || Some("x".to_owned());
    assert_eq!(read(r#"{"a":1,"b":"x"}"#), (Some(1), b(), false));
    assert_eq!(read(r#"{"b":"x","c":[{}]}"#), (None, b(), false));
    assert_eq!(read(r#"{"a":null,"b":"x"}"#), (None, b(), false));
    for other in [
        "true",
        "1.5",
        "18446744073709551615",
        "\"1\"",
        "[1,[2],{\"a\":3}]",
        "{\"a\":{\"b\":[4]}}",
        "[]",
        "{}",
    ] {
        assert_eq!(
            read(&format!(r#"{{"a":{other},"b":"x"}}"#)),
            (None, b(), true),
            "{other}"
        );
    }
    for other in ["[1,\"x\"]", "[]", "\"x\"", "7", "false"] {
        assert_eq!(read(other), (None, None, true), "{other}");
    }
    assert_eq!(read(r#"{"a":1,"a":2,"b":"x"}"#), (None, None, true));
}

#[test]
fn faults_within_are_kept_apart_from_faults_without() {
    let fault = || drop(serde_json::from_str::<Lenient<bool>>("1"));
    assert!(watch_faults(fault).1);
    assert!(!watch_faults(|| assert!(watch_faults(fault).1)).1);
    assert!(watch_faults(|| (fault(), assert!(!watch_faults(|| ()).1))).1);
}

#[test]
fn what_is_no_json_stays_an_error() {
    for broken in [
        r#"{"a":"#,
        r#"{"a":tru}"#,
        r#"{"a":"\ud800","b":"x"}"#,
        r#"{"a":[1 2]}"#,
        r#"[1"#,
        "",
    ] {
        assert!(serde_json::from_str::<Lenient<Pair>>(broken).is_err(), "{broken}");
    }
}

#[test]
fn shapes_keep_what_is_sent_of_them() {
    assert_eq!(
        serde_json::from_str::<Keys>(r#"{"b":"MARKER","a":{"c":1}}"#).unwrap().0,
        ["a", "b"]
    );
    assert_eq!(serde_json::from_str::<Count>(r#"[1,{"a":[2]},null]"#).unwrap().0, 3);
    for (json, text) in [("8080", "8080"), ("-1", "-1"), ("1.5", "1.5"), ("\"http\"", "http")] {
        assert_eq!(serde_json::from_str::<Spelled>(json).unwrap().0, text);
    }
    let (texts, faulty) = watch_faults(|| serde_json::from_str::<TextMap>(r#"{"a":"1","b":null,"c":2}"#).unwrap());
    assert_eq!((texts.0.len(), faulty), (1, true));
}
