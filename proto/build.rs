//! Compiles the .proto files without `protoc`.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let files = [
        "kindling/v1/artifact.proto",
        "kindling/v1/study.proto",
        "kindling/v1/worker.proto",
        "optuna/storage.proto",
    ];
    println!("cargo:rerun-if-changed=kindling");
    println!("cargo:rerun-if-changed=optuna");
    let descriptors = protox::compile(files, ["."])?;
    let out = std::path::PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("descriptors.bin"), prost::Message::encode_to_vec(&descriptors))?;
    // Claims have a hand-written `Debug`, so that their mark does not end up in a log.
    let claim = [".kindling.v1.Claim"];
    tonic_prost_build::configure().skip_debug(claim).compile_fds(descriptors)?;
    Ok(())
}
