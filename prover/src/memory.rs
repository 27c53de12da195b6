//! How much memory can be had: what is refused in a sentence must not end in an abort.

use crate::error::ProverError;

/// The bytes that can still be had: the least that the machine, the container and the process's own limit leave.
/// `None` where the system does not say.
#[must_use]
pub fn available_bytes() -> Option<u64> {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let machine = field(&read("/proc/meminfo"), "MemAvailable:").map(|kilobytes| kilobytes * 1024);
    let container = left(
        &["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"],
        &["/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory/memory.usage_in_bytes"],
    );
    let used = field(&read("/proc/self/status"), "VmSize:").map_or(0, |kilobytes| kilobytes * 1024);
    let process =
        field(&read("/proc/self/limits"), "Max address space").map(|most| most.saturating_sub(used));
    [machine, container, process].into_iter().flatten().min()
}

/// Refuses what cannot be had.
///
/// # Errors
/// [`ProverError::Memory`], with the need in MB.
pub fn check(what: &str, needed_bytes: u64) -> Result<(), ProverError> {
    match available_bytes() {
        Some(available) if needed_bytes > available => Err(ProverError::Memory {
            what: what.to_owned(),
            needed_mb: needed_bytes.div_ceil(1_000_000),
            available_mb: available / 1_000_000,
            advice: "",
        }),
        _ => Ok(()),
    }
}

/// The first number after `name` in a text of lines.
fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// What the first readable limit leaves beside the first readable use.
fn left(limits: &[&str], uses: &[&str]) -> Option<u64> {
    let number = |paths: &[&str]| {
        paths.iter().find_map(|path| std::fs::read_to_string(path).ok()?.trim().parse::<u64>().ok())
    };
    Some(number(limits)?.saturating_sub(number(uses)?))
}

#[cfg(test)]
mod tests {
    use super::{check, field};
    use crate::ProverError;

    #[test]
    fn numbers_are_found_and_the_unlimited_is_no_number() {
        let text = "Limit  Soft\nMax address space  300000  unlimited bytes\nMax cpu time  unlimited\n";
        assert_eq!(field(text, "Max address space"), Some(300_000));
        assert_eq!(field(text, "Max cpu time"), None);
        assert_eq!(field(text, "Max files"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn more_than_there_is_is_refused_with_the_need() {
        assert!(check("nothing", 0).is_ok());
        let error = check("everything", 1 << 62).expect_err("refused");
        assert!(
            matches!(error, ProverError::Memory { needed_mb, .. } if needed_mb == (1_u64 << 62).div_ceil(1_000_000))
        );
    }
}
