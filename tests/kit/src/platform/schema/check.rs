// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The walk along the table.

use std::fmt::Display;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::kinds::Kind;
use super::withheld::must_stay;
use super::{Field, Type};

/// A body that is wrong in one way is often wrong in the same way a thousand times.
const MOST_PROBLEMS: usize = 8;

/// What is wrong so far, and where the walk is.
#[derive(Debug, Default)]
pub(super) struct Check {
    path: Vec<String>,
    problems: Vec<String>,
    more: usize,
}

impl Check {
    /// Everything that was wrong.
    pub(super) fn problems(mut self) -> Vec<String> {
        if self.more > 0 {
            self.problems.push(format!("and {} more", self.more));
        }
        self.problems
    }

    /// A field of where the walk is, and what is wrong with it.
    pub(super) fn problem(&mut self, what: impl Display) {
        let dot = if self.path.is_empty() { "" } else { "." };
        self.push(format!("{}{dot}{what}", self.path.join(".")));
    }

    fn push(&mut self, problem: String) {
        if self.problems.len() < MOST_PROBLEMS {
            self.problems.push(problem);
        } else {
            self.more += 1;
        }
    }

    /// Walks on one step further down.
    pub(super) fn within(&mut self, step: impl Display, walk: impl FnOnce(&mut Self)) {
        self.path.push(step.to_string());
        walk(self);
        self.path.pop();
    }

    /// An object of a kind, as in snapshots and events.
    pub(super) fn object(&mut self, object: &Value, kind: &Kind) {
        self.group(object, &[kind.meta, kind.fields], &[]);
    }

    /// An object with these fields, and no others but those that the caller looks at itself.
    pub(super) fn group(&mut self, value: &Value, fields: &[&'static [Field]], others: &[&str]) {
        let Value::Object(group) = value else {
            return self.wrong("not an object");
        };
        let fields = || fields.iter().copied().flatten();
        for name in group.keys() {
            if !fields().any(|field| field.name == name) && !others.contains(&name.as_str()) {
                self.problem(format_args!("{name}: no such field"));
            }
        }
        for field in fields() {
            match group.get(field.name) {
                None if field.required => self.problem(format_args!("{}: missing", field.name)),
                None => {}
                Some(value) => self.within(field.name, |check| check.field(value, field)),
            }
        }
    }

    fn field(&mut self, value: &Value, field: &Field) {
        if value.is_null() {
            return self.wrong("null");
        }
        if !field.required && !matches!(field.of, Type::GroupOfAny(_)) && is_empty(value) {
            return self.wrong("empty, and not left out");
        }
        match field.of {
            Type::Text => self.is(value.is_string(), "not a text"),
            Type::Filled => self.is(
                value.as_str().is_some_and(|text| !text.is_empty()),
                "not a text, or empty",
            ),
            Type::Flag => self.is(value.is_boolean(), "neither true nor false"),
            Type::Count => self.is(value.is_u64(), "not a whole number from 0 up"),
            Type::Time => self.is(
                value.as_str().is_some_and(is_time),
                "not a time as 2026-01-15T10:30:00Z is one",
            ),
            Type::OneOf(texts) => self.is(
                value.as_str().is_some_and(|text| texts.contains(&text)),
                format_args!("none of {}", texts.join(", ")),
            ),
            Type::Texts => {
                self.texts(value);
            }
            Type::SortedTexts => {
                let texts = self.texts(value);
                self.is(texts.is_sorted_by(|a, b| a < b), "not sorted, or one twice");
            }
            Type::TextMap => {
                self.text_map(value);
            }
            Type::Annotations => {
                for (key, value) in self.text_map(value).into_iter().flatten() {
                    if let Some(why) = value.as_str().and_then(|value| must_stay(key, value)) {
                        self.wrong(format_args!("{key:?} must not leave the cluster: {why}"));
                    }
                }
            }
            Type::Group(fields) | Type::GroupOfAny(fields) => self.group(value, &[fields], &[]),
            Type::Groups(fields) => {
                let Value::Array(groups) = value else {
                    return self.wrong("not a list");
                };
                for (n, group) in groups.iter().enumerate() {
                    self.at(n, |check| check.group(group, &[fields], &[]));
                }
            }
        }
    }

    fn texts<'a>(&mut self, value: &'a Value) -> Vec<&'a str> {
        let Value::Array(values) = value else {
            self.wrong("not a list");
            return Vec::new();
        };
        for (n, value) in values.iter().enumerate() {
            self.at(n, |check| check.is(value.is_string(), "not a text"));
        }
        values.iter().filter_map(Value::as_str).collect()
    }

    fn text_map<'a>(&mut self, value: &'a Value) -> Option<&'a Map<String, Value>> {
        let Value::Object(map) = value else {
            self.wrong("not an object");
            return None;
        };
        for (key, value) in map {
            self.is(value.is_string(), format_args!("the value of {key:?} is not a text"));
        }
        Some(map)
    }

    fn is(&mut self, right: bool, otherwise: impl Display) {
        if !right {
            self.wrong(otherwise);
        }
    }

    /// The value that the walk has come to is wrong as a whole.
    fn wrong(&mut self, what: impl Display) {
        let path = if self.path.is_empty() {
            "the body".to_owned()
        } else {
            self.path.join(".")
        };
        self.push(format!("{path}: {what}"));
    }

    /// Walks on into an element of the list that the walk has come to.
    fn at(&mut self, n: usize, walk: impl FnOnce(&mut Self)) {
        let list = self.path.pop().unwrap_or_default();
        self.within(format_args!("{list}[{n}]"), walk);
        self.path.push(list);
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Its one spelling: any other, of the same time even, reads back differently.
fn is_time(text: &str) -> bool {
    let time = text.parse::<Timestamp>();
    time.is_ok_and(|time| time.subsec_nanosecond() == 0 && time.to_string() == text)
}
