//! Examples as one digest, which tells whether two corpora hold the same ones.

use std::{fmt, str::FromStr};

use sha2::{Digest, Sha256};

use super::Example;

/// What is hashed before each example, so that another encoding gives other digests.
const ENCODING: &[u8] = b"newsdesk example 1";

const LANES: usize = 4;
const LANE_BYTES: usize = 8;
const LANE_HEX_DIGITS: usize = 2 * LANE_BYTES;

/// A digest of a multiset of examples: the sum of the SHA-256 of each, in four lanes of 64 bits.
///
/// Sums have no order, so neither has the corpus, and an example can be taken out again. Two equal
/// examples count twice. The `id` does not count: it says nothing of the document.
///
/// This finds mistakes, not forgeries: who may choose thousands of examples can find two sets of
/// them with one sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct CorpusDigest {
    lanes: [u64; LANES],
}

impl CorpusDigest {
    /// Returns the digest of one example.
    pub fn of(example: &Example) -> CorpusDigest {
        let Example { id: _, title, text, label, source } = example;
        let mut hasher = Sha256::new_with_prefix(ENCODING);
        for field in [Some(label), title.as_ref(), Some(text), source.as_ref()] {
            let field = field.map_or("", String::as_str);
            hasher.update((field.len() as u64).to_le_bytes());
            hasher.update(field);
        }
        let hash = hasher.finalize();
        let (lanes_bytes, _) = hash.as_chunks::<LANE_BYTES>();
        let mut lanes = [0; LANES];
        for (lane, bytes) in lanes.iter_mut().zip(lanes_bytes) {
            *lane = u64::from_be_bytes(*bytes);
        }
        CorpusDigest { lanes }
    }

    /// Adds an example.
    pub fn add(&mut self, example: &Example) {
        self.merge(&CorpusDigest::of(example));
    }

    /// Takes an example out that was added before.
    pub fn remove(&mut self, example: &Example) {
        self.subtract(&CorpusDigest::of(example));
    }

    /// Adds all examples of another corpus.
    pub fn merge(&mut self, other: &CorpusDigest) {
        for (lane, other) in self.lanes.iter_mut().zip(other.lanes) {
            *lane = lane.wrapping_add(other);
        }
    }

    /// Takes all examples of another corpus out that were added before.
    pub fn subtract(&mut self, other: &CorpusDigest) {
        for (lane, other) in self.lanes.iter_mut().zip(other.lanes) {
            *lane = lane.wrapping_sub(other);
        }
    }

    /// Returns the lanes, by which digests are put in order.
    pub fn lanes(&self) -> [u64; 4] {
        self.lanes
    }

    /// Returns the first lane: as the key of a single example, it tells equal examples from others.
    pub fn key(&self) -> u64 {
        self.lanes[0]
    }

    /// Returns the digest as 64 hexadecimal digits.
    pub fn hex(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for CorpusDigest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lanes.iter().try_for_each(|lane| write!(formatter, "{lane:016x}"))
    }
}

impl FromStr for CorpusDigest {
    type Err = CorpusDigestError;

    fn from_str(hex: &str) -> Result<CorpusDigest, CorpusDigestError> {
        let error = || CorpusDigestError { bytes: hex.len() };
        // `from_str_radix` alone would take a sign.
        if hex.len() != LANES * LANE_HEX_DIGITS || !hex.bytes().all(|byte| byte.is_ascii_hexdigit())
        {
            return Err(error());
        }
        let mut lanes = [0; LANES];
        for (place, lane) in lanes.iter_mut().enumerate() {
            let digits = &hex[place * LANE_HEX_DIGITS..][..LANE_HEX_DIGITS];
            *lane = u64::from_str_radix(digits, 16).map_err(|_| error())?;
        }
        Ok(CorpusDigest { lanes })
    }
}

/// Why a string is not a [`CorpusDigest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a corpus digest has 64 hexadecimal digits; these {bytes} bytes are something else")]
pub struct CorpusDigestError {
    /// The bytes that were given.
    pub bytes: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(text: &str) -> Example {
        let (text, label) = (text.to_owned(), "a".to_owned());
        Example { id: None, title: None, text, label, source: None }
    }

    fn digest(texts: &[&str]) -> CorpusDigest {
        let mut digest = CorpusDigest::default();
        for text in texts {
            digest.add(&example(text));
        }
        digest
    }

    #[test]
    fn the_order_does_not_matter() {
        assert_eq!(digest(&["b", "c", "d"]), digest(&["d", "b", "c"]));
        let mut merged = digest(&["b"]);
        merged.merge(&digest(&["d", "c"]));
        assert_eq!(merged, digest(&["b", "c", "d"]));
    }

    #[test]
    fn what_was_added_can_be_removed() {
        let mut removed = digest(&["b", "c", "d"]);
        removed.remove(&example("b"));
        assert_eq!(removed, digest(&["c", "d"]));
        removed.subtract(&digest(&["d", "c"]));
        assert_eq!(removed, CorpusDigest::default());
    }

    #[test]
    fn an_example_twice_is_not_the_example_once() {
        assert_ne!(digest(&["b", "b"]), digest(&["b"]));
        assert_ne!(digest(&["b", "b"]), CorpusDigest::default());
    }

    #[test]
    fn every_field_counts_in_its_place_and_the_id_does_not() {
        let one = |change: fn(&mut Example)| {
            let mut example = example("b");
            change(&mut example);
            CorpusDigest::of(&example)
        };
        let plain = one(|_| {});
        let changed = [
            plain,
            one(|example| example.text = "c".into()),
            one(|example| example.label = "b".into()),
            one(|example| example.title = Some("c".into())),
            one(|example| example.source = Some("c".into())),
        ];
        for (place, digest) in changed.iter().enumerate() {
            assert!(!changed[..place].contains(digest), "place={place}");
        }
        assert_eq!(one(|example| example.id = Some("7".into())), plain);
    }

    #[test]
    fn fields_do_not_run_into_one_another() {
        let titled = Example { title: Some("b".into()), ..example("cd") };
        let other = Example { title: Some("bc".into()), ..example("d") };
        assert_ne!(CorpusDigest::of(&titled), CorpusDigest::of(&other));
    }

    #[test]
    fn hex_comes_back_and_anything_else_is_refused() {
        let digest = digest(&["b"]);
        let hex = digest.hex();
        assert_eq!(hex.len(), 64);
        assert_eq!(hex.parse(), Ok(digest));
        for bad in [&hex[1..], &format!("{hex}0"), &format!("+{}", &hex[1..]), &"é".repeat(32)] {
            assert!(bad.parse::<CorpusDigest>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_encoding_never_changes() {
        // Computed with Python's hashlib, from the encoding that the doc comments describe.
        assert_eq!(
            digest(&["b"]).hex(),
            "256601f7a295077a0ba1fa0445a7dc159229f1762acd4a9a45ebdd2bb22c550e"
        );
    }
}
