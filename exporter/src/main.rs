//! The program `exporter`.

mod cli;

fn main() -> std::process::ExitCode {
    bundle::survive_large_files();
    cli::run()
}
