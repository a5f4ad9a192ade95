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

/// How much there is of a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// How often features occur, known or not.
    pub occurrences: u32,
    /// How many words the text has, each as often as it occurs.
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
    /// The features that were not yet looked up.
    asked: Vec<Asked>,
    /// The parts of the page at hand.
    parts: Vec<Part>,
    /// The known features of all its parts, in their order, each as often as it occurs.
    found: Vec<Found>,
}

/// A part of a page.
#[derive(Clone, Copy, Debug, Default)]
struct Part {
    /// How many known features there are up to its end, each as often as it occurs.
    end: usize,
    extent: Extent,
}

/// A known feature, where it occurs.
#[derive(Clone, Copy, Debug)]
struct Found {
    feature: FeatureId,
    is_word: bool,
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
        extract(document, settings, |feature| self.count_feature(&feature, vocabulary));
        self.count_asked(vocabulary);
        self.take_times()
    }

    /// Counts the features of `text`, which is a part of a document, that `vocabulary` knows.
    pub fn count_text(
        &mut self,
        text: &str,
        settings: &FeatureSettings,
        vocabulary: &Vocabulary,
    ) -> &FeatureVector {
        self.start(vocabulary);
        extract_text(text, Field::Text, settings, |feature| {
            self.count_feature(&feature, vocabulary);
        });
        self.count_asked(vocabulary);
        self.take_times()
    }

    fn start(&mut self, vocabulary: &Vocabulary) {
        self.vector.clear();
        self.asked.reserve(ASKED_MAX);
        if self.times.len() < vocabulary.len() {
            self.times.resize(vocabulary.len(), 0);
        }
    }

    #[inline]
    fn count_feature(&mut self, feature: &Feature<'_>, vocabulary: &Vocabulary) {
        let asked = Asked { key: feature.key, is_word: feature.is_word(), part: 0 };
        self.vector.occurrences += 1;
        self.vector.words += u32::from(asked.is_word);
        self.asked.push(asked);
        if self.asked.len() == ASKED_MAX {
            self.count_asked(vocabulary);
        }
    }

    #[inline(never)]
    fn count_asked(&mut self, vocabulary: &Vocabulary) {
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

    /// Takes the times of the vector's features from where they were counted.
    fn take_times(&mut self) -> &FeatureVector {
        for (id, times) in &mut self.vector.features {
            *times = std::mem::take(&mut self.times[id.index()]);
        }
        &self.vector
    }

    /// Finds the known features of all `parts` of a page. Parts are short and features are looked up
    /// many at a time, so this takes less time than to count part by part.
    pub fn find<'t>(
        &mut self,
        parts: impl IntoIterator<Item = &'t str>,
        settings: &FeatureSettings,
        vocabulary: &Vocabulary,
    ) {
        self.start(vocabulary);
        self.parts.clear();
        self.found.clear();
        for (part, text) in (0..).zip(parts) {
            let mut extent = Extent::default();
            self.parts.push(Part::default());
            extract_text(text, Field::Text, settings, |feature| {
                let asked = Asked { key: feature.key, is_word: feature.is_word(), part };
                extent.occurrences += 1;
                extent.words += u32::from(asked.is_word);
                self.asked.push(asked);
                if self.asked.len() == ASKED_MAX {
                    self.find_asked(vocabulary);
                }
            });
            self.parts[part as usize].extent = extent;
        }
        self.find_asked(vocabulary);
        let mut start = 0;
        for part in &mut self.parts {
            // A part that has none ends where it starts.
            part.end = part.end.max(start);
            let found = self.found[start..part.end].iter();
            part.extent.words_known = found.map(|found| u32::from(found.is_word)).sum();
            start = part.end;
        }
    }

    #[inline(never)]
    fn find_asked(&mut self, vocabulary: &Vocabulary) {
        let VectorScratch { asked, parts, found, .. } = self;
        vocabulary.find_all(asked, |feature, asked| {
            found.push(Found { feature, is_word: asked.is_word });
            parts[asked.part as usize].end = found.len();
        });
        asked.clear();
    }

    /// Tells whether no feature is known of one of the parts that were found.
    pub fn is_unknown(&self, part: usize) -> bool {
        part_range(&self.parts, part).is_empty()
    }

    /// Returns how much some of the `parts` that were found are together.
    pub fn extent(&self, parts: impl Iterator<Item = usize>) -> Extent {
        let mut sum = Extent::default();
        for part in parts {
            let Extent { occurrences, words, words_known } = self.parts[part].extent;
            sum.occurrences += occurrences;
            sum.words += words;
            sum.words_known += words_known;
        }
        sum
    }

    /// Calls `visit` with each known feature of some of the `parts` that were found, as often as it
    /// occurs in them, and with the times that it has occurred so far.
    #[inline]
    pub fn for_each_found(
        &mut self,
        parts: impl Iterator<Item = usize> + Clone,
        mut visit: impl FnMut(FeatureId, u32),
    ) {
        for part in parts.clone() {
            for &Found { feature, .. } in &self.found[part_range(&self.parts, part)] {
                let times = &mut self.times[feature.index()];
                *times += 1;
                visit(feature, *times);
            }
        }
        for part in parts {
            for &Found { feature, .. } in &self.found[part_range(&self.parts, part)] {
                self.times[feature.index()] = 0;
            }
        }
    }

    /// Counts the known features of some of the `parts` that were found together.
    pub fn sum(&mut self, parts: impl Iterator<Item = usize> + Clone) -> &FeatureVector {
        let Extent { occurrences, words, words_known } = self.extent(parts.clone());
        let VectorScratch { vector, times, .. } = self;
        vector.features.clear();
        (vector.occurrences, vector.words, vector.words_known) = (occurrences, words, words_known);
        for part in parts {
            for &Found { feature, .. } in &self.found[part_range(&self.parts, part)] {
                let times = &mut times[feature.index()];
                *times += 1;
                if *times == 1 {
                    vector.features.push((feature, 0));
                }
            }
        }
        self.take_times()
    }
}

