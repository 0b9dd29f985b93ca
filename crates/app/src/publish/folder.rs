//! A folder of pages, of which only what changed is written.
//!
//! The manifest names our pages and their digests. What it does not name is not ours: it is neither
//! overwritten nor removed.

use super::draft::Publishable;
use super::error::{PublishError, Result};
use super::temporary::{Access, Temporary, clean, make_folder, sync_folder};
use crate::hint::FolderHint;
use codex_ledger_entry::hex;
use codex_ledger_ledger::World;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

const MANIFEST: &str = "codex-ledger.json";
const SCHEMA: &str = "codex-ledger.publish/1";

/// Which files of the folder are ours, each with its SHA-256; none while it is being written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Manifest {
    schema: String,
    pages: BTreeMap<String, Option<String>>,
}

/// What was found or done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// Pages that were written.
    pub written: Vec<String>,
    /// Pages that were removed.
    pub removed: Vec<String>,
    /// Pages that are as they should be.
    pub unchanged: u64,
    /// Pages that are not as they should be, and why.
    pub stale: Vec<Stale>,
}

/// A page that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stale {
    /// Its name.
    pub page: String,
    /// Why.
    pub reason: &'static str,
}

/// The folder, and what becomes of it.
pub struct Folder {
    dir: PathBuf,
    only_check: bool,
    access: Access,
    world: World,
    old: Manifest,
    new: Manifest,
    outcome: Outcome,
}

impl Folder {
    /// Opens a folder, which need not be there yet; `only_check` changes nothing in it. What a killed program left
    /// is removed.
    ///
    /// # Errors
    /// When it is none, its manifest is not ours, or it cannot be read.
    pub fn open(dir: &Path, only_check: bool, access: Access, world: &World) -> Result<Folder> {
        if dir.exists() && !dir.is_dir() {
            return Err(PublishError::refused(
                dir.display(),
                "is not a directory",
                FolderHint::NameFolder,
            ));
        }
        let empty = Manifest { schema: SCHEMA.into(), pages: BTreeMap::new() };
        let path = dir.join(MANIFEST);
        let wrong =
            |reason: String| PublishError::refused(path.display(), reason, FolderHint::Another);
        let old = match fs::read(&path) {
            Ok(bytes) => {
                let old: Manifest =
                    serde_json::from_slice(&bytes).map_err(|e| wrong(e.to_string()))?;
                let is_name = |name: &String| !name.contains(['/', '\\']) && !name.starts_with('.');
                if old.schema != SCHEMA || !old.pages.keys().all(is_name) {
                    return Err(wrong(format!("no manifest of the kind {SCHEMA}")));
                }
                old
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => empty.clone(),
            Err(e) => return Err(PublishError::io(path.display())(e)),
        };
        if !only_check {
            clean(dir);
        }
        let (dir, world) = (dir.to_path_buf(), world.clone());
        let outcome = Outcome::default();
        Ok(Folder { dir, only_check, access, world, old, new: empty, outcome })
    }

    /// Makes sure that no file of somebody else is in the way, and notes the names before they are used.
    ///
    /// # Errors
    /// When there is one, or the folder cannot be written.
    pub fn claim<'n>(&mut self, names: impl Iterator<Item = &'n str>) -> Result<()> {
        let mut all = self.old.clone();
        for name in names.filter(|name| !self.old.pages.contains_key(*name)) {
            let path = self.dir.join(name);
            if fs::symlink_metadata(&path).is_ok() && !self.only_check {
                let reason = "is there and not one of our pages";
                let hint = FolderHint::MoveAway;
                return Err(PublishError::refused(path.display(), reason, hint));
            }
            all.pages.insert(name.to_string(), None);
        }
        if self.only_check || all == self.old {
            return Ok(());
        }
        make_folder(&self.dir, self.access)?;
        self.write_manifest(&all)
    }

    /// Puts a page in its place.
    ///
    /// # Errors
    /// When the folder cannot be read or written.
    pub fn put(&mut self, page: &Publishable) -> Result<()> {
        let (name, bytes) = (page.name(), page.memory().unwrap_or_default());
        let path = self.dir.join(name);
        let digest = digest_of(bytes);
        self.new.pages.insert(name.to_string(), Some(digest.clone()));
        let found = self.digest_of(name)?;
        if found.as_ref() == Some(&digest) {
            self.outcome.unchanged += 1;
            return Ok(());
        }
        if !self.only_check {
            self.write(&path, bytes)?;
            self.outcome.written.push(name.to_string());
            return Ok(());
        }
        let ours = self.old.pages.get(name).cloned().flatten();
        let reason = match found {
            None => "missing",
            Some(found) if ours.is_some_and(|ours| ours == found) => "out of date",
            Some(_) => "changed by somebody else",
        };
        self.outcome.stale.push(Stale { page: name.to_string(), reason });
        Ok(())
    }

    /// Leaves a page as it is; says whether there is one of ours.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn withhold(&mut self, name: &str) -> Result<bool> {
        let is_there = self.digest_of(name)?.is_some();
        match self.old.pages.get(name) {
            Some(digest) if is_there => {
                self.new.pages.insert(name.to_string(), digest.clone());
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    fn digest_of(&self, name: &str) -> Result<Option<String>> {
        let path = self.dir.join(name);
        match fs::read(&path) {
            Ok(found) => Ok(Some(digest_of(&found))),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(PublishError::io(path.display())(e)),
        }
    }

    /// Removes what is no longer part of the result, where it is still as we wrote it.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn finish(mut self) -> Result<Outcome> {
        let gone: Vec<(String, Option<String>)> = self
            .old
            .pages
            .iter()
            .filter(|(name, _)| !self.new.pages.contains_key(*name))
            .map(|(name, digest)| (name.clone(), digest.clone()))
            .collect();
        if !self.only_check && !self.outcome.written.is_empty() {
            sync_folder(&self.world, &self.dir)?;
        }
        for (name, digest) in gone {
            let path = self.dir.join(&name);
            let Ok(found) = fs::read(&path) else { continue };
            if self.only_check {
                let reason = "no longer part of the result";
                self.outcome.stale.push(Stale { page: name, reason });
            } else if digest.is_none_or(|digest| digest == digest_of(&found)) {
                self.world.disk.remove_file(&path).map_err(PublishError::io(path.display()))?;
                self.outcome.removed.push(name);
            } else {
                let reason = "kept: changed by somebody else";
                self.outcome.stale.push(Stale { page: name, reason });
            }
        }
        let text = fs::read(self.dir.join(MANIFEST)).unwrap_or_default();
        if self.only_check {
            if self.old.pages.keys().ne(self.new.pages.keys()) && self.outcome.stale.is_empty() {
                self.outcome.stale.push(Stale { page: MANIFEST.into(), reason: "out of date" });
            }
        } else if text != manifest_text(&self.new) {
            self.write_manifest(&self.new)?;
        }
        Ok(self.outcome)
    }

    /// Writes the manifest; makes all names in the folder durable with it.
    fn write_manifest(&self, manifest: &Manifest) -> Result<()> {
        make_folder(&self.dir, self.access)?;
        self.write(&self.dir.join(MANIFEST), &manifest_text(manifest))?;
        sync_folder(&self.world, &self.dir)
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        let mut file = Temporary::create(&self.world, path, self.access)?;
        file.write_all(bytes).map_err(PublishError::io(path.display()))?;
        file.name()
    }
}

fn manifest_text(manifest: &Manifest) -> Vec<u8> {
    let mut text = serde_json::to_vec_pretty(manifest).unwrap_or_default();
    text.push(b'\n');
    text
}

fn digest_of(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}
