// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Where an object stands, by the hash of its uid.
//!
//! The standard map keeps whole objects in slots of which up to 57 % are empty. Here the objects stand side by side in a
//! vector, and only eight bytes for each are in slots, of which at most 30 % are empty: 60 bytes an object instead of up
//! to 130. Open addressing with linear probing (Knuth, The Art of Computer Programming, volume 3, 6.4, algorithms L and
//! R). The number of slots may be any, so that it can grow by a quarter: the hash as a fraction of its range is the place
//! among them.

/// A place that no object has: a vector of objects never grows so long.
const NOWHERE: u32 = u32::MAX;

/// Slots of an index that is in use at all.
const FEWEST: usize = 16;

#[derive(Clone, Copy, Debug)]
struct Slot {
    hash: u32,
    place: u32,
}

const EMPTY: Slot = Slot {
    hash: 0,
    place: NOWHERE,
};

/// See the module's page. At least an eighth of the slots are empty.
#[derive(Debug, Default)]
pub(super) struct Index {
    slots: Vec<Slot>,
    used: usize,
}

impl Index {
    /// The place with this hash for which `is_it` is true.
    pub(super) fn find(&self, hash: u32, is_it: impl Fn(usize) -> bool) -> Option<usize> {
        self.slot_of(hash, |place| is_it(place as usize))
            .map(|at| self.slot(at).place as usize)
    }

    /// Adds a place; the caller knows that it isn't there.
    pub(super) fn insert(&mut self, hash: u32, place: usize) {
        if (self.used + 1) * 8 > self.slots.len() * 7 {
            self.resize((self.slots.len() + self.slots.len() / 4).max(FEWEST));
        }
        self.used += 1;
        self.put(Slot {
            hash,
            place: u32::try_from(place).unwrap_or(NOWHERE),
        });
    }

    /// Takes a place out.
    pub(super) fn remove(&mut self, hash: u32, place: usize) {
        let Some(mut hole) = self.slot_of(hash, |other| other as usize == place) else {
            return;
        };
        self.used -= 1;
        // Whoever was pushed beyond the hole by those before it moves back, so that no probe ends too early.
        let mut at = hole;
        loop {
            at = self.after(at);
            let slot = self.slot(at);
            if slot.place == NOWHERE {
                break;
            }
            if self.distance(self.home(slot.hash), at) >= self.distance(hole, at) {
                self.set(hole, slot);
                hole = at;
            }
        }
        self.set(hole, EMPTY);
        if self.slots.len() > FEWEST && self.used * 4 < self.slots.len() {
            self.resize((self.slots.len() / 2).max(FEWEST));
        }
    }

    /// What stood at one place stands at another.
    pub(super) fn replace(&mut self, hash: u32, from: usize, to: usize) {
        if let Some(at) = self.slot_of(hash, |other| other as usize == from) {
            self.set(
                at,
                Slot {
                    hash,
                    place: u32::try_from(to).unwrap_or(NOWHERE),
                },
            );
        }
    }

    fn slot_of(&self, hash: u32, is_it: impl Fn(u32) -> bool) -> Option<usize> {
        if self.slots.is_empty() {
            return None;
        }
        let mut at = self.home(hash);
        loop {
            let slot = self.slot(at);
            if slot.place == NOWHERE {
                return None;
            }
            if slot.hash == hash && is_it(slot.place) {
                return Some(at);
            }
            at = self.after(at);
        }
    }

    fn resize(&mut self, slots: usize) {
        for slot in std::mem::replace(&mut self.slots, vec![EMPTY; slots]) {
            if slot.place != NOWHERE {
                self.put(slot);
            }
        }
    }

    fn put(&mut self, slot: Slot) {
        let mut at = self.home(slot.hash);
        while self.slot(at).place != NOWHERE {
            at = self.after(at);
        }
        self.set(at, slot);
    }

    fn home(&self, hash: u32) -> usize {
        ((u64::from(hash) * self.slots.len() as u64) >> u32::BITS) as usize
    }

    fn after(&self, at: usize) -> usize {
        if at + 1 < self.slots.len() { at + 1 } else { 0 }
    }

    /// Steps from one slot on to another.
    fn distance(&self, from: usize, to: usize) -> usize {
        if to >= from {
            to - from
        } else {
            to + self.slots.len() - from
        }
    }

    fn slot(&self, at: usize) -> Slot {
        self.slots.get(at).copied().unwrap_or(EMPTY)
    }

    fn set(&mut self, at: usize, slot: Slot) {
        if let Some(place) = self.slots.get_mut(at) {
            *place = slot;
        }
    }

    /// Bytes held.
    #[cfg(test)]
    pub(super) fn held_bytes(&self) -> usize {
        self.slots.capacity() * size_of::<Slot>()
    }
}
