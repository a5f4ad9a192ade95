//! Letters and digits of ASCII, eight bytes at a time.
//!
//! Most words end within eight bytes. To find where costs a dozen operations on one number, and no
//! branch that the processor would have to guess, whatever the length.

/// One bit in each byte.
const ONES: u64 = 0x0101_0101_0101_0101;

/// The highest bit of each byte.
const HIGH: u64 = 0x80 * ONES;

/// The bit of each byte that tells a small letter from a capital one; digits have it too.
const CASE: u64 = 0x20 * ONES;

/// Eight bytes, the first in the lowest place, and what they are.
#[derive(Clone, Copy)]
pub(super) struct Run {
    /// The letters and digits that the bytes begin with, in lower case; zeros above.
    pub(super) lower: u64,
    /// How many these are.
    pub(super) len: usize,
}

impl Run {
    /// Returns what `bytes` begin with.
    #[inline]
    pub(super) fn of(bytes: u64) -> Run {
        let letters = within(bytes | CASE, b'a', b'z') & !bytes;
        let digits = within(bytes, b'0', b'9') & !bytes;
        let others = !(letters | digits) & HIGH;
        let len = others.trailing_zeros() / 8;
        let lower = (bytes | CASE) & u64::MAX.checked_shr(64 - 8 * len).unwrap_or(0);
        Run { lower, len: len as usize }
    }
}

/// Returns the highest bit of each byte that is, without its own highest bit, from `first` to `last`.
#[inline]
fn within(bytes: u64, first: u8, last: u8) -> u64 {
    let low = bytes & !HIGH;
    let at_least_first = low + u64::from(0x80 - first) * ONES;
    let above_last = low + u64::from(0x7f - last) * ONES;
    at_least_first & !above_last & HIGH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_in_every_place_is_told_as_the_standard_library_tells_it() {
        for byte in 0..=u8::MAX {
            for place in 0..8 {
                let mut bytes = *b"aZ09zA5m";
                bytes[place] = byte;
                let expected = bytes.iter().take_while(|byte| byte.is_ascii_alphanumeric());
                let mut lower = [0; 8];
                lower.iter_mut().zip(expected.clone()).for_each(|(lower, byte)| {
                    *lower = byte.to_ascii_lowercase();
                });
                let run = Run::of(u64::from_le_bytes(bytes));
                assert_eq!(run.len, expected.count(), "{bytes:?}");
                assert_eq!(run.lower.to_le_bytes(), lower, "{bytes:?}");
            }
        }
    }
}
