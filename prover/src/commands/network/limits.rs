//! Disks that are full, as a host's process meets them: a limit to the size of its files. It takes no rights and no disk.

use std::process::Child;

/// Has the system refuse all that a process writes to files from here on.
///
/// # Errors
/// The system's.
#[cfg(target_os = "linux")]
pub(super) fn refuse_writes(child: &Child) -> std::io::Result<()> {
    use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
    let maximum = getrlimit(Resource::Fsize).maximum;
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    prlimit(pid, Resource::Fsize, Rlimit { current: Some(0), maximum })?;
    Ok(())
}

/// Elsewhere a process has no say in another's limits.
///
/// # Errors
/// Always.
#[cfg(not(target_os = "linux"))]
pub(super) fn refuse_writes(_child: &Child) -> std::io::Result<()> {
    Err(std::io::Error::other("disks that are full take Linux, or --simulated"))
}
