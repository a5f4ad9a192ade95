//! Documents as counts of the features that a model knows.

use super::{Feature, FeatureId, FeatureSettings, Vocabulary, extract, extract_text};
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
    /// For each feature, its place in `vector.features` and one; 0 if it did not occur yet.
    places: Vec<u32>,
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
        extract(document, settings, |feature| self.add(&feature, vocabulary));
        self.finish()
    }

    /// Counts the features of `text`, which is a part of a document, that `vocabulary` knows.
    pub fn count_text(
        &mut self,
        text: &str,
        settings: &FeatureSettings,
        vocabulary: &Vocabulary,
    ) -> &FeatureVector {
        self.start(vocabulary);
        extract_text(text, Field::Text, settings, |feature| self.add(&feature, vocabulary));
        self.finish()
    }

    fn start(&mut self, vocabulary: &Vocabulary) {
        self.vector.clear();
        if self.places.len() < vocabulary.len() {
            self.places.resize(vocabulary.len(), 0);
        }
    }

    fn add(&mut self, feature: &Feature<'_>, vocabulary: &Vocabulary) {
        let VectorScratch { vector, places } = self;
        vector.occurrences += 1;
        vector.words += u32::from(feature.is_word());
        let Some(id) = vocabulary.find(feature.key) else { return };
        vector.words_known += u32::from(feature.is_word());
        vector.add(id, &mut places[id.index()]);
    }

    fn finish(&mut self) -> &FeatureVector {
        for (id, _) in &self.vector.features {
            self.places[id.index()] = 0;
        }
        &self.vector
    }
}

impl FeatureVector {
    /// Returns the features of several parts of a document together, in the order of their ids.
    pub fn sum<'a>(parts: impl Iterator<Item = &'a FeatureVector>) -> FeatureVector {
        let mut sum = FeatureVector::default();
        for part in parts {
            sum.features.extend_from_slice(&part.features);
            sum.occurrences += part.occurrences;
            sum.words += part.words;
            sum.words_known += part.words_known;
        }
        sum.features.sort_unstable_by_key(|&(feature, _)| feature);
        sum.features.dedup_by(|next, first| {
            let is_same = next.0 == first.0;
            first.1 += if is_same { next.1 } else { 0 };
            is_same
        });
        sum
    }

    fn clear(&mut self) {
        let FeatureVector { features, occurrences, words, words_known } = self;
        features.clear();
        (*occurrences, *words, *words_known) = (0, 0, 0);
    }

    fn add(&mut self, id: FeatureId, place: &mut u32) {
        match place.checked_sub(1) {
            Some(known) => self.features[known as usize].1 += 1,
            None => {
                self.features.push((id, 1));
                *place = u32::try_from(self.features.len()).expect("fewer features than bytes");
            }
        }
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
        let sum = FeatureVector::sum([part(&[(7, 1), (2, 2)], 3), part(&[(2, 5)], 4)].iter());
        let expected = [(FeatureId(2), 7), (FeatureId(7), 1)];
        assert_eq!(sum.features, expected);
        assert_eq!((sum.occurrences, sum.words, sum.words_known), (20, 7, 2));
    }

    #[test]
    fn counts_known_features_and_knows_how_many_are_not() {
        let vocabulary = Vocabulary::of_sorted(["a", "a b", "c"]).unwrap();
        let settings = FeatureSettings { ngram: 2, shapes: true };
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
