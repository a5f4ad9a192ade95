//! Where the served models come from, and how they change while requests go on.
//!
//! ```text
//! files, folder ─look─▶ Candidate ─read─▶ Model ─gold set─▶ current version ─▶ Registry
//!                          │ unusable          │ worse
//!                          ▼                   ▼
//!                       problems, while the version before goes on
//! ```
//!
//! A look never fails as a whole: what it cannot use it says, and leaves the rest as it was.

mod candidate;
mod gold;
mod keeper;
mod knowledge;
mod look;
mod order;
mod shadow;
mod versions;

use std::path::PathBuf;

pub use self::shadow::ShadowPlan;
pub use self::{
    gold::{Gold, GoldError},
    keeper::{Keeper, SupplyError},
};
pub(super) use self::{
    shadow::Shadow,
    versions::{Version, VersionState},
};

/// Where the served models come from.
#[derive(Debug, Default)]
pub struct Supply {
    /// Files of one model each, which bear its name and version in themselves.
    pub files: Vec<PathBuf>,
    /// A folder of `name/version.safetensors`. The name and the version of the path count.
    pub folder: Option<PathBuf>,
    /// The name of the default model, or else that of the first file, or else `default`, or else the first
    /// of the folder's names in their order.
    pub default: Option<String>,
    /// What a new version is tried on before it takes the place of another.
    pub gold: Option<Gold>,
    /// A version that is only compared with the current one.
    pub shadow: Option<ShadowPlan>,
}
