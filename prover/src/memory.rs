//! How much memory can be had: what is refused in a sentence must not end in an abort.

use crate::error::ProverError;
use std::path::{Path, PathBuf};

/// The bytes that can still be had: the least that the machine, every group of processes around this one (cgroup v1 and
/// v2) and the process's own limit leave. `None` where the system does not say.
#[must_use]
pub fn available_bytes() -> Option<u64> {
    available_below(Path::new("/"))
}

/// The same where the system's files stand below `root`.
fn available_below(root: &Path) -> Option<u64> {
    let read = |path: &str| text(&root.join(path));
    let machine = field(&read("proc/meminfo"), "MemAvailable:").map(|kilobytes| kilobytes * 1024);
    let used = field(&read("proc/self/status"), "VmSize:").map_or(0, |kilobytes| kilobytes * 1024);
    let process = field(&read("proc/self/limits"), "Max address space").map(|most| most.saturating_sub(used));
    let groups = groups(&read("proc/self/cgroup"));
    let groups = groups.iter().filter_map(|group| group.left_bytes(root)).min();
    [machine, process, groups].into_iter().flatten().min()
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

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

/// The first number after `name` in a text of lines.
fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Files of a version of cgroups.
struct Files {
    limit: &'static str,
    used: &'static str,
    /// In `memory.stat`: what of the used the system gives back as soon as somebody needs it, the cache of files.
    reclaimable: &'static str,
}

const V1: Files = Files {
    limit: "memory.limit_in_bytes",
    used: "memory.usage_in_bytes",
    reclaimable: "total_inactive_file ",
};
const V2: Files = Files { limit: "memory.max", used: "memory.current", reclaimable: "inactive_file " };

/// A group of processes that may have a limit of its own.
struct Group {
    /// Below the system's root.
    folder: PathBuf,
    files: &'static Files,
}

impl Group {
    /// What its limit leaves; `None` when it has none.
    fn left_bytes(&self, root: &Path) -> Option<u64> {
        let read = |name| text(&root.join(&self.folder).join(name));
        let number = |name| read(name).trim().parse::<u64>().ok();
        let limit = number(self.files.limit)?;
        let cached = field(&read("memory.stat"), self.files.reclaimable).unwrap_or(0);
        Some(limit.saturating_sub(number(self.files.used)?.saturating_sub(cached)))
    }
}

/// This process's groups by `/proc/self/cgroup`, and all that are around them.
fn groups(text: &str) -> Vec<Group> {
    let mut found = Vec::new();
    for line in text.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
        let (mounts, files): (&[&str], _) = if controllers.is_empty() {
            (&["sys/fs/cgroup", "sys/fs/cgroup/unified"], &V2)
        } else if controllers.split(',').any(|name| name == "memory") {
            (&["sys/fs/cgroup/memory"], &V1)
        } else {
            continue;
        };
        // In a container the path may be the host's, of which nothing is to be seen but the root.
        let around = Path::new(path.trim_start_matches('/')).ancestors();
        for (mount, inner) in around.flat_map(|inner| mounts.iter().map(move |mount| (mount, inner))) {
            found.push(Group { folder: Path::new(mount).join(inner), files });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{available_below, check, field};
    use crate::ProverError;

    #[test]
    fn numbers_are_found_and_the_unlimited_is_no_number() {
        let text = "Limit  Soft\nMax address space  300000  unlimited bytes\nMax cpu time  unlimited\n";
        assert_eq!(field(text, "Max address space"), Some(300_000));
        assert_eq!(field(text, "Max cpu time"), None);
        assert_eq!(field(text, "Max files"), None);
    }

    /// What a system with these files leaves.
    fn left(files: &[(&str, &str)]) -> Option<u64> {
        let root = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        available_below(root.path())
    }

    #[test]
    fn the_tightest_limit_counts_wherever_it_stands() {
        let machine = ("proc/meminfo", "MemTotal: 9000 kB\nMemAvailable:    1000 kB\n");
        assert_eq!(left(&[]), None);
        assert_eq!(left(&[machine]), Some(1_024_000));
        let process = [
            ("proc/self/limits", "Max address space         400000               unlimited            bytes"),
            ("proc/self/status", "Name: x\nVmSize:\t     100 kB\n"),
        ];
        assert_eq!(left(&[&process[..], &[machine]].concat()), Some(400_000 - 102_400));
        // cgroup v2: this group has no limit, the one around it has; the cache of files is given back.
        let v2 = [
            machine,
            ("proc/self/cgroup", "0::/pod/box\n"),
            ("sys/fs/cgroup/pod/box/memory.max", "max\n"),
            ("sys/fs/cgroup/pod/box/memory.current", "5\n"),
            ("sys/fs/cgroup/pod/memory.max", "500000\n"),
            ("sys/fs/cgroup/pod/memory.current", "450000\n"),
            ("sys/fs/cgroup/pod/memory.stat", "anon 50000\ninactive_file 400000\nactive_file 1\n"),
        ];
        assert_eq!(left(&v2), Some(450_000));
        // cgroup v1 within a group, beside controllers of other things and an empty v2.
        let v1 = [
            machine,
            ("proc/self/cgroup", "12:cpu,cpuacct:/x\n4:memory:/spow\n0::/\n"),
            ("sys/fs/cgroup/memory/spow/memory.limit_in_bytes", "300000\n"),
            ("sys/fs/cgroup/memory/spow/memory.usage_in_bytes", "250000\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
            ("sys/fs/cgroup/memory/memory.usage_in_bytes", "700000\n"),
        ];
        assert_eq!(left(&v1), Some(50_000));
        // A container whose group is the host's path, but who sees its own group as the root.
        let container = [
            machine,
            ("proc/self/cgroup", "0::/docker/0123abc\n"),
            ("sys/fs/cgroup/memory.max", "200000\n"),
            ("sys/fs/cgroup/memory.current", "150000\n"),
        ];
        assert_eq!(left(&container), Some(50_000));
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
