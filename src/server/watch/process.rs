//! What the system says of this process. Linux only; elsewhere there is nothing.

use std::fs;

/// The unit of the times in `/proc`, which Linux has kept at this for programs on every machine.
const TICKS_PER_SECOND: f64 = 100.0;

/// What the system says of this process.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Process {
    pub(super) resident_bytes: u64,
    pub(super) threads: u64,
    pub(super) open_files: u64,
    pub(super) cpu_seconds: f64,
}

impl Process {
    pub(super) fn read() -> Option<Process> {
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        let open_files = fs::read_dir("/proc/self/fd").ok()?.count() as u64;
        Process::parse(&status, &stat, open_files)
    }

    fn parse(status: &str, stat: &str, open_files: u64) -> Option<Process> {
        let field = |name: &str| -> Option<u64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse().ok()
        };
        // The second field is the program's name, in brackets, and can hold anything; from the end of it
        // on, user and system time are the 12th and the 13th.
        let mut times = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
        let mut ticks = || times.next()?.parse::<u64>().ok();
        let cpu_ticks = ticks()? + ticks()?;
        Some(Process {
            resident_bytes: 1024 * field("VmRSS:")?,
            threads: field("Threads:")?,
            open_files,
            cpu_seconds: cpu_ticks as f64 / TICKS_PER_SECOND,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_words_are_read() {
        let status = "Name:\tnews\nVmRSS:\t    2048 kB\nThreads:\t7\n";
        let stat = "1 (a) b) S 0 1 1 0 -1 4194560 100 0 0 0 150 50 0 0 20 0 7 0 5 6 7";
        let process =
            Process { resident_bytes: 2 << 20, threads: 7, open_files: 9, cpu_seconds: 2.0 };
        assert_eq!(Process::parse(status, stat, 9), Some(process));
        assert_eq!(Process::parse("", stat, 9), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_is_known() {
        assert!(Process::read().is_some_and(|process| 0 < process.resident_bytes));
    }
}
