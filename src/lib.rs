//! x
pub mod label;
pub mod text;
pub mod features;
pub mod model;
pub mod proto;
/// x
pub fn default_model() -> std::sync::Arc<model::Model> {
    unimplemented!()
}
