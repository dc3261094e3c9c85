//! Remembers what was built, so that only what has changed is built again, in whatever profile.
//!
//! Two levels. A *stamp* per model and set of arguments holds a fingerprint of every Verilog file that was read: if all
//! still match, Verilator does not run at all. An *entry* per generated C++ code and set of flags holds the compiled
//! library: if a change (a comment, say) leads to the same code, nothing is compiled.

use std::collections::hash_map::DefaultHasher;
use std::env;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::Error;

/// Entries of a model that are kept, newest first.
const KEPT: usize = 6;

/// The folder where models are kept between builds.
pub struct Cache {
    folder: PathBuf,
}

/// What a stamp says.
pub struct Stamp {
    /// Folder of the entry.
    pub entry: PathBuf,
    /// The Verilog files that were read.
    pub sources: Vec<PathBuf>,
}

impl Cache {
    /// `VERILATED_CACHE`, else a folder in cargo's target folder, else `OUT_DIR`.
    pub fn open() -> Result<Self, Error> {
        println!("cargo::rerun-if-env-changed=VERILATED_CACHE");
        let out = PathBuf::from(
            env::var_os("OUT_DIR")
                .ok_or_else(|| Error::new("OUT_DIR is not set: not a build script"))?,
        );
        let folder = match env::var_os("VERILATED_CACHE") {
            Some(folder) => PathBuf::from(folder),
            None => {
                let target = out
                    .ancestors()
                    .skip(1)
                    .find(|folder| folder.join("CACHEDIR.TAG").is_file());
                target.unwrap_or(&out).join("verilated")
            }
        };
        fs::create_dir_all(&folder)
            .map_err(|error| Error::new(format!("{}: {error}", folder.display())))?;
        Ok(Self { folder })
    }

    /// An empty folder to work in, on the same file system as the entries.
    pub fn work_folder(&self, prefix: &str) -> Result<PathBuf, Error> {
        let folder = self
            .folder
            .join(format!("{prefix}-work-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder)
            .map_err(|error| Error::new(format!("{}: {error}", folder.display())))?;
        Ok(folder)
    }

    fn stamp_path(&self, prefix: &str, arguments: u64) -> PathBuf {
        self.folder.join(format!("{prefix}-{arguments:016x}.stamp"))
    }

    /// The entry for these arguments, if no source has changed since.
    pub fn fresh(&self, prefix: &str, arguments: u64) -> Option<Stamp> {
        let (stamp, hashes) = self.read_stamp(&self.stamp_path(prefix, arguments))?;
        let same = |(path, hash): (&PathBuf, &String)| {
            hash_file(path).is_some_and(|now| format!("{now:016x}") == *hash)
        };
        let fresh = stamp.sources.iter().zip(&hashes).all(same);
        fresh.then_some(stamp)
    }

    /// The entry that was stamped last, whatever its arguments were and whatever has changed since.
    pub fn latest(&self, prefix: &str) -> Option<Stamp> {
        let listing = fs::read_dir(&self.folder).ok()?.flatten();
        let stamps = listing.filter_map(|item| {
            let name = item.file_name().to_string_lossy().into_owned();
            let of_model = is_entry_of(name.strip_suffix(".stamp")?, prefix);
            let modified = item.metadata().ok()?.modified().ok()?;
            of_model.then_some((modified, item.path()))
        });
        let (_, path) = stamps.max()?;
        self.read_stamp(&path).map(|(stamp, _)| stamp)
    }

    /// A stamp, and the fingerprint of each source.
    fn read_stamp(&self, path: &Path) -> Option<(Stamp, Vec<String>)> {
        let text = fs::read_to_string(path).ok()?;
        let mut lines = text.lines();
        let entry = self.folder.join(lines.next()?);
        if !entry.join("done").is_file() {
            return None;
        }
        let (mut sources, mut hashes) = (Vec::new(), Vec::new());
        for line in lines {
            let (hash, path) = line.split_once(' ')?;
            sources.push(PathBuf::from(path));
            hashes.push(hash.to_owned());
        }
        Some((Stamp { entry, sources }, hashes))
    }

    /// Where the entry with this key is or will be.
    pub fn entry(&self, prefix: &str, key: u64) -> PathBuf {
        self.folder.join(format!("{prefix}-{key:016x}"))
    }

    /// Makes a finished work folder an entry. If another process was first, its entry stays.
    pub fn publish(&self, work: &Path, entry: &Path) -> Result<(), Error> {
        let failed = |error| Error::new(format!("{}: {error}", entry.display()));
        fs::write(work.join("done"), "").map_err(failed)?;
        if fs::rename(work, entry).is_err() {
            if !entry.join("done").is_file() {
                // Left half made by an older process that was stopped.
                let _ = fs::remove_dir_all(entry);
                return fs::rename(work, entry).map_err(failed);
            }
            let _ = fs::remove_dir_all(work);
        }
        Ok(())
    }

    /// Remembers that these arguments and sources lead to this entry, and forgets old entries.
    pub fn stamp(&self, prefix: &str, arguments: u64, stamp: &Stamp) -> Result<(), Error> {
        let path = self.stamp_path(prefix, arguments);
        let failed = |error| Error::new(format!("{}: {error}", path.display()));
        let name = stamp
            .entry
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        let mut text = format!("{name}\n");
        for source in &stamp.sources {
            let Some(hash) = hash_file(source) else {
                continue;
            };
            text += &format!("{hash:016x} {}\n", source.display());
        }
        let fresh = path.with_extension(format!("stamp-{}", std::process::id()));
        fs::write(&fresh, text).map_err(failed)?;
        fs::rename(&fresh, &path).map_err(failed)?;
        self.forget_old(prefix);
        Ok(())
    }

    /// Marks an entry as used now.
    pub fn touch(entry: &Path) {
        let _ = fs::write(entry.join("done"), "");
    }

    fn forget_old(&self, prefix: &str) {
        let Ok(listing) = fs::read_dir(&self.folder) else {
            return;
        };
        let mut entries: Vec<(SystemTime, PathBuf)> = listing
            .flatten()
            .filter(|item| is_entry_of(&item.file_name().to_string_lossy(), prefix))
            .filter_map(|item| {
                Some((
                    fs::metadata(item.path().join("done"))
                        .ok()?
                        .modified()
                        .ok()?,
                    item.path(),
                ))
            })
            .collect();
        entries.sort();
        for (_, path) in entries.iter().rev().skip(KEPT) {
            let _ = fs::remove_dir_all(path);
        }
    }
}

fn is_entry_of(name: &str, prefix: &str) -> bool {
    let key = name
        .strip_prefix(prefix)
        .and_then(|rest| rest.strip_prefix('-'));
    key.is_some_and(|key| key.len() == 16 && key.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// A fingerprint of anything that can be hashed.
pub fn hash(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// A fingerprint of a file's content; of a folder's list of names.
pub fn hash_file(path: &Path) -> Option<u64> {
    if path.is_dir() {
        let mut names: Vec<_> = fs::read_dir(path)
            .ok()?
            .flatten()
            .map(|item| item.file_name())
            .collect();
        names.sort();
        return Some(hash(names));
    }
    fs::read(path).ok().map(hash)
}
