// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Objects as the API server has them.

use std::fmt::Write;
use std::rc::Rc;

use obsyk_domain::resource::ResourceKind;

/// Returns true if an object can be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// Yes.
    Good,
    /// Its metadata can, the rest can't.
    BadRest,
    /// Not even its metadata can.
    BadMetadata,
}

/// A state of an object. It carries a number as a label: a later state has a greater one.
#[derive(Clone, Debug)]
pub struct Object {
    /// Its uid.
    pub uid: Rc<str>,
    /// Its namespace; none on cluster-scoped kinds.
    pub namespace: Option<&'static str>,
    /// Its name.
    pub name: Rc<str>,
    /// The number.
    pub content: u64,
    /// Bytes that it carries besides.
    pub padding: usize,
    /// True if it can be decoded.
    pub health: Health,
}

impl Object {
    /// Returns true if the operator can tell what it says.
    pub fn is_good(&self) -> bool {
        self.health == Health::Good
    }

    /// The line of a watch that says `what` of it.
    pub fn line(&self, what: &str, version: u64) -> String {
        let mut line = String::with_capacity(320 + self.padding);
        let uid = match self.health {
            Health::BadMetadata => "",
            Health::Good | Health::BadRest => &self.uid,
        };
        // Writing to a string can't fail.
        let _always = write!(
            line,
            r#"{{"type":"{what}","object":{{"metadata":{{"uid":"{uid}","name":"{}","resourceVersion":"{version}","labels":{{"says":"{}""#,
            self.name, self.content
        );
        if self.padding > 0 {
            line.push_str(r#","padding":""#);
            line.extend(std::iter::repeat_n('x', self.padding));
            line.push('"');
        }
        line.push('}');
        if let Some(namespace) = self.namespace {
            let _always = write!(line, r#","namespace":"{namespace}""#);
        }
        line.push('}');
        if self.health == Health::BadRest {
            line.push_str(r#","spec":7,"status":7,"data":7,"type":7"#);
        }
        line.push_str("}}");
        line
    }
}

/// A change of a kind's objects, as etcd keeps it.
#[derive(Clone, Debug)]
pub struct Change {
    /// Its revision.
    pub version: u64,
    /// The object's state, or its last one.
    pub object: Rc<Object>,
    /// True if it is gone with this.
    pub gone: bool,
}

/// A namespace for each namespaced object.
pub fn namespace_of(kind: ResourceKind) -> Option<&'static str> {
    kind.spec().namespaced.then_some("shop")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use obsyk_domain::ports::ReadError;
    use obsyk_domain::resource::{Body, Told, read_line};

    use super::*;

    fn object(kind: ResourceKind, health: Health) -> Object {
        Object {
            uid: "00000000-0000-4000-8000-000000000001".into(),
            namespace: namespace_of(kind),
            name: "web".into(),
            content: 7,
            padding: 0,
            health,
        }
    }

    #[test]
    fn the_operator_reads_them_as_they_are_meant() {
        for kind in ResourceKind::ALL {
            let read = |health| read_line(kind, object(kind, health).line("ADDED", 12).as_bytes());
            let Ok(Told::Put(good)) = read(Health::Good) else {
                panic!("{kind} isn't read");
            };
            let Body::Object(json) = good.body else {
                panic!("{kind} isn't decoded");
            };
            assert!(String::from_utf8(json).unwrap().contains(r#""says":"7""#));
            let Ok(Told::Put(bad)) = read(Health::BadRest) else {
                panic!("{kind} isn't read");
            };
            assert_eq!((bad.version, bad.body), (12, Body::Undecodable), "{kind}");
            assert_eq!(read(Health::BadMetadata).unwrap_err(), ReadError::Undecodable);
        }
    }
}
