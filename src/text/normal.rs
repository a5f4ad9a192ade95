//! Normal forms: what equal tokens have in common.

use super::TOKEN_BYTES_MAX;

/// What equal tokens have in common: a word in lower case, or a name such as `<money>`.
///
/// It has at most [`TOKEN_BYTES_MAX`] bytes, is UTF-8, and knows its hash.
#[derive(Clone, Copy)]
pub struct NormalForm {
    bytes: [u8; TOKEN_BYTES_MAX],
    len: usize,
    hash: u64,
}

/// The bytes that are hashed, and looked at by the tokenizer, at once.
pub(super) const WORD_BYTES: usize = 8;

impl NormalForm {
    /// Returns the bytes, which are UTF-8.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// Returns a hash of the bytes.
    #[inline]
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// Returns the hash of a normal form by its bytes.
    pub fn hash_of(bytes: &[u8]) -> u64 {
        bytes.chunks(WORD_BYTES).fold(HASH_SEED, |hash, chunk| mix(hash, word(chunk)))
    }

    /// Calls `visit` with each run of `chars` characters within a word, of which its start and its end are
    /// one each: of `trade`, with 4, `tra*`, `*trad*`, `*rade*` and `*ade`. A word that has no longer run
    /// than itself has none.
    ///
    /// A `*`, which no word has, says that the word goes on there. A character has at most four bytes, so
    /// more than fifteen characters may not find room, and are left out.
    pub fn for_each_run(&self, chars: usize, mut visit: impl FnMut(&NormalForm)) {
        let text = std::str::from_utf8(self.as_bytes()).expect("normal forms are UTF-8");
        let mut bounds = [0; TOKEN_BYTES_MAX + 1];
        let mut len = 0;
        for (bound, (at, _)) in bounds.iter_mut().zip(text.char_indices()) {
            *bound = at;
            len += 1;
        }
        bounds[len] = text.len();
        let mut run = NormalForm::default();
        // Characters are numbered from 1, for the start is number 0, and the end has the number after theirs.
        for first in 0..(len + 3).saturating_sub(chars) {
            let (from, to) = (first.max(1), (first + chars).min(len + 1));
            let inner = &self.bytes[bounds[from - 1]..bounds[to - 1]];
            let is_start = first == 0;
            let is_end = first + chars == len + 2;
            if !(is_start && is_end) && run.set_run(inner, is_start, is_end) {
                visit(&run);
            }
        }
    }

    /// Takes `inner` with a `*` before it, unless it starts a word, and after it, unless it ends one. Tells
    /// whether there was room.
    fn set_run(&mut self, inner: &[u8], is_start: bool, is_end: bool) -> bool {
        let mut bytes = [b'*'; TOKEN_BYTES_MAX];
        let start = usize::from(!is_start);
        let end = start + inner.len();
        let Some(room) = bytes.get_mut(start..end) else { return false };
        room.copy_from_slice(inner);
        let whole = bytes.get(..end + usize::from(!is_end));
        whole.map(|bytes| self.set(bytes)).is_some()
    }

    /// Takes the first `len` bytes of `word`, of which the others are 0.
    #[inline]
    pub(super) fn set_word(&mut self, word: u64, len: usize) {
        self.bytes[..WORD_BYTES].copy_from_slice(&word.to_le_bytes());
        (self.len, self.hash) = (len, mix(HASH_SEED, word));
    }

    /// Appends the first `len` bytes of `word` to whole words before. What exceeds the limit is left out.
    #[inline]
    pub(super) fn push_word(&mut self, word: u64, len: usize) {
        if let Some(room) = self.bytes[self.len..].first_chunk_mut() {
            *room = word.to_le_bytes();
            self.len += len;
            self.hash = mix(self.hash, word);
        }
    }

    /// Takes `bytes`, of which there must be at most [`TOKEN_BYTES_MAX`].
    pub(super) fn set(&mut self, bytes: &[u8]) {
        (self.len, self.hash) = (0, HASH_SEED);
        for chunk in bytes.chunks(WORD_BYTES) {
            self.push_word(word(chunk), chunk.len());
        }
    }
}

impl Default for NormalForm {
    fn default() -> NormalForm {
        NormalForm { bytes: [0; TOKEN_BYTES_MAX], len: 0, hash: HASH_SEED }
    }
}

impl std::fmt::Debug for NormalForm {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("NormalForm").field(&self.as_bytes().escape_ascii()).finish()
    }
}

/// Returns at most [`WORD_BYTES`] bytes as a number, the first in its lowest place, with zeros above.
///
/// No normal form holds a zero, so no two get one number.
#[inline]
pub(super) fn word(bytes: &[u8]) -> u64 {
    match bytes.first_chunk() {
        Some(whole) => u64::from_le_bytes(*whole),
        None => bytes.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte)),
    }
}

const HASH_SEED: u64 = 0x2d35_8dcc_aa6c_78a5;

/// Returns the hash of what was hashed and `next`: the halves of a 128-bit product, folded, which is how
/// wyhash mixes.
#[inline]
fn mix(hash: u64, next: u64) -> u64 {
    let product = u128::from(hash ^ next) * 0x8bb8_4b93_962e_acc9;
    #[expect(clippy::cast_possible_truncation, reason = "the lower half is meant")]
    let low = product as u64;
    (product >> 64) as u64 ^ low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_up_to_the_limit_and_with_their_hash() {
        let long = "a-long-word".repeat(6);
        let mut normal = NormalForm::default();
        for len in [1, 7, 8, 9, 63, 64] {
            let bytes = &long.as_bytes()[..len];
            normal.set(bytes);
            assert_eq!(normal.as_bytes(), bytes);
            assert_eq!(normal.hash(), NormalForm::hash_of(bytes), "len={len}");
        }
        normal.push_word(word(b"more"), 4);
        assert_eq!(normal.as_bytes(), &long.as_bytes()[..64]);
    }

    #[test]
    fn hashes_of_different_bytes_differ() {
        let forms = ["a", "b", "ab", "ba", "abcdefgh", "abcdefgha", "aabcdefgh", "<a>"];
        let mut hashes: Vec<u64> =
            forms.iter().map(|form| NormalForm::hash_of(form.as_bytes())).collect();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), forms.len());
    }
}
