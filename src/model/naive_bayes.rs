//! Features as scores.

use crate::features::{FeatureId, FeatureVector, ValueSettings, Values, VectorScratch};

/// What each feature adds to the score of each label.
#[derive(Clone, PartialEq)]
pub struct Weights {
    /// The logarithm of each label's prior.
    log_priors: Vec<f64>,
    /// A row a feature, a column a label.
    rows: Vec<f32>,
}

impl Weights {
    /// Makes weights of `log_priors`, one a label, and `rows`, one a feature, of one column a label.
    pub fn new(log_priors: Vec<f64>, rows: Vec<f32>) -> Weights {
        assert!(rows.len().is_multiple_of(log_priors.len()), "a row has a column for each label");
        Weights { log_priors, rows }
    }

    /// Returns the score of each label: the logarithm of its prior plus, for each feature, its weight
    /// times its value in the document.
    pub fn scores(&self, vector: &FeatureVector, values: ValueSettings) -> Vec<f64> {
        let mut sums = vec![0.0; self.log_priors.len()];
        add_weights(&mut sums, &self.rows, &vector.features, values.values());
        let scale = values.scale(vector.occurrences);
        let scored = self.log_priors.iter().zip(&sums);
        scored.map(|(log_prior, sum)| log_prior + scale * sum).collect()
    }

    /// Returns the score of each label for some of the `parts` of a page that were found, and the sum of
    /// another `column` of weights, if there is one, as the scores are summed.
    pub(super) fn scores_of_parts(
        &self,
        scratch: &mut VectorScratch,
        parts: impl Iterator<Item = usize> + Clone,
        values: ValueSettings,
        column: &[f32],
    ) -> (Vec<f64>, f64) {
        // With a row's width known, the compiler keeps the sums in registers.
        match self.log_priors.len() {
            2 => self.add_parts([0.0; 2], scratch, parts, values, column),
            3 => self.add_parts([0.0; 3], scratch, parts, values, column),
            4 => self.add_parts([0.0; 4], scratch, parts, values, column),
            labels => self.add_parts(vec![0.0; labels], scratch, parts, values, column),
        }
    }

    fn add_parts(
        &self,
        mut sums: impl AsMut<[f64]>,
        scratch: &mut VectorScratch,
        parts: impl Iterator<Item = usize> + Clone,
        values: ValueSettings,
        column: &[f32],
    ) -> (Vec<f64>, f64) {
        let (sums, mut column_sum) = (sums.as_mut(), 0.0);
        let (n_labels, gains) = (sums.len(), values.gains());
        scratch.for_each_found(parts.clone(), |feature, times| {
            let gain = gains.of(times);
            let row = &self.rows[feature.index() * n_labels..][..n_labels];
            for (sum, &weight) in sums.iter_mut().zip(row) {
                *sum += gain * f64::from(weight);
            }
            let weight = column.get(feature.index()).copied().unwrap_or_default();
            column_sum += gain * f64::from(weight);
        });
        let scale = values.scale(scratch.extent(parts).occurrences);
        let with_priors = self.log_priors.iter().zip(sums.iter());
        let scores = with_priors.map(|(log_prior, sum)| log_prior + scale * sum).collect();
        (scores, scale * column_sum)
    }

    /// Returns the logarithm of each label's prior.
    pub fn log_priors(&self) -> &[f64] {
        &self.log_priors
    }

    /// Returns the weight of `feature` for each label.
    pub fn row(&self, feature: FeatureId) -> &[f32] {
        let n_labels = self.log_priors.len();
        &self.rows[feature.index() * n_labels..][..n_labels]
    }

    /// Returns all weights, a row a feature, a column a label, without a copy.
    pub fn into_rows(self) -> Vec<f32> {
        self.rows
    }

    /// Returns all weights, a row a feature, a column a label.
    pub fn rows(&self) -> &[f32] {
        &self.rows
    }
}

