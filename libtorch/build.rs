//! Compiles the C++ part against the libtorch that torch-sys found.

use std::path::{Path, PathBuf};

fn main() {
    println!("cargo:rerun-if-changed=src/kernels.cpp");
    // The binding's build script found libtorch by its own rules; this follows it.
    let lib = std::env::var("DEP_TCH_LIBTORCH_LIB").expect("torch-sys says where libtorch is");
    let lib = PathBuf::from(lib);
    let root = lib.parent().unwrap_or(Path::new("/")).to_owned();
    cc::Build::new()
        .cpp(true)
        .std("c++17")
        .warnings(false)
        .include(root.join("include"))
        .include(root.join("include/torch/csrc/api/include"))
        .file("src/kernels.cpp")
        .compile("kindling_libtorch");
    // For the run path of whatever is linked with this.
    println!("cargo:lib={}", lib.display());
}
