//! Documents as counts of the features that a model knows.

use super::{
    Feature, FeatureId, FeatureSettings, Vocabulary, extract, extract_text,
    table::{ASKED_MAX, Asked},
};
use crate::text::{Document, Field};

/// How often each feature that a model knows occurs in a document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeatureVector {
    /// Each known feature that occurs, and how often, in the order of their first places.
    pub features: Vec<(FeatureId, u32)>,
    /// How often features occur, known or not.
    pub occurrences: u32,
    /// How many words the document has, each as often as it occurs.
    pub words: u32,
    /// How many of them are known.
    pub words_known: u32,
}

/// What is kept from document to document, so that none needs memory of its own.
#[derive(Clone, Debug, Default)]
pub struct VectorScratch {
    vector: FeatureVector,
    /// How often each feature of the vocabulary occurs.
    times: Vec<u32>,
    /// A bit for each feature of the vocabulary, where features are put in order.
    occurring: Vec<u64>,
    /// The features that were not yet looked up.
    asked: Vec<Asked>,
}

impl VectorScratch {
    /// Counts the features of `document` that `vocabulary` knows.
    pub fn count(
        &mut self,
        document: &Document<'_>,
        settings: &FeatureSettings,
        vocabulary: &Vocabulary,
    ) -> &FeatureVector {
        self.start(vocabulary);
        extract(document, settings, |feature| self.ask(&feature, vocabulary));
        self.finish(vocabulary)
    }

    /// Counts the features of `text`, which is a part of a document, that `vocabulary` knows.
    pub fn count_text(
        &mut self,
        text: &str,
        settings: &FeatureSettings,
        vocabulary: &Vocabulary,
    ) -> &FeatureVector {
        self.start(vocabulary);
        extract_text(text, Field::Text, settings, |feature| self.ask(&feature, vocabulary));
        self.finish(vocabulary)
    }

    /// Returns the features of several `parts` of a document together, in the order of their ids.
    pub fn sum<'a>(
        &mut self,
        parts: impl Iterator<Item = &'a FeatureVector>,
        vocabulary: &Vocabulary,
    ) -> &FeatureVector {
        self.start(vocabulary);
        let VectorScratch { vector, times, occurring, .. } = self;
        occurring.resize(times.len().div_ceil(64), 0);
        let mut features_max = 1;
        for part in parts {
            for &(feature, tf) in &part.features {
                times[feature.index()] += tf;
                occurring[feature.index() / 64] |= 1 << (feature.index() % 64);
            }
            features_max += part.features.len();
            vector.occurrences += part.occurrences;
            vector.words += part.words;
            vector.words_known += part.words_known;
        }
        let mut n = 0;
        vector.features.resize(features_max, (FeatureId(0), 0));
        for (first, bits) in (0..).step_by(64).zip(occurring) {
            let mut bits = std::mem::take(bits);
            // Whether there is one cannot be guessed, but seldom are there two.
            loop {
                vector.features[n] = (FeatureId(first + bits.trailing_zeros()), 0);
                n += usize::from(bits != 0);
                bits &= bits.wrapping_sub(1);
                if bits == 0 {
                    break;
                }
            }
        }
        vector.features.truncate(n);
        self.finish(vocabulary)
    }

    fn start(&mut self, vocabulary: &Vocabulary) {
        self.vector.clear();
        self.asked.reserve(ASKED_MAX);
        if self.times.len() < vocabulary.len() {
            self.times.resize(vocabulary.len(), 0);
        }
    }

    #[inline]
    fn ask(&mut self, feature: &Feature<'_>, vocabulary: &Vocabulary) {
        let asked = Asked { key: feature.key, is_word: feature.is_word() };
        self.vector.occurrences += 1;
        self.vector.words += u32::from(asked.is_word);
        self.asked.push(asked);
        if self.asked.len() == ASKED_MAX {
            self.look_up(vocabulary);
        }
    }

    #[inline(never)]
    fn look_up(&mut self, vocabulary: &Vocabulary) {
        let VectorScratch { vector, times, asked, .. } = self;
        let FeatureVector { features, words_known, .. } = vector;
        let mut n = features.len();
        features.resize(n + asked.len() + 1, (FeatureId(0), 0));
        vocabulary.find_all(asked, |id, asked| {
            *words_known += u32::from(asked.is_word);
            let times = &mut times[id.index()];
            *times += 1;
            // Whether a feature was there before cannot be guessed either: it is written in any case.
            features[n] = (id, 0);
            n += usize::from(*times == 1);
        });
        features.truncate(n);
        asked.clear();
    }

    fn finish(&mut self, vocabulary: &Vocabulary) -> &FeatureVector {
        self.look_up(vocabulary);
        for (id, times) in &mut self.vector.features {
            *times = std::mem::take(&mut self.times[id.index()]);
        }
        &self.vector
    }
}

impl FeatureVector {
    fn clear(&mut self) {
        let FeatureVector { features, occurrences, words, words_known } = self;
        features.clear();
        (*occurrences, *words, *words_known) = (0, 0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_add_up() {
        let part = |features: &[(u32, u32)], words| FeatureVector {
            features: features.iter().map(|&(id, tf)| (FeatureId(id), tf)).collect(),
            occurrences: 10,
            words,
            words_known: 1,
        };
        let names: Vec<String> = (100..200).map(|name| name.to_string()).collect();
        let vocabulary = Vocabulary::of_sorted(names.iter().map(String::as_str)).unwrap();
        let mut scratch = VectorScratch::default();
        for _ in 0..2 {
            let parts = [part(&[(70, 1), (2, 2)], 3), part(&[(2, 5), (63, 1)], 4)];
            let sum = scratch.sum(parts.iter(), &vocabulary);
            let expected = [(2, 7), (63, 1), (70, 1)].map(|(id, tf)| (FeatureId(id), tf));
            assert_eq!(sum.features, expected);
            assert_eq!((sum.occurrences, sum.words, sum.words_known), (20, 7, 2));
        }
    }

    #[test]
    fn counts_known_features_and_knows_how_many_are_not() {
        let vocabulary = Vocabulary::of_sorted(["a", "a b", "c"]).unwrap();
        let settings = FeatureSettings { ngram: 2, shapes: true, chars: 0 };
        let mut scratch = VectorScratch::default();
        for _ in 0..2 {
            let document = Document::new("a b a b x c!").unwrap();
            let vector = scratch.count(&document, &settings, &vocabulary);
            let expected = vec![(FeatureId(0), 2), (FeatureId(1), 2), (FeatureId(2), 1)];
            assert_eq!(vector.features, expected);
            // a, b, a b, a, b a, b, a b, x, b x, c, x c, <!>, c <!>
            assert_eq!((vector.occurrences, vector.words, vector.words_known), (13, 6, 3));
        }
    }
}
