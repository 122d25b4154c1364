//! Lets what is linked with libtorch find it where the build found it. For every package that has
//! programs or tests.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // From the build script of `kindling-libtorch`, with the feature `tch`.
    let Ok(lib) = std::env::var("DEP_KINDLING_LIBTORCH_LIB") else { return };
    println!("cargo:rustc-link-arg=-Wl,-rpath,{lib}");
}
