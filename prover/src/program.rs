//! This program, started again in another process.

use std::process::Command;

/// A command that runs this very program, though its file may have been replaced or removed since it was started: an
/// upgrade must not change what a running one starts.
///
/// # Errors
/// The system's, where it does not say which program this is.
pub(crate) fn again() -> std::io::Result<Command> {
    #[cfg(target_os = "linux")]
    {
        use std::os::unix::process::CommandExt;
        let own = std::path::Path::new("/proc/self/exe");
        if own.exists() || own.is_symlink() {
            // In the process that it starts, too, this is the program that started it.
            let mut command = Command::new(own);
            command.arg0("sphere-pow");
            return Ok(command);
        }
    }
    Ok(Command::new(std::env::current_exe()?))
}