/// Adds each feature's weights, times its value, to `sums`.
///
/// `rows` holds one row of `sums.len()` labels per feature. This is the only loop of scoring whose
/// cost grows with the document, so it takes slices and no `self`.
fn add_weights(sums: &mut [f64], rows: &[f32], features: &[(FeatureId, u32)], values: Values) {
    // With a row's width known, the compiler keeps the sums in registers.
    match sums.len() {
        2 => add_rows::<2>(sums, rows, features, values),
        3 => add_rows::<3>(sums, rows, features, values),
        4 => add_rows::<4>(sums, rows, features, values),
        _ => add_wide_rows(sums, rows, features, values),
    }
}

fn add_rows<const LABELS: usize>(
    sums: &mut [f64],
    rows: &[f32],
    features: &[(FeatureId, u32)],
    values: Values,
) {
    let (rows, _) = rows.as_chunks::<LABELS>();
    let mut own: [f64; LABELS] = std::array::from_fn(|label| sums[label]);
    for &(feature, tf) in features {
        let value = values.of(tf);
        let row = &rows[feature.index()];
        for (sum, &weight) in own.iter_mut().zip(row) {
            *sum += value * f64::from(weight);
        }
    }
    sums.copy_from_slice(&own);
}

fn add_wide_rows(sums: &mut [f64], rows: &[f32], features: &[(FeatureId, u32)], values: Values) {
    let n_labels = sums.len();
    for &(feature, tf) in features {
        let value = values.of(tf);
        let row = &rows[feature.index() * n_labels..][..n_labels];
        for (sum, &weight) in sums.iter_mut().zip(row) {
            *sum += value * f64::from(weight);
        }
    }
}

/// Shows the size only: there are some hundred thousand weights.
impl std::fmt::Debug for Weights {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Weights")
            .field("log_priors", &self.log_priors)
            .field("rows", &(self.rows.len() / self.log_priors.len()))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::{FeatureSettings, Norm, TermFrequency, Vocabulary};

    #[test]
    fn a_score_is_the_prior_plus_the_weights_times_the_values() {
        let weights = Weights::new(vec![-0.5, -1.0], vec![1.0, 2.0, -4.0, 8.0]);
        let vector = FeatureVector {
            features: vec![(FeatureId(1), 1), (FeatureId(0), 3)],
            occurrences: 16,
            ..FeatureVector::default()
        };
        let counts = ValueSettings { tf: TermFrequency::Count, norm: Norm::None };
        assert_eq!(weights.scores(&vector, counts), [-1.5, 13.0]);
        let normed = ValueSettings { tf: TermFrequency::Count, norm: Norm::Length };
        assert_eq!(weights.scores(&vector, normed), [-0.75, 2.5]);
    }

    #[test]
    fn parts_are_scored_as_one_text_of_their_features() {
        let vocabulary = Vocabulary::of_sorted(["a", "b"]).unwrap();
        let settings = FeatureSettings { ngram: 1, shapes: true, chars: 0 };
        let values = ValueSettings { tf: TermFrequency::Count, norm: Norm::Length };
        let mut scratch = VectorScratch::default();
        scratch.find(["b x x", "a", "a a x b b"], &settings, &vocabulary);
        for labels in 2..6_u16 {
            let rows: Vec<f32> = (0..2 * labels).map(f32::from).collect();
            let weights = Weights::new(vec![-0.5; labels.into()], rows);
            let vector = scratch.sum([0, 2].into_iter()).clone();
            let expected = weights.scores(&vector, values);
            let parts = [0, 2].into_iter();
            let (scores, _) = weights.scores_of_parts(&mut scratch, parts.clone(), values, &[]);
            assert_eq!(scores, expected, "labels={labels}");
            let (_, sum) = weights.scores_of_parts(&mut scratch, parts, values, &[8.0, 16.0]);
            // Two times 8 and three times 16, over the root of 8 features.
            assert!((sum - 64.0 / 8f64.sqrt()).abs() < 1e-12, "labels={labels} sum={sum}");
        }
    }
}
