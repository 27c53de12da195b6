//! The `sphere-pow` command.

fn main() -> std::process::ExitCode {
    sphere_pow_prover::commands::main()
}
