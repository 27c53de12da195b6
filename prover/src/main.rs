//! The `sphere-pow` command.
fn main() {}
