//! Small file systems of their own, where the machine lets us mount them.

use super::skip;
use std::path::Path;
use std::process::Command;

/// A tmpfs that goes when this is dropped.
pub struct Tmpfs {
    dir: tempfile::TempDir,
}

impl Tmpfs {
    /// `size` as mount(8) takes it. `None`, and a visible skip of `test`, where mounting is refused.
    pub fn of(size: &str, test: &str) -> Option<Tmpfs> {
        let dir = tempfile::tempdir().unwrap();
        let option = format!("size={size}");
        match run(Command::new("mount").args(["-t", "tmpfs", "-o", &option, "tmpfs"]), dir.path()) {
            Ok(()) => Some(Tmpfs { dir }),
            Err(reason) => {
                skip(test, &format!("cannot mount a tmpfs: {reason}"));
                None
            }
        }
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// `size=64m`, `ro` and the like.
    pub fn remount(&self, option: &str) {
        let option = format!("remount,{option}");
        run(Command::new("mount").args(["-o", &option]), self.path()).unwrap();
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        // Lazily, since a failed test may still have files open.
        run(Command::new("umount").arg("-l"), self.dir.path()).ok();
    }
}

fn run(command: &mut Command, dir: &Path) -> Result<(), String> {
    if !cfg!(target_os = "linux") {
        return Err("not on Linux".into());
    }
    let output = command.arg(dir).output().map_err(|e| e.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(said.lines().next().unwrap_or("mount failed").to_string())
}
