//! Signals that would end a program without a word.

/// From now on, writing more to a file than `ulimit -f` allows is an error, as on a full disk, and no end without a word.
pub fn survive_large_files() {
    #[cfg(unix)]
    // Where no handler can be set, the system's own stays.
    let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, std::sync::Arc::default());
}
