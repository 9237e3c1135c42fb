//! The command line of the trainer, a thin layer over the library.

mod cli;

use std::process::ExitCode;

/// Each step allocates the same few buffers of a megabyte, and glibc returns them to the system every time: clearing their pages
/// took a quarter of a dense network's epoch.
#[cfg(not(sanitized))]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    bundle::survive_large_files();
    let says = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !rows::is_contained() {
            says(panic);
        }
    }));
    match cli::run() {
        Ok(code) => code,
        Err(error) => {
            cli::say_error(&error);
            ExitCode::FAILURE
        }
    }
}
