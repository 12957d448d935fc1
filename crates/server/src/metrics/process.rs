//! What the process takes of the machine.

use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};
use std::fs::{read_dir, read_to_string};

/// What the process takes, as far as the system tells: `/proc` is Linux's.
#[derive(Clone, Debug, Default)]
pub struct Process {
    pub resident_bytes: Option<u64>,
    pub open_files: Option<u64>,
    pub most_files: Option<u64>,
    pub cpu_seconds: f64,
}

impl Process {
    /// As it is now.
    pub fn look() -> Self {
        let cpu = clock_gettime(ClockId::ProcessCPUTime);
        Self {
            resident_bytes: read_to_string("/proc/self/status").ok().and_then(|s| resident(&s)),
            // Looking takes one itself.
            open_files: read_dir("/proc/self/fd").ok().map(|fds| fds.count() as u64 - 1),
            most_files: getrlimit(Resource::Nofile).current,
            cpu_seconds: cpu.tv_sec as f64 + cpu.tv_nsec as f64 / 1e9,
        }
    }
}

/// The line `VmRSS:     1234 kB`.
fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_linux_tells() {
        assert_eq!(resident("VmHWM:\t  9 kB\nVmRSS:\t   1234 kB\n"), Some(1234 * 1024));
        assert_eq!(resident("VmRSS:\t many\n"), None);
        if cfg!(target_os = "linux") {
            let now = Process::look();
            assert!(now.resident_bytes > Some(1 << 20) && now.open_files > Some(2), "{now:?}");
            assert!(now.cpu_seconds > 0.0);
        }
    }
}
