//! A process of its own for files that nobody vouches for: what it asks for beyond its allowance ends it, and not this program.

use std::process::ExitCode;

use anyhow::Result;

use super::limits::Allowance;

/// Set in the process that computes.
const MARK: &str = "HOURGLASS_ISOLATED";

/// Runs this command again in a process of its own with this allowance, and gives that process's exit code. In that process itself, it
/// takes the allowance and gives nothing.
///
/// # Errors
///
/// When the process cannot be started, or was ended for what it asked for; and on systems other than Linux.
pub fn run(allowance: Allowance) -> Result<Option<ExitCode>> {
    if std::env::var_os(MARK).is_some() {
        return system::take(allowance).map(|()| None);
    }
    system::run(allowance).map(Some)
}

#[cfg(target_os = "linux")]
mod system {
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Command, ExitCode};

    use anyhow::{Context, Result, bail};
    use rustix::process::{Resource, Rlimit, setrlimit};

    use super::MARK;
    use crate::cli::limits::Allowance;

    const SIGKILL: i32 = 9;
    const SIGXCPU: i32 = 24;

    /// Limits this process; memory is what it may write to, threads' stacks included.
    pub fn take(Allowance { memory, seconds }: Allowance) -> Result<()> {
        let limits = [
            (Resource::Data, memory, memory),
            (Resource::Cpu, seconds, seconds.saturating_add(1)),
            (Resource::Core, 0, 0),
        ];
        for (resource, soft, hard) in limits {
            let limit = Rlimit { current: Some(soft), maximum: Some(hard) };
            setrlimit(resource, limit).context("--isolated: this process cannot be limited")?;
        }
        Ok(())
    }

    pub fn run(Allowance { memory, seconds }: Allowance) -> Result<ExitCode> {
        let program = std::env::current_exe().context("--isolated: this program cannot be found")?;
        let mut command = Command::new(program);
        command.args(std::env::args_os().skip(1)).env(MARK, "1").env("RUST_BACKTRACE", "0");
        let status = command.status().context("--isolated: no process can be started")?;
        match status.signal() {
            None => Ok(ExitCode::from(u8::try_from(status.code().unwrap_or(1)).unwrap_or(1))),
            Some(SIGKILL | SIGXCPU) => {
                bail!(
                    "ended after {seconds} seconds of processor time; --limit seconds={} allows more",
                    seconds.saturating_mul(2)
                )
            }
            Some(signal) => {
                let mib = memory >> 20;
                bail!(
                    "ended by signal {signal}, for more than {mib} MiB of memory or a fault; --limit memory={}MiB allows more",
                    mib * 2
                )
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::process::ExitCode;

    use anyhow::{Result, bail};

    use crate::cli::limits::Allowance;

    pub fn take(_: Allowance) -> Result<()> {
        bail!("--isolated works on Linux alone")
    }

    pub fn run(_: Allowance) -> Result<ExitCode> {
        bail!("--isolated works on Linux alone")
    }
}
