// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What a watcher knows of each object: what is needed to tell a change from a repetition, and to name what is gone.
//!
//! It is the only thing that grows with the cluster: 48 bytes for a uid, a version, a hash and where the name is, at most
//! 12 for its place in the index, namespace and name, and an eighth for growth. With names as Deployments give them that
//! makes 100 to 120 bytes.

mod index;
mod names;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use obsyk_domain::resource::Uid;

use index::Index;
use names::{Name, Names};

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

/// An object that is known no more.
#[derive(Debug, PartialEq, Eq)]
pub struct Gone {
    /// Its uid.
    pub uid: Uid,
    /// Its namespace; none on cluster-scoped kinds.
    pub namespace: Option<Box<str>>,
    /// Its name.
    pub name: Box<str>,
    /// Whether it was ever decoded, and so told.
    pub told: bool,
}

/// A hash of 64 bits: among 10⁵ objects that change 10⁶ times, one change in 10¹³ is taken for a repetition, and the
/// daily snapshot mends that.
#[derive(Debug)]
struct Object {
    uid: Uid,
    /// The version, and in its upper bits the marks below. etcd's revisions are 63 bits, of which a cluster with a
    /// million changes a second uses 59 in 18,000 years.
    version: u64,
    hash: u64,
    name: Name,
}

/// The list that is being read has it.
const LISTED: u64 = 1 << 63;
/// It was decoded once, and so told.
const TOLD: u64 = 1 << 62;
/// Its last state couldn't be decoded.
const UNDECODABLE: u64 = 1 << 61;
/// A snapshot may have gone without it: it is told again, whatever it says.
const TELL_AGAIN: u64 = 1 << 60;
const VERSION: u64 = TELL_AGAIN - 1;

impl Object {
    fn version(&self) -> u64 {
        self.version & VERSION
    }

    fn is(&self, mark: u64) -> bool {
        self.version & mark != 0
    }

    fn mark(&mut self, mark: u64, on: bool) {
        self.version = if on { self.version | mark } else { self.version & !mark };
    }
}

/// See the module's page.
#[derive(Debug, Default)]
pub struct Known {
    objects: Vec<Object>,
    index: Index,
    names: Names,
    undecodable: usize,
}

impl Known {
    /// A list begins: what isn't seen from here on is unseen.
    pub fn begin_list(&mut self) {
        for object in &mut self.objects {
            object.mark(LISTED, false);
        }
    }

    /// The version known of a uid, and whether it was seen since the list began.
    pub fn version(&self, uid: &Uid) -> Option<(u64, bool)> {
        let object = self.objects.get(self.place(uid)?)?;
        Some((object.version(), object.is(LISTED)))
    }

    /// Takes a sighting: its version, and its JSON unless it can't be decoded.
    pub fn see(&mut self, uid: &Uid, namespace: Option<&str>, name: &str, version: u64, json: Option<&[u8]>) -> Seen {
        let hash = json.map(hash_of);
        if let Some(object) = self.place(uid).and_then(|place| self.objects.get_mut(place)) {
            let was_undecodable = object.is(UNDECODABLE);
            self.undecodable = self.undecodable + usize::from(hash.is_none()) - usize::from(was_undecodable);
            if version > object.version() {
                object.version = object.version & !VERSION | version.min(VERSION);
            }
            object.mark(LISTED, true);
            object.mark(UNDECODABLE, hash.is_none());
            let Some(hash) = hash else {
                object.mark(TELL_AGAIN, true);
                return Seen::Same;
            };
            let was_told = object.is(TOLD);
            if was_told && !object.is(TELL_AGAIN) && object.hash == hash {
                return Seen::Same;
            }
            object.mark(TELL_AGAIN, false);
            object.hash = hash;
            object.mark(TOLD, true);
            return if was_told { Seen::Changed } else { Seen::New };
        }
        self.undecodable += usize::from(hash.is_none());
        let mut object = Object {
            uid: uid.clone(),
            version: version.min(VERSION),
            hash: hash.unwrap_or_default(),
            name: self.names.add(namespace, name),
        };
        object.mark(LISTED, true);
        object.mark(TOLD, hash.is_some());
        object.mark(UNDECODABLE, hash.is_none());
        self.index.insert(short_hash(uid), self.objects.len());
        if self.objects.len() == self.objects.capacity() {
            // By an eighth: a vector that doubles itself would hold twice what is needed.
            self.objects.reserve_exact((self.objects.len() / 8).max(16));
        }
        self.objects.push(object);
        if hash.is_some() { Seen::New } else { Seen::Same }
    }

