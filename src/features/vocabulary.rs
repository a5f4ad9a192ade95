//! Feature name ↔ id.

use super::{
    FeatureKey,
    table::{Asked, Table},
};

/// The place of a feature in its [`Vocabulary`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FeatureId(pub u32);

impl FeatureId {
    /// Returns the place as an index into a table of one row a feature.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// The features that a model knows, sorted by name.
#[derive(Clone)]
pub struct Vocabulary {
    /// All names, one after the other.
    names: String,
    /// Where each name ends.
    ends: Vec<u32>,
    table: Table,
}

/// Why some names do not make a [`Vocabulary`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VocabularyError {
    /// The names cannot be cut at the ends.
    #[error("feature {feature} does not end on a character of the names")]
    End {
        /// The place of the feature.
        feature: usize,
    },
    /// A name is empty, or not after the name before it.
    #[error("feature {feature} is not in alphabetical order")]
    Order {
        /// The place of the feature.
        feature: usize,
    },
    /// There are more features than ids.
    #[error("there are {features} features, at most {} are possible", u32::MAX / 4)]
    TooMany {
        /// The number of features.
        features: usize,
    },
}

impl Vocabulary {
    /// Makes a vocabulary of `names`, one after the other, and the byte after each.
    pub fn new(names: String, ends: Vec<u32>) -> Result<Vocabulary, VocabularyError> {
        if u32::MAX as usize / 4 < ends.len() {
            return Err(VocabularyError::TooMany { features: ends.len() });
        }
        let mut vocabulary = Vocabulary { names, ends, table: Table::default() };
        let mut previous = "";
        let mut keys = Vec::with_capacity(vocabulary.ends.len());
        for feature in 0..vocabulary.ends.len() {
            let name = vocabulary.checked_name(feature).ok_or(VocabularyError::End { feature })?;
            if name <= previous {
                return Err(VocabularyError::Order { feature });
            }
            keys.push(FeatureKey::of(name));
            previous = name;
        }
        if vocabulary.ends.last().map_or(0, |&end| end as usize) != vocabulary.names.len() {
            return Err(VocabularyError::End { feature: vocabulary.ends.len() });
        }
        vocabulary.table = Table::new(&keys);
        Ok(vocabulary)
    }

    /// Makes a vocabulary of `names`, which must be sorted and differ.
    pub fn of_sorted<'a>(
        names: impl IntoIterator<Item = &'a str>,
    ) -> Result<Vocabulary, VocabularyError> {
        let mut all = String::new();
        let mut ends = Vec::new();
        for name in names {
            all.push_str(name);
            let end = u32::try_from(all.len());
            ends.push(end.map_err(|_| VocabularyError::TooMany { features: ends.len() })?);
        }
        Vocabulary::new(all, ends)
    }

    /// Returns the number of features.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Tells whether there is no feature.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Returns the id of the feature with `key`.
    pub fn find(&self, key: FeatureKey) -> Option<FeatureId> {
        self.table.find(key)
    }

    /// Calls `found` with each key that is known, in order.
    pub(super) fn find_all(&self, asked: &[Asked], found: impl FnMut(FeatureId, &Asked)) {
        self.table.find_all(asked, found);
    }

    /// Returns the name of `feature`.
    pub fn name(&self, feature: FeatureId) -> &str {
        self.checked_name(feature.index()).expect("names were checked when they were read")
    }

    /// Returns all ids, in order.
    pub fn ids(&self) -> impl Iterator<Item = FeatureId> + use<> {
        (0..self.ends.len()).map(|index| {
            FeatureId(u32::try_from(index).expect("a vocabulary has fewer than 2^32 features"))
        })
    }

    /// Returns all names one after the other, and the byte after each.
    pub fn parts(&self) -> (&str, &[u32]) {
        (&self.names, &self.ends)
    }

    fn checked_name(&self, feature: usize) -> Option<&str> {
        let start = if feature == 0 { 0 } else { *self.ends.get(feature - 1)? };
        self.names.get(start as usize..*self.ends.get(feature)? as usize)
    }
}

/// Shows the size only: a vocabulary has some hundred thousand names.
impl std::fmt::Debug for Vocabulary {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Vocabulary").field("features", &self.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_each_name_and_no_other() {
        let names: Vec<String> = (0..1000).map(|number| format!("{number:04} b")).collect();
        let vocabulary = Vocabulary::of_sorted(names.iter().map(String::as_str)).unwrap();
        for (id, name) in (0..).zip(&names) {
            assert_eq!(vocabulary.find(FeatureKey::of(name)), Some(FeatureId(id)));
            assert_eq!(vocabulary.name(FeatureId(id)), name);
        }
        assert_eq!(vocabulary.find(FeatureKey::of("1000 b")), None);
    }

    #[test]
    fn an_empty_vocabulary_finds_nothing() {
        let vocabulary = Vocabulary::of_sorted([]).unwrap();
        assert_eq!(vocabulary.find(FeatureKey::of("a")), None);
    }

    #[test]
    fn refuses_names_that_do_not_fit_their_ends() {
        let new = |names: &str, ends: &[u32]| Vocabulary::new(names.into(), ends.to_vec()).err();
        assert_eq!(new("aé", &[1, 2]), Some(VocabularyError::End { feature: 1 }));
        assert_eq!(new("ab", &[1, 3]), Some(VocabularyError::End { feature: 1 }));
        assert_eq!(new("ab", &[1]), Some(VocabularyError::End { feature: 1 }));
        assert_eq!(new("ab", &[2, 1]), Some(VocabularyError::End { feature: 1 }));
        assert_eq!(new("aa", &[1, 2]), Some(VocabularyError::Order { feature: 1 }));
        assert_eq!(new("a", &[1, 1]), Some(VocabularyError::Order { feature: 1 }));
        assert_eq!(new("ab", &[1, 2]), None);
    }
}
