//! Whole counts: what a corpus counted, with no feature left out, so that it adds and subtracts exactly.

use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};

use super::container::{self, Table, UnusableModel};

/// How much each feature counts in each stratum, which is the documents of one source and one label.
///
/// A feature's cells are its counts in the strata that it occurs in. Names and cells of all features stand
/// one after the other, in the order of the names, and within a feature in the order of the strata.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WholeCounts {
    /// The strata, in order.
    pub strata: Vec<StratumDocuments>,
    /// The names of all features, one after the other.
    pub names: String,
    /// The byte after each name.
    pub name_ends: Vec<u32>,
    /// The cell after the last of each feature.
    pub cell_ends: Vec<u32>,
    /// The place of each cell's stratum.
    pub cell_strata: Vec<u32>,
    /// The documents that the feature occurs in, of each cell.
    pub cell_documents: Vec<u32>,
    /// The sum of the feature's values, in steps, of each cell.
    pub cell_steps: Vec<u64>,
}

/// The documents of one source and one label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StratumDocuments {
    /// The source, if it is known.
    pub source: Option<String>,
    /// The label.
    pub label: String,
    /// The number of documents.
    pub documents: u64,
}

const NAMES: &str = "whole.names";
const NAME_ENDS: &str = "whole.name_ends";
const CELL_ENDS: &str = "whole.cell_ends";
const STRATA: &str = "whole.strata";
const DOCUMENTS: &str = "whole.documents";
const STEPS: &str = "whole.steps";

impl WholeCounts {
    /// Returns the tables of a file.
    pub(super) fn tables(&self) -> Vec<(&'static str, Table)> {
        let (features, cells) = (self.name_ends.len(), self.cell_steps.len());
        let names = self.names.as_bytes().to_vec();
        vec![
            (NAMES, Table { dtype: Dtype::U8, shape: vec![names.len()], bytes: names }),
            (NAME_ENDS, Table::of_u32(&self.name_ends, vec![features])),
            (CELL_ENDS, Table::of_u32(&self.cell_ends, vec![features])),
            (STRATA, Table::of_u32(&self.cell_strata, vec![cells])),
            (DOCUMENTS, Table::of_u32(&self.cell_documents, vec![cells])),
            (STEPS, Table::of_integers(&self.cell_steps, vec![cells])),
        ]
    }

    /// Reads the tables of a file, whose header has the `strata`.
    pub(super) fn read(
        tensors: &SafeTensors<'_>,
        strata: Vec<StratumDocuments>,
    ) -> Result<WholeCounts, UnusableModel> {
        let features = container::length(tensors, NAME_ENDS);
        let cells = container::length(tensors, STRATA);
        let bytes = container::length(tensors, NAMES);
        let (_, names) = container::table(tensors, NAMES, &[Dtype::U8], &[bytes])?;
        let names = String::from_utf8(names.to_vec());
        let counts = WholeCounts {
            strata,
            names: names.map_err(|_| UnusableModel::Value { what: "whole counts' encoding" })?,
            name_ends: container::u32s(tensors, NAME_ENDS, &[features])?,
            cell_ends: container::u32s(tensors, CELL_ENDS, &[features])?,
            cell_strata: container::u32s(tensors, STRATA, &[cells])?,
            cell_documents: container::u32s(tensors, DOCUMENTS, &[cells])?,
            cell_steps: container::integers(tensors, STEPS, &[cells])?,
        };
        counts.check()?;
        Ok(counts)
    }

    /// Returns each feature's name, and its cells.
    pub fn features(&self) -> impl Iterator<Item = (&str, std::ops::Range<usize>)> {
        let starts = |ends: &[u32], at: usize| if at == 0 { 0 } else { ends[at - 1] as usize };
        (0..self.name_ends.len()).map(move |at| {
            let name = starts(&self.name_ends, at)..self.name_ends[at] as usize;
            let cells = starts(&self.cell_ends, at)..self.cell_ends[at] as usize;
            (&self.names[name], cells)
        })
    }

    /// Checks what [`features`](WholeCounts::features) and its callers rely on.
    fn check(&self) -> Result<(), UnusableModel> {
        let check = |what, is_possible: bool| {
            if is_possible { Ok(()) } else { Err(UnusableModel::Value { what }) }
        };
        let strata = self.strata.iter().map(|stratum| (&stratum.source, &stratum.label));
        check("order of strata", strata.is_sorted_by(|a, b| a < b))?;
        let ends = |ends: &[u32], all: usize| {
            ends.is_sorted_by(|a, b| a < b) && ends.last().map_or(0, |&end| end as usize) == all
        };
        let on_characters =
            self.name_ends.iter().all(|&end| self.names.is_char_boundary(end as usize));
        check("feature names", ends(&self.name_ends, self.names.len()) && on_characters)?;
        check("feature cells", ends(&self.cell_ends, self.cell_steps.len()))?;
        check("order of features", self.features().is_sorted_by(|a, b| a.0 < b.0))?;
        let in_order =
            self.features().all(|(_, cells)| self.cell_strata[cells].is_sorted_by(|a, b| a < b));
        let known = self.cell_strata.iter().all(|&stratum| (stratum as usize) < self.strata.len());
        check("stratum of a cell", in_order && known)
    }
}
