// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What a body must look like, field by field (protocol.md): a table (`kinds.rs`), and one walk along it that reports
//! everything that is wrong, each with the path to it.

mod check;
mod kinds;
#[cfg(test)]
mod tests;
mod withheld;

use serde_json::Value;

use self::check::Check;

pub(super) use self::kinds::{KINDS, Kind, kind};
pub(super) use self::withheld::must_stay;

/// A field of an object in a body.
#[derive(Debug)]
struct Field {
    name: &'static str,
    /// Always there, even when zero, false or empty. Others are left out when they have no value.
    required: bool,
    of: Type,
}

/// What a field's value must be.
#[derive(Clone, Copy, Debug)]
enum Type {
    Text,
    /// A text that isn't empty even where it is required.
    Filled,
    Flag,
    /// A whole number, not negative.
    Count,
    /// RFC 3339, UTC, whole seconds.
    Time,
    OneOf(&'static [&'static str]),
    Texts,
    /// Made from the keys of a map: sorted by their bytes, each once.
    SortedTexts,
    TextMap,
    /// A map of texts without those that must not leave the cluster.
    Annotations,
    Group(&'static [Field]),
    /// A group that says something by being there, even when it is empty.
    GroupOfAny(&'static [Field]),
    Groups(&'static [Field]),
}

const fn must(name: &'static str, of: Type) -> Field {
    Field {
        name,
        required: true,
        of,
    }
}

const fn may(name: &'static str, of: Type) -> Field {
    Field {
        name,
        required: false,
        of,
    }
}

/// What is wrong with a heartbeat.
pub(super) fn heartbeat(body: &Value) -> Vec<String> {
    let mut check = Check::default();
    check.group(body, &[kinds::HEARTBEAT], &[]);
    check.problems()
}

/// What is wrong with an event.
pub(super) fn event(body: &Value) -> Vec<String> {
    let mut check = Check::default();
    check.group(body, &[kinds::EVENT], &["object"]);
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let Some(name) = text("kind") else {
        return check.problems();
    };
    let Some(kind) = kind(name) else {
        check.problem(format_args!("kind: {name:?} is none of the protocol"));
        return check.problems();
    };
    match (kind.namespaced, body.get("namespace")) {
        (true, None) => check.problem("namespace: missing"),
        (false, Some(_)) => check.problem(format_args!("namespace: a {name} has none")),
        _ => {}
    }
    let is_delete = text("type").is_some_and(|t| t.eq_ignore_ascii_case("deleted"));
    match (is_delete, body.get("object")) {
        (true, Some(_)) => check.problem("object: a delete has none"),
        (false, None) => check.problem("object: missing"),
        (true, None) => {}
        (false, Some(object)) => {
            check.within("object", |check| check.object(object, kind));
            for field in ["uid", "name", "namespace"] {
                if object.get(field) != body.get(field) {
                    check.problem(format_args!("object.{field}: not that of the event"));
                }
            }
        }
    }
    check.problems()
}

/// What is wrong with a snapshot.
pub(super) fn snapshot(body: &Value) -> Vec<String> {
    let mut check = Check::default();
    let lists = KINDS.each_ref().map(|kind| kind.list);
    check.group(body, &[kinds::SNAPSHOT], &lists);
    let version = body.get("kubernetes_version").and_then(Value::as_str);
    if version.is_some_and(|version| !version.starts_with(|c: char| c.is_ascii_digit())) {
        check.problem("kubernetes_version: doesn't begin with a digit");
    }
    let mut uids = std::collections::HashSet::new();
    for kind in &KINDS {
        match body.get(kind.list) {
            None => {}
            Some(Value::Array(objects)) => {
                for (n, object) in objects.iter().enumerate() {
                    check.within(format_args!("{}[{n}]", kind.list), |check| {
                        check.object(object, kind);
                        let uid = object.get("uid").and_then(Value::as_str);
                        if uid.is_some_and(|uid| !uids.insert(uid)) {
                            check.problem("uid: listed twice");
                        }
                    });
                }
            }
            Some(_) => check.problem(format_args!("{}: not a list", kind.list)),
        }
    }
    check.problems()
}
