//! The closed list of answers.
//!
//! Everything else speaks of labels by their [`LabelId`]; only the edges know their names.

/// The most labels that a model may have.
///
/// An answer carries a score for each label, and the scoring loop a column; a few hundred are plenty
/// for topics, and a corpus with more has most likely the wrong column as its label.
pub const LABELS_MAX: usize = 256;

/// The place of a label in its [`LabelSet`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LabelId(pub u16);

impl LabelId {
    /// Returns the place as an index into a row of one value a label.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// The labels of a model, sorted by name, and which of them stands for "neither", if any does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelSet {
    names: Vec<String>,
    neither: Option<LabelId>,
}

impl LabelSet {
    /// Makes a set of the `names`, sorted, without duplicates.
    ///
    /// If `neither` is one of the names, that label is answered as an abstention.
    ///
    /// # Errors
    /// If there are fewer than two labels or more than [`LABELS_MAX`].
    pub fn new(
        names: impl IntoIterator<Item = String>,
        neither: &str,
    ) -> Result<LabelSet, LabelSetError> {
        let mut names: Vec<String> = names.into_iter().collect();
        names.sort_unstable();
        names.dedup();
        match names.as_slice() {
            [] => return Err(LabelSetError::None),
            [only] => return Err(LabelSetError::One { label: only.clone() }),
            _ => {}
        }
        if LABELS_MAX < names.len() {
            return Err(LabelSetError::TooMany { labels: names.len() });
        }
        let mut set = LabelSet { names, neither: None };
        set.neither = set.find(neither);
        Ok(set)
    }

    /// Returns the number of labels.
    #[expect(clippy::len_without_is_empty, reason = "a set has at least two labels")]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Returns the name of `label`.
    pub fn name(&self, label: LabelId) -> &str {
        &self.names[label.index()]
    }

    /// Returns all names, in the order of the ids.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Returns all ids, in order.
    pub fn ids(&self) -> impl Iterator<Item = LabelId> + use<> {
        (0..self.names.len()).map(LabelSet::id)
    }

    /// Returns the id of the label called `name`.
    pub fn find(&self, name: &str) -> Option<LabelId> {
        self.names.binary_search_by(|own| own.as_str().cmp(name)).ok().map(LabelSet::id)
    }

    /// Returns the label that stands for "neither of the others".
    pub fn neither(&self) -> Option<LabelId> {
        self.neither
    }

    fn id(index: usize) -> LabelId {
        LabelId(u16::try_from(index).expect("a set has at most LABELS_MAX labels"))
    }
}

/// Why some names do not make a [`LabelSet`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabelSetError {
    /// There is no label.
    #[error("there are no labels: the corpus is empty")]
    None,
    /// There is one label.
    #[error("there is one label only, `{label}`; add documents of at least one other label")]
    One {
        /// The only label.
        label: String,
    },
    /// There are too many labels.
    #[error(
        "there are {labels} labels, at most {LABELS_MAX} are possible; is the label in the right \
         field?"
    )]
    TooMany {
        /// The number of labels.
        labels: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> Result<LabelSet, LabelSetError> {
        LabelSet::new(names.iter().map(ToString::to_string), "other")
    }

    #[test]
    fn ids_follow_the_sorted_names() {
        let labels = set(&["other", "geopolitics", "other"]).unwrap();
        assert_eq!(labels.names(), ["geopolitics", "other"]);
        assert_eq!(labels.find("other"), Some(LabelId(1)));
        assert_eq!(labels.find("sport"), None);
        assert_eq!(labels.neither(), Some(LabelId(1)));
    }

    #[test]
    fn refuses_fewer_than_two_labels_and_more_than_the_limit() {
        assert_eq!(set(&[]), Err(LabelSetError::None));
        assert_eq!(set(&["a", "a"]), Err(LabelSetError::One { label: "a".into() }));
        let names: Vec<String> = (0..=LABELS_MAX).map(|label| format!("{label}")).collect();
        assert!(LabelSet::new(names[1..].to_vec(), "").is_ok());
        let too_many = LabelSetError::TooMany { labels: LABELS_MAX + 1 };
        assert_eq!(LabelSet::new(names, ""), Err(too_many));
    }
}
