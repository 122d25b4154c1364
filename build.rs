//! Lets what is linked with libtorch find it where the build found it. For every package that has
//! programs or tests.

fn main() {
    // From the build script of `kindling-libtorch`, with the feature `tch`.
    println!("cargo:rerun-if-env-changed=DEP_KINDLING_LIBTORCH_LIB");
    let Ok(lib) = std::env::var("DEP_KINDLING_LIBTORCH_LIB") else { return };
    println!("cargo:rustc-link-arg=-Wl,-rpath,{lib}");
}
