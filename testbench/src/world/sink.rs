//! Where an application's bytes end up: a running hash, and a file if one is wanted.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// The bytes of one stream as the application took them.
pub struct Sink {
    bytes: u64,
    hash: Sha256,
    file: Option<(PathBuf, BufWriter<File>)>,
}

/// A stream's file could not be written.
#[derive(Debug, thiserror::Error)]
#[error("{}: cannot write the stream: {source}", path.display())]
pub struct SinkError {
    path: PathBuf,
    source: std::io::Error,
}

impl Sink {
    /// A sink that also writes to `path`, if there is one.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn new(path: Option<&Path>) -> Result<Self, SinkError> {
        let file = path
            .map(|path| {
                let file = File::create(path).map_err(|source| SinkError {
                    path: path.to_owned(),
                    source,
                })?;
                Ok((path.to_owned(), BufWriter::new(file)))
            })
            .transpose()?;
        Ok(Self {
            bytes: 0,
            hash: Sha256::new(),
            file,
        })
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn take(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        self.bytes += bytes.len() as u64;
        self.hash.update(bytes);
        if let Some((path, file)) = &mut self.file {
            file.write_all(bytes).map_err(|source| SinkError {
                path: path.clone(),
                source,
            })?;
        }
        Ok(())
    }

    /// Bytes taken.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// SHA-256 of the bytes taken so far, in lower-case hexadecimal.
    pub fn sha256(&self) -> String {
        let digest = self.hash.clone().finalize();
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Writes out what is buffered.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn flush(&mut self) -> Result<(), SinkError> {
        if let Some((path, file)) = &mut self.file {
            file.flush().map_err(|source| SinkError {
                path: path.clone(),
                source,
            })?;
        }
        Ok(())
    }
}