/// Returns where the known features of a part are among those of all.
fn part_range(parts: &[Part], part: usize) -> std::ops::Range<usize> {
    let start = part.checked_sub(1).map_or(0, |before| parts[before].end);
    start..parts[part].end
}

impl FeatureVector {
    /// Returns how much there is of the text.
    pub fn extent(&self) -> Extent {
        let FeatureVector { occurrences, words, words_known, .. } = *self;
        Extent { occurrences, words, words_known }
    }

    fn clear(&mut self) {
        let FeatureVector { features, occurrences, words, words_known } = self;
        features.clear();
        (*occurrences, *words, *words_known) = (0, 0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: FeatureSettings = FeatureSettings { ngram: 2, shapes: true, chars: 0 };

    #[test]
    fn parts_that_are_found_together_are_what_each_is_alone() {
        let vocabulary = Vocabulary::of_sorted(["a", "a b", "b c", "c"]).unwrap();
        // More features than are asked for at once, so that parts go on from one batch to the next.
        let long = "a b x ".repeat(ASKED_MAX / 4);
        let parts = ["", "a b", "x y", &long, "c a", "", &long, "b c a b", ""];
        let mut scratch = VectorScratch::default();
        let alone = parts.map(|part| scratch.count_text(part, &SETTINGS, &vocabulary).clone());
        scratch.find(parts, &SETTINGS, &vocabulary);
        for (part, alone) in alone.iter().enumerate() {
            assert_eq!(scratch.sum([part].into_iter()), alone, "part={part}");
            assert_eq!(scratch.extent([part].into_iter()), alone.extent(), "part={part}");
            assert_eq!(scratch.is_unknown(part), alone.features.is_empty(), "part={part}");
        }
    }

    #[test]
    fn parts_add_up_and_features_do_not_reach_from_one_into_the_next() {
        let vocabulary = Vocabulary::of_sorted(["a", "a b", "b c", "c"]).unwrap();
        let mut scratch = VectorScratch::default();
        scratch.find(["a b", "c a b", "d", "c"], &SETTINGS, &vocabulary);
        for _ in 0..2 {
            let mut visited = Vec::new();
            scratch.for_each_found([0, 1, 2].into_iter(), |feature, times| {
                visited.push((feature.0, times));
            });
            assert_eq!(visited, [(0, 1), (1, 1), (3, 1), (0, 2), (1, 2)]);
            let sum = scratch.sum([0, 1, 2].into_iter());
            let expected = [(0, 2), (1, 2), (3, 1)].map(|(id, tf)| (FeatureId(id), tf));
            assert_eq!(sum.features, expected);
            // a, b, a b; c, a, c a, b, a b; d
            let extent = Extent { occurrences: 9, words: 6, words_known: 3 };
            assert_eq!(sum.extent(), extent);
        }
    }

    #[test]
    fn counts_known_features_and_knows_how_many_are_not() {
        let vocabulary = Vocabulary::of_sorted(["a", "a b", "c"]).unwrap();
        let mut scratch = VectorScratch::default();
        for _ in 0..2 {
            let document = Document::new("a b a b x c!").unwrap();
            let vector = scratch.count(&document, &SETTINGS, &vocabulary);
            let expected = vec![(FeatureId(0), 2), (FeatureId(1), 2), (FeatureId(2), 1)];
            assert_eq!(vector.features, expected);
            // a, b, a b, a, b a, b, a b, x, b x, c, x c, <!>, c <!>
            assert_eq!((vector.occurrences, vector.words, vector.words_known), (13, 6, 3));
        }
    }
}
