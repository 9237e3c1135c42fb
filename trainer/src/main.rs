//! The command line of the trainer: a thin face over the library.

mod cli;

use std::process::ExitCode;

/// A step asks for the same few buffers of a megabyte again and again, which glibc hands back to the system each time: a
/// quarter of the time of a dense network's epoch went into clearing pages.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match cli::run() {
        Ok(code) => code,
        Err(error) => {
            cli::say_error(&error);
            ExitCode::FAILURE
        }
    }
}