    /// The list that ends has shown this object too late for its snapshot: if it isn't there by then, it is told again.
    pub fn see_late(&mut self, uid: &Uid) {
        if let Some(object) = self.place(uid).and_then(|place| self.objects.get_mut(place))
            && !object.is(LISTED)
        {
            object.mark(LISTED, true);
            object.mark(TELL_AGAIN, true);
        }
    }

    /// What was seen of this object was not told after all: the next sighting is new again.
    pub fn untell(&mut self, uid: &Uid) {
        if let Some(object) = self.place(uid).and_then(|place| self.objects.get_mut(place)) {
            object.mark(TOLD, false);
        }
    }

    /// Forgets an object.
    pub fn remove(&mut self, uid: &Uid) -> Option<Gone> {
        let place = self.place(uid)?;
        Some(self.remove_at(place))
    }

    /// Forgets what the list that ends hasn't shown.
    pub fn remove_unseen(&mut self, mut gone: impl FnMut(Gone)) {
        // From the end: what moves into a gap was looked at already.
        for place in (0..self.objects.len()).rev() {
            if self.objects.get(place).is_some_and(|object| !object.is(LISTED)) {
                gone(self.remove_at(place));
            }
        }
    }

    fn remove_at(&mut self, place: usize) -> Gone {
        let last = self.objects.len() - 1;
        let object = self.objects.swap_remove(place);
        self.index.remove(short_hash(&object.uid), place);
        if let Some(moved) = self.objects.get(place) {
            self.index.replace(short_hash(&moved.uid), last, place);
        }
        if self.objects.len() * 4 < self.objects.capacity() {
            self.objects.shrink_to(self.objects.len() * 2);
        }
        self.undecodable -= usize::from(object.is(UNDECODABLE));
        let told = object.is(TOLD);
        let (namespace, name) = self.names.get(object.name);
        let gone = Gone {
            namespace: namespace.map(Into::into),
            name: name.into(),
            told,
            uid: object.uid,
        };
        self.names.remove(object.name);
        self.names.tidy(self.objects.iter_mut().map(|object| &mut object.name));
        gone
    }

    /// What the current list hasn't shown yet, by the hash of namespace and name.
    pub fn unseen_names(&self) -> HashMap<u64, Uid> {
        self.objects
            .iter()
            .filter(|object| !object.is(LISTED))
            .map(|object| {
                let (namespace, name) = self.names.get(object.name);
                (Self::name_hash(namespace, name), object.uid.clone())
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

    /// The first of them: namespace, name and uid.
    pub fn undecodable_objects(&self, most: usize) -> impl Iterator<Item = (Option<&str>, &str, String)> {
        // Looked for only when there are any, and no further than they reach.
        let most = most.min(self.undecodable);
        let searched = if most == 0 { &[] } else { self.objects.as_slice() };
        let found = searched.iter().filter(|object| object.is(UNDECODABLE)).take(most);
        found.map(|object| {
            let (namespace, name) = self.names.get(object.name);
            (namespace, name, object.uid.to_string())
        })
    }

    fn place(&self, uid: &Uid) -> Option<usize> {
        self.index.find(short_hash(uid), |place| {
            self.objects.get(place).is_some_and(|object| object.uid == *uid)
        })
    }
}

fn hash_of(json: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(json);
    hasher.finish()
}

fn short_hash(uid: &Uid) -> u32 {
    let mut hasher = DefaultHasher::new();
    uid.hash(&mut hasher);
    let hash = hasher.finish();
    (hash >> 32) as u32 ^ hash as u32
}
