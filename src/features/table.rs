//! Feature key → id: a hash table that is asked for many keys at once.
//!
//! Most bigrams of a text are in no vocabulary, and which are cannot be guessed, so the processor would
//! often go the wrong way and start again. Here the questions follow one another with no branch between
//! them: the tags, which fit into a near cache, tell for each key in which slot it would be, if in any;
//! then the slots of the keys that are left are looked at. It waits for many of them at the same time.

use super::{FeatureId, FeatureKey};

/// The slots that are looked at together, from that on which the key points to.
const WINDOW: usize = 8;

/// The most keys that are asked for at once.
pub(super) const ASKED_MAX: usize = 256;

/// The tag of a slot that is empty.
const EMPTY: u8 = 0;

/// One bit in each byte.
const ONES: u64 = 0x0101_0101_0101_0101;

/// The highest bit of each byte.
const HIGH: u64 = 0x80 * ONES;

/// A hash table of features. Each is in the first slot that was free from its home on.
#[derive(Clone, Default)]
pub(super) struct Table {
    /// Some bits of the key in each slot; at the end, those of the first slots once more.
    tags: Vec<u8>,
    slots: Vec<Slot>,
}

#[derive(Clone, Copy, Default)]
struct Slot {
    /// More bits of the key. Those that tell the slot and these are all that tell features apart.
    check: u32,
    id: u32,
}

/// A key that is asked for, and what the asker wants to know with the answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) key: FeatureKey,
    pub(super) is_word: bool,
    /// The part of the page that it occurs in, if parts are told apart.
    pub(super) part: u32,
}

impl Table {
    /// Makes a table of `keys`, whose ids are their places.
    pub(super) fn new(keys: &[FeatureKey]) -> Table {
        let len = (2 * keys.len()).next_power_of_two().max(WINDOW);
        let mut table = Table { tags: vec![EMPTY; len], slots: vec![Slot::default(); len] };
        for (id, &key) in (0..).zip(keys) {
            let mut at = table.home(key);
            while table.tags[at] != EMPTY {
                at = (at + 1) % len;
            }
            table.tags[at] = tag(key);
            table.slots[at] = Slot { check: check(key), id };
        }
        table.tags.extend_from_within(..WINDOW);
        table
    }

    /// Returns the id of `key`.
    pub(super) fn find(&self, key: FeatureKey) -> Option<FeatureId> {
        let mut at = self.home(key);
        loop {
            let tags = self.tags_from(at);
            let mut matches = equal(tags, tag(key));
            while matches != 0 {
                let slot = self.slots[self.first(at, matches)];
                if slot.check == check(key) {
                    return Some(FeatureId(slot.id));
                }
                matches &= matches - 1;
            }
            if !is_full(tags) {
                return None;
            }
            at = (at + WINDOW) % self.slots.len();
        }
    }

    /// Calls `found` with each of at most [`ASKED_MAX`] keys that is in the table, in order.
    #[inline]
    pub(super) fn find_all(&self, asked: &[Asked], mut found: impl FnMut(FeatureId, &Asked)) {
        let mut places = [(0_u32, 0_u32); ASKED_MAX];
        let mut n = 0;
        for (question, asked) in (0_u32..).zip(asked) {
            let home = self.home(asked.key);
            let tags = self.tags_from(home);
            let matches = equal(tags, tag(asked.key));
            #[expect(clippy::cast_possible_truncation, reason = "there are fewer slots than that")]
            let place = self.first(home, matches) as u32;
            places[n] = (question, place);
            // Where no slot is empty, the key may be farther on.
            n += usize::from((matches != 0) | is_full(tags));
        }
        for &(question, at) in &places[..n] {
            let asked = &asked[question as usize];
            let slot = self.slots[at as usize];
            if slot.check == check(asked.key) {
                found(FeatureId(slot.id), asked);
            } else if let Some(id) = self.find(asked.key) {
                found(id, asked);
            }
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "the mask keeps what fits")]
    fn home(&self, key: FeatureKey) -> usize {
        key.0 as usize & (self.slots.len() - 1)
    }

    fn tags_from(&self, at: usize) -> u64 {
        let window = self.tags[at..].first_chunk().expect("there is a window after the last slot");
        u64::from_le_bytes(*window)
    }

    /// Returns the first slot from `at` on whose highest bit is set in `matches`.
    fn first(&self, at: usize, matches: u64) -> usize {
        (at + matches.trailing_zeros() as usize / 8) & (self.slots.len() - 1)
    }
}

/// Returns the highest bit of each byte that equals `tag`, from the lowest up to the first that does. Above
/// it, bits may be set too that should not.
fn equal(tags: u64, tag: u8) -> u64 {
    let difference = tags ^ (u64::from(tag) * ONES);
    difference.wrapping_sub(ONES) & !difference & HIGH
}

/// Tells whether no slot is empty.
fn is_full(tags: u64) -> bool {
    tags & HIGH == HIGH
}

fn tag(key: FeatureKey) -> u8 {
    (key.0 >> 57) as u8 | 0x80
}

fn check(key: FeatureKey) -> u32 {
    (key.0 >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(keys: &[u64], asked: &[u64], expected: &[u32]) {
        let keys: Vec<FeatureKey> = keys.iter().copied().map(FeatureKey).collect();
        let table = Table::new(&keys);
        let asked: Vec<Asked> = asked
            .iter()
            .map(|&key| Asked { key: FeatureKey(key), is_word: false, part: 0 })
            .collect();
        let mut found = Vec::new();
        table.find_all(&asked, |id, _| found.push(id.0));
        assert_eq!(found, expected, "keys={keys:x?}");
        let singly = asked.iter().filter_map(|asked| table.find(asked.key)).map(|id| id.0);
        assert!(singly.eq(found), "keys={keys:x?}");
    }

    #[test]
    fn keys_are_found_in_the_order_in_which_they_are_asked_for() {
        let (a, b, c) = (0x1111_0000_0000_0003, 0x2222_0000_0000_0005, 0x3333_0000_0000_0007);
        check(&[a, b], &[b, c, a, b], &[1, 0, 1]);
        check(&[], &[a], &[]);
    }

    #[test]
    fn keys_with_one_home_and_one_tag_are_told_apart() {
        let keys: Vec<u64> = (0..20).map(|n| 0x7700_0000_0000_000f | n << 32).collect();
        let asked: Vec<u64> = (0..24).map(|n| 0x7700_0000_0000_000f | n << 32).collect();
        let expected: Vec<u32> = (0..20).collect();
        check(&keys, &asked, &expected);
    }
}
