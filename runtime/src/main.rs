//! The command line of the runtime: a thin face over the library.

mod cli;

fn main() -> std::process::ExitCode {
    bundle::survive_large_files();
    cli::run()
}
