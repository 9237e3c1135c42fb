//! How much memory this program may use, as far as the system says.

use std::fs::read_to_string;
use std::path::Path;

/// Assumed where the system does not say: on anything but Linux.
const ASSUMED: u64 = 16_000_000_000;

/// Bytes that this program may still use: the least of what is free, what its control group allows and what `ulimit -v` allows.
pub(crate) fn available() -> u64 {
    let read = |path: &str| read_to_string(path).ok();
    let free = read("/proc/meminfo").and_then(|text| kilobytes(&text, "MemAvailable:"));
    let addresses = read("/proc/self/limits").and_then(|text| address_limit(&text)).map(|limit| {
        let taken = read("/proc/self/status").and_then(|text| kilobytes(&text, "VmSize:"));
        limit.saturating_sub(taken.unwrap_or(0))
    });
    let group = read("/proc/self/cgroup").and_then(|text| group_limit(&text, Path::new("/sys/fs/cgroup")));
    [free, addresses, group].into_iter().flatten().min().unwrap_or(ASSUMED)
}

/// Bytes in the line `name   1234 kB`.
fn kilobytes(text: &str, name: &str) -> Option<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix(name))?;
    value.trim().trim_end_matches("kB").trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// The soft limit of `Max address space`; nothing when it is unlimited.
fn address_limit(text: &str) -> Option<u64> {
    let limits = text.lines().find_map(|line| line.strip_prefix("Max address space"))?;
    limits.split_whitespace().next()?.parse().ok()
}

/// The lowest limit of the process's control group and those above it, below `root`; nothing when none has a limit.
fn group_limit(groups: &str, root: &Path) -> Option<u64> {
    let limit = |line: &str| {
        let mut parts = line.splitn(3, ':');
        // Version 2 has one line, `0::/path`; in version 1, the memory's controller has one, `4:memory:/path`.
        let (root, file) = match (parts.next()?, parts.next()?) {
            ("0", "") => (root.to_owned(), "memory.max"),
            (_, "memory") => (root.join("memory"), "memory.limit_in_bytes"),
            _ => return None,
        };
        let folders = Path::new(parts.next()?.trim_start_matches('/')).ancestors();
        let read = |folder: &Path| read_to_string(root.join(folder).join(file)).ok()?.trim().parse::<u64>().ok();
        folders.filter_map(read).min()
    };
    groups.lines().filter_map(limit).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_as_linux_writes_them() {
        let meminfo = "MemTotal:       24690024 kB\nMemFree:        20000000 kB\nMemAvailable:   23000000 kB\n";
        assert_eq!(kilobytes(meminfo, "MemAvailable:"), Some(23_000_000 * 1024));
        assert_eq!(kilobytes(meminfo, "SwapFree:"), None);
        let limits = "Limit                     Soft Limit           Hard Limit           Units\n\
                      Max address space         4096000000           unlimited            bytes\n";
        assert_eq!(address_limit(limits), Some(4_096_000_000));
        assert_eq!(address_limit(&limits.replace("4096000000", "unlimited ")), None);
    }

    #[test]
    fn the_lowest_limit_of_nested_groups_counts() {
        let root = tempfile::tempdir().unwrap();
        let inner = root.path().join("user/job");
        std::fs::create_dir_all(&inner).unwrap();
        let groups = "12:cpu:/\n0::/user/job\n";
        assert_eq!(group_limit(groups, root.path()), None);
        std::fs::write(inner.join("memory.max"), "max\n").unwrap();
        assert_eq!(group_limit(groups, root.path()), None);
        std::fs::write(root.path().join("user/memory.max"), "2000000000\n").unwrap();
        assert_eq!(group_limit(groups, root.path()), Some(2_000_000_000));
        let first_version = root.path().join("memory/job");
        std::fs::create_dir_all(&first_version).unwrap();
        std::fs::write(first_version.join("memory.limit_in_bytes"), "1000000000\n").unwrap();
        assert_eq!(group_limit("4:memory:/job\n0::/\n", root.path()), Some(1_000_000_000));
    }

    #[test]
    fn some_memory_is_there() {
        assert!(available() > 1_000_000);
    }
}
