// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What a watcher knows of each object: what is needed to tell a change from a repetition, and to name what is gone.
//!
//! It is the only thing that grows with the cluster: a uid in 24 bytes, a version, a hash, namespace and name.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hasher};

use obsyk_domain::resource::Uid;

/// What a sighting is, compared with what was known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Nothing of it was told before.
    New,
    /// It differs from what was told.
    Changed,
    /// It says nothing new.
    Same,
}

/// A hash of 64 bits: among 10⁵ objects that change 10⁶ times, one change in 10¹³ is taken for a repetition, and the
/// daily snapshot mends that.
#[derive(Debug)]
struct Object {
    version: u64,
    hash: u64,
    /// Namespace and name with a slash between; no slash for cluster-scoped kinds. Neither can hold one.
    path: Box<str>,
    list: u8,
    told: bool,
    undecodable: bool,
}

/// See the module's page.
#[derive(Debug, Default)]
pub struct Known {
    objects: HashMap<Uid, Object>,
    list: u8,
    undecodable: usize,
}

impl Known {
    /// A list begins: what isn't seen from here on is [unseen](Self::unseen).
    pub fn begin_list(&mut self) {
        self.list = self.list.wrapping_add(1);
        if self.list == 0 {
            // The mark is a byte: after 256 lists an object that was never seen again would count as seen.
            self.list = 1;
            for object in self.objects.values_mut() {
                object.list = 0;
            }
        }
    }

    /// The version known of a uid.
    pub fn version(&self, uid: &Uid) -> Option<u64> {
        self.objects.get(uid).map(|object| object.version)
    }

    /// Takes a sighting: its version, and its JSON unless it can't be decoded.
    pub fn see(&mut self, uid: &Uid, namespace: Option<&str>, name: &str, version: u64, json: Option<&[u8]>) -> Seen {
        let hash = json.map(hash_of);
        if let Some(object) = self.objects.get_mut(uid) {
            object.list = self.list;
            object.version = object.version.max(version);
            let was_undecodable = std::mem::replace(&mut object.undecodable, hash.is_none());
            self.undecodable = self.undecodable + usize::from(hash.is_none()) - usize::from(was_undecodable);
            return match hash {
                None => Seen::Same,
                Some(hash) if object.told && object.hash == hash => Seen::Same,
                Some(hash) => {
                    object.hash = hash;
                    if std::mem::replace(&mut object.told, true) {
                        Seen::Changed
                    } else {
                        Seen::New
                    }
                }
            };
        }
        self.undecodable += usize::from(hash.is_none());
        let path = match namespace {
            Some(namespace) => format!("{namespace}/{name}").into(),
            None => name.into(),
        };
        let object = Object {
            version,
            hash: hash.unwrap_or_default(),
            path,
            list: self.list,
            told: hash.is_some(),
            undecodable: hash.is_none(),
        };
        self.objects.insert(uid.clone(), object);
        if hash.is_some() { Seen::New } else { Seen::Same }
    }

    /// Forgets an object: its namespace, its name, and whether the platform was ever told of it.
    pub fn remove(&mut self, uid: &Uid) -> Option<(Option<Box<str>>, Box<str>, bool)> {
        let object = self.objects.remove(uid)?;
        self.undecodable -= usize::from(object.undecodable);
        let (namespace, name) = split(&object.path);
        Some((namespace.map(Into::into), name.into(), object.told))
    }

    /// What the current list hasn't shown.
    pub fn unseen(&self) -> Vec<Uid> {
        self.objects
            .iter()
            .filter(|(_, object)| object.list != self.list)
            .map(|(uid, _)| uid.clone())
            .collect()
    }

    /// The same, by the hash of namespace and name.
    pub fn unseen_names(&self) -> HashMap<u64, Uid> {
        self.objects
            .iter()
            .filter(|(_, object)| object.list != self.list)
            .map(|(uid, object)| {
                let (namespace, name) = split(&object.path);
                (Self::name_hash(namespace, name), uid.clone())
            })
            .collect()
    }

    /// The hash by which [`Self::unseen_names`] is keyed.
    pub fn name_hash(namespace: Option<&str>, name: &str) -> u64 {
        let mut hasher = DefaultHasher::new();
        hasher.write(namespace.unwrap_or_default().as_bytes());
        hasher.write_u8(b'/');
        hasher.write(name.as_bytes());
        hasher.finish()
    }

    /// How many objects are known.
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Whether none is known.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// How many of them can't be decoded, and are set aside.
    pub fn undecodable(&self) -> usize {
        self.undecodable
    }
}

fn split(path: &str) -> (Option<&str>, &str) {
    match path.split_once('/') {
        Some((namespace, name)) => (Some(namespace), name),
        None => (None, path),
    }
}

fn hash_of(json: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(json);
    hasher.finish()
}
