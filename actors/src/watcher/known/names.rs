// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Namespaces and names, end to end in one text.
//!
//! A text of its own for each object would cost its pointer, its length and what the allocator keeps beside it, half as
//! much again as the text; and a hundred thousand small blocks that stay lie between the large ones that go, so that
//! their memory can't be given back.

/// Where an object's namespace and name are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Name {
    at: u32,
    len: u32,
}

/// See the module's page. What is forgotten leaves a hole, and holes are a quarter of the text at most.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Namespace and name with a slash between; no slash for cluster-scoped kinds. Neither can hold one.
    text: String,
    holes: usize,
}

impl Names {
    /// Adds a name. The text has room for 4 GiB, which no API server's memory has.
    pub(super) fn add(&mut self, namespace: Option<&str>, name: &str) -> Name {
        let len = namespace.map_or(0, |namespace| namespace.len() + 1) + name.len();
        let at = self.text.len();
        if at + len > self.text.capacity() {
            // By an eighth: a text that doubles itself would hold twice what is needed.
            self.text.reserve_exact((at / 8).max(len).max(FEWEST));
        }
        if let Some(namespace) = namespace {
            self.text.push_str(namespace);
            self.text.push('/');
        }
        self.text.push_str(name);
        let short = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Name {
            at: short(at),
            len: short(len),
        }
    }

    /// The namespace, none for cluster-scoped kinds, and the name.
    pub(super) fn get(&self, name: Name) -> (Option<&str>, &str) {
        let path = self.path(name);
        match path.split_once('/') {
            Some((namespace, name)) => (Some(namespace), name),
            None => (None, path),
        }
    }

    /// Forgets a name.
    pub(super) fn remove(&mut self, name: Name) {
        self.holes += name.len as usize;
    }

    /// Closes the holes when they are too many; `kept` are the names that weren't removed.
    pub(super) fn tidy<'a>(&mut self, kept: impl Iterator<Item = &'a mut Name>) {
        if self.holes <= self.text.len() / 4 {
            return;
        }
        let mut text = String::with_capacity(self.text.len() - self.holes);
        for name in kept {
            let at = u32::try_from(text.len()).unwrap_or(u32::MAX);
            text.push_str(self.path(*name));
            name.at = at;
        }
        self.text = text;
        self.holes = 0;
    }

    fn path(&self, name: Name) -> &str {
        let at = name.at as usize;
        self.text.get(at..at + name.len as usize).unwrap_or_default()
    }

    /// Bytes held.
    #[cfg(test)]
    pub(super) fn held_bytes(&self) -> usize {
        self.text.capacity()
    }
}

/// Bytes of a text that is in use at all.
const FEWEST: usize = 256;
