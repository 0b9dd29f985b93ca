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

    /// While it lives, files are made as any other program of the person makes them.
    pub struct Shared(());

    impl Drop for Shared {
        fn drop(&mut self) {
            umask(private());
        }
    }

    pub fn shared() -> Shared {
        umask(PERSONS.get().copied().unwrap_or_else(private));
        Shared(())
    }
}

#[cfg(not(unix))]
mod mask {
    pub fn start() {}

    /// While it lives, files are made as any other program of the person makes them.
    pub struct Shared(());

    pub fn shared() -> Shared {
        Shared(())
    }
}

pub use mask::shared;

/// Lets every file and directory that follows be its owner's alone: views, scratch copies and temporary files hold
/// what logs hold, and a ledger what is hidden besides. Called before any other thread is there.
pub fn start() {
    mask::start();
}
