//! Texts to measure with: many, and all different.

use std::{fs, path::Path};

/// The documents of each size.
pub(crate) const DOCUMENTS: usize = 1_024;

/// The bytes of text that documents are cut from: enough for a thousand articles without overlap.
const POOL_BYTES: usize = 6_000_000;

/// Real articles that are not part of this project, if they are beside it.
const ARTICLES: &str = "../shared/data/task/dev.jsonl";

/// The starter corpus of this project.
const STARTER: &str = "models/starter.jsonl";

/// Returns a long text: real articles where they are, else sentences of the starter corpus, shuffled.
pub(crate) fn pool() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (texts, shuffled) = match fs::read_to_string(root.join(ARTICLES)) {
        Ok(lines) => (texts(&lines), false),
        Err(_) => (texts(&fs::read_to_string(root.join(STARTER)).unwrap()), true),
    };
    let pieces: Vec<&str> = if shuffled {
        texts.iter().flat_map(|text| text.split_inclusive(". ")).collect()
    } else {
        texts.iter().map(String::as_str).collect()
    };
    let mut random = Random(1);
    let mut pool = String::new();
    while pool.len() < POOL_BYTES {
        pool.push_str(pieces[random.below(pieces.len())]);
        pool.push('\n');
    }
    pool
}

/// Returns [`DOCUMENTS`] documents of `size` bytes, give or take a few: all different.
pub(crate) fn documents(pool: &str, size: usize) -> Vec<&str> {
    let step = (pool.len() - size - 8) / DOCUMENTS;
    (0..DOCUMENTS)
        .map(|place| {
            let start = pool.ceil_char_boundary(place * step);
            &pool[start..pool.floor_char_boundary(start + size)]
        })
        .collect()
}

fn texts(lines: &str) -> Vec<String> {
    let text = |line| serde_json::from_str::<serde_json::Value>(line).unwrap()["text"].clone();
    lines.lines().map(|line| text(line).as_str().unwrap().to_owned()).collect()
}

/// A small generator of numbers that are random enough (xorshift64*, Vigna 2016).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(number).unwrap() % limit
    }
}
