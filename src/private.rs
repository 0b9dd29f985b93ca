//! Whom the files are for that this program makes: their owner alone, but for pages that are meant to be served.

#[cfg(unix)]
mod mask {
    use rustix::fs::Mode;
    use rustix::process::umask;
    use std::sync::OnceLock;

    /// What the person's own mask takes away.
    static PERSONS: OnceLock<Mode> = OnceLock::new();

    fn private() -> Mode {
        Mode::RWXG | Mode::RWXO
    }

    pub fn start() {
        let persons = umask(private());
        PERSONS.get_or_init(|| persons);
    }

    pub fn shared_mode() -> Option<u32> {
        let persons = PERSONS.get().copied().unwrap_or_else(private);
        Some((Mode::from_raw_mode(0o666) - persons).as_raw_mode())
    }
}

#[cfg(not(unix))]
mod mask {
    pub fn start() {}

    pub fn shared_mode() -> Option<u32> {
        None
    }
}

/// The permission bits of a file as any other program of the person makes it.
pub use mask::shared_mode;

/// Lets every file and directory that follows be its owner's alone: views, scratch copies and temporary files hold
/// what logs hold, and a ledger what is hidden besides. Called before any other thread is there.
pub fn start() {
    mask::start();
}
