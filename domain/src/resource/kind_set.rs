// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Sets of kinds.

use std::fmt;

use super::ResourceKind;

/// A set of kinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct KindSet(u32);

impl KindSet {
    /// None.
    pub const EMPTY: Self = Self(0);
    /// All.
    pub const ALL: Self = Self((1 << ResourceKind::ALL.len()) - 1);

    const fn bit(kind: ResourceKind) -> u32 {
        1 << kind as u32
    }

    /// Whether it has this kind.
    pub const fn contains(self, kind: ResourceKind) -> bool {
        self.0 & Self::bit(kind) != 0
    }

    /// Adds a kind.
    pub fn insert(&mut self, kind: ResourceKind) {
        self.0 |= Self::bit(kind);
    }

    /// Takes a kind out.
    pub fn remove(&mut self, kind: ResourceKind) {
        self.0 &= !Self::bit(kind);
    }

    /// Those that `other` doesn't have.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Those of either.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether it has none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many it has.
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Its kinds, in the order of [`ResourceKind::ALL`].
    pub fn iter(self) -> impl Iterator<Item = ResourceKind> {
        ResourceKind::ALL.into_iter().filter(move |kind| self.contains(*kind))
    }
}

impl FromIterator<ResourceKind> for KindSet {
    fn from_iter<I: IntoIterator<Item = ResourceKind>>(kinds: I) -> Self {
        let mut set = Self::EMPTY;
        kinds.into_iter().for_each(|kind| set.insert(kind));
        set
    }
}

impl fmt::Display for KindSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, kind) in self.iter().enumerate() {
            if n > 0 {
                f.write_str(", ")?;
            }
            kind.fmt(f)?;
        }
        Ok(())
    }
}
