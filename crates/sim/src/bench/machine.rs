//! What the machine says of processes and folders.

use std::io;
use std::path::Path;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};
use sha2::{Digest as _, Sha256};

use crate::clock::passed;

/// What a processor's speed is measured by.
const HASHED_MIB: u32 = 32;

/// `f_type` of a file system that lives in memory and never syncs a disk.
const TMPFS: u64 = 0x0102_1994;

/// The machine's processors in two halves: one for the server, one for this thread, so that neither waits for the other's turn.
pub(crate) struct Halves {
    all: CpuSet,
    server: CpuSet,
    load: CpuSet,
}

impl Halves {
    /// The halves of what this thread may run on; `None` on a machine with one processor.
    pub(crate) fn of_machine() -> io::Result<Option<Self>> {
        let all = sched_getaffinity(None)?;
        let (mut server, mut load) = (CpuSet::new(), CpuSet::new());
        let half = all.count().div_ceil(2);
        for processor in (0..CpuSet::MAX_CPU).filter(|processor| all.is_set(*processor)) {
            let set = if server.count() < half {
                &mut server
            } else {
                &mut load
            };
            set.set(processor);
        }
        Ok((load.count() > 0).then_some(Self { all, server, load }))
    }

    /// Processes that this thread starts from now on run on the server's half.
    pub(crate) fn enter_server(&self) -> io::Result<()> {
        Ok(sched_setaffinity(None, &self.server)?)
    }

    /// This thread runs on the other half.
    pub(crate) fn enter_load(&self) -> io::Result<()> {
        Ok(sched_setaffinity(None, &self.load)?)
    }
}

impl Drop for Halves {
    fn drop(&mut self) {
        // Where it fails, the thread stays on its half: it goes on, only slower.
        sched_setaffinity(None, &self.all).ok();
    }
}

/// Resident memory of a process, in bytes; `None` if it is gone.
pub(crate) fn resident_bytes(pid: u32) -> Option<u64> {
    resident_of(&std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?)
}

fn resident_of(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1_024)
}

/// Processor time of this process, in seconds.
pub(crate) fn own_cpu_s() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let whole = u64::try_from(time.tv_sec).unwrap_or_default();
    let nanos = u32::try_from(time.tv_nsec).unwrap_or_default();
    std::time::Duration::new(whole, nanos).as_secs_f64()
}

/// How fast one processor is just now: MiB of SHA-256 a second. Processor times are comparable between runs where this is.
pub(crate) fn hashed_mib_per_s() -> f64 {
    let block = [0x5a; 4_096];
    let mut hash = Sha256::new();
    let begun = passed();
    for _ in 0..256 * HASHED_MIB {
        hash.update(block);
    }
    std::hint::black_box(hash.finalize());
    let took = passed().saturating_sub(begun).as_secs_f64();
    f64::from(HASHED_MIB) / took.max(f64::EPSILON)
}

/// Processor time that other guests of the host took from this machine since it started, in seconds.
pub(crate) fn stolen_s() -> f64 {
    stolen_of(&std::fs::read_to_string("/proc/stat").unwrap_or_default())
}

/// The eighth figure of the first line, in hundredths of a second.
fn stolen_of(stat: &str) -> f64 {
    let line = stat.lines().next().unwrap_or_default();
    let ticks: Option<f64> = line
        .split_whitespace()
        .nth(8)
        .and_then(|ticks| ticks.parse().ok());
    ticks.unwrap_or_default() / 100.0
}

/// Sees to it that this process, and those that it starts, may have so many files and connections open.
///
/// # Errors
/// The machine allows fewer; the text says what to do.
pub(crate) fn allow_files(wanted: u64) -> Result<(), String> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_none_or(|current| current >= wanted) {
        return Ok(());
    }
    let raised = Rlimit {
        current: Some(wanted),
        maximum,
    };
    let allowed = maximum.is_none_or(|maximum| maximum >= wanted);
    if allowed && setrlimit(Resource::Nofile, raised).is_ok() {
        return Ok(());
    }
    Err(format!(
        "{wanted} open files are needed, and this machine allows {}: raise the limit with `ulimit -Hn {wanted}` as root",
        maximum.or(current).unwrap_or_default()
    ))
}

/// Whether a folder lies in memory, where a sync costs nothing and proves nothing.
pub(crate) fn is_in_memory(folder: &Path) -> io::Result<bool> {
    let about = rustix::fs::statfs(folder)?;
    Ok(u64::try_from(about.f_type).is_ok_and(|kind| kind == TMPFS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resident_memory_is_read_in_bytes() {
        assert_eq!(
            resident_of("Name:\tx\nVmRSS:\t    1234 kB\nRssAnon: 1 kB\n"),
            Some(1_263_616)
        );
        assert_eq!(resident_of("Name:\tx\n"), None);
        assert!(resident_bytes(std::process::id()).is_some_and(|bytes| bytes > 100_000));
    }

    #[test]
    fn what_the_host_took_is_the_eighth_figure() {
        let stat = "cpu  804296 164269 152692 536925 19385 0 18985 9986 0 0\ncpu0 1 2\n";
        assert!((stolen_of(stat) - 99.86).abs() < 1e-9);
        assert!(stolen_of("").abs() < 1e-9);
    }

    #[test]
    fn a_limit_that_cannot_be_had_is_told_with_what_to_do() {
        assert!(allow_files(1).is_ok());
        let unbounded = getrlimit(Resource::Nofile).maximum.is_none();
        assert!(unbounded || allow_files(u64::MAX / 2).is_err_and(|text| text.contains("ulimit")));
    }

    #[test]
    fn a_machine_is_halved_and_is_whole_again() {
        let before = sched_getaffinity(None).unwrap().count();
        if let Some(halves) = Halves::of_machine().unwrap() {
            assert_eq!(halves.server.count() + halves.load.count(), before);
            halves.enter_load().unwrap();
            assert!(sched_getaffinity(None).unwrap().count() < before);
        }
        assert_eq!(sched_getaffinity(None).unwrap().count(), before);
    }

    #[test]
    fn a_folder_in_memory_is_known_as_such() {
        assert!(!is_in_memory(Path::new("/proc")).unwrap());
        assert!(is_in_memory(Path::new("/nowhere")).is_err());
        if Path::new("/dev/shm").exists() {
            assert!(is_in_memory(Path::new("/dev/shm")).unwrap());
        }
    }
}
