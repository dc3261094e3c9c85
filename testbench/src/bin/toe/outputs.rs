//! Output files: found writable before the work begins, in place only when it is done.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

use crate::error::Failure;

/// A file in the making. What stood there before stays until [`OutputFile::commit`].
pub(crate) struct OutputFile {
    path: PathBuf,
    file: Output,
}

enum Output {
    Beside(NamedTempFile),
    /// A pipe or a device, which cannot be replaced.
    Direct(File),
}

impl OutputFile {
    /// Makes sure that the file can be written.
    pub(crate) fn create(path: &Path) -> Result<Self, Failure> {
        let special = path.metadata().is_ok_and(|metadata| !metadata.is_file());
        let file = if special {
            File::options().write(true).open(path).map(Output::Direct)
        } else {
            beside(path).map(Output::Beside)
        };
        file.map(|file| Self {
            path: path.to_owned(),
            file,
        })
        .map_err(|e| unwritable(path, &e))
    }

    /// Puts the file in its place.
    pub(crate) fn commit(self) -> Result<(), Failure> {
        match self.file {
            Output::Direct(_) => Ok(()),
            Output::Beside(file) => {
                file.persist(&self.path)
                    .map_err(|e| unwritable(&self.path, &e.error))?;
                Ok(())
            }
        }
    }

    /// Writes the whole file and puts it in its place.
    pub(crate) fn write(mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.write_all(bytes)
            .map_err(|e| unwritable(&self.path, &e))?;
        self.commit()
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.file {
            Output::Beside(file) => file.write(bytes),
            Output::Direct(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.file {
            Output::Beside(file) => file.flush(),
            Output::Direct(file) => file.flush(),
        }
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn beside(path: &Path) -> io::Result<NamedTempFile> {
    if path.file_name().is_none() {
        return Err(io::Error::from(ErrorKind::IsADirectory));
    }
    // As any new file; the process's umask takes its part away.
    let permissions = std::fs::Permissions::from_mode(0o666);
    Builder::new()
        .prefix(".toe-")
        .permissions(permissions)
        .tempfile_in(folder_of(path))
}

/// Makes sure that somebody else can write a file here later.
pub(crate) fn check_file(path: &Path) -> Result<(), Failure> {
    if path.is_dir() {
        return Err(unwritable(path, &io::Error::from(ErrorKind::IsADirectory)));
    }
    beside(path).map(drop).map_err(|e| unwritable(path, &e))
}

/// Makes a folder, with those above it, and makes sure that files can be written in it.
pub(crate) fn check_folder(path: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(path)
        .and_then(|()| beside(&path.join("stream")))
        .map(drop)
        .map_err(|e| unwritable(path, &e))
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    let reason = match error.kind() {
        ErrorKind::NotFound => "the folder does not exist".to_owned(),
        ErrorKind::IsADirectory => "is a folder".to_owned(),
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists => "is not a folder".to_owned(),
        _ => error.to_string(),
    };
    Failure::bad_input(format!("{}: cannot be written: {reason}", path.display()))
}

/// Prints to standard output. A reader that has gone away (`| head`) is no failure.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    match output
        .write_all(text.as_bytes())
        .and_then(|()| output.flush())
    {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::bad_input(format!("standard output: {error}")))
        }
        _ => Ok(()),
    }
}
