//! Compiles `proto/` with no need for a `protoc` on the machine.

use std::{env, error::Error, fs, path::PathBuf};

use protox::prost::Message;

/// Messages that carry a user's text, or hold one that does.
///
/// Their generated `Debug` would put private documents in the logs, so they have none at all:
/// logging one does not compile.
const PRIVATE: [&str; 3] = [
    "newsdesk.v1.ClassifyRequest",
    "newsdesk.v1.BatchClassifyRequest",
    "newsdesk.v1.StreamClassifyRequest",
];

#[expect(clippy::disallowed_methods, reason = "Cargo speaks to build scripts by the environment")]
fn main() -> Result<(), Box<dyn Error>> {
    // tonic-prost-build emits none of these, and without one Cargo reruns this on any change.
    println!("cargo::rerun-if-changed=proto");

    let descriptors =
        protox::compile(["newsdesk/v1/newsdesk.proto", "newsdesk/v1/admin.proto"], ["proto"])?;
    let out_dir = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out_dir.join("descriptors.bin"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure()
        .skip_debug(PRIVATE)
        .extern_path(".google.rpc", "::tonic_types::pb")
        .compile_fds(descriptors)?;
    Ok(())
}
