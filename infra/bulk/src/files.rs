//! Files that this program writes: complete or not at all, readable by their owner only, and never
//! over a file that the user did not name.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use bulk_terminal::Failure;
use tempfile::NamedTempFile;

/// A file that appears under its name when it is complete. Until then it is a temporary file in the
/// same folder, which is removed if the command fails. Other users cannot read it, because it holds
/// patient data.
#[derive(Debug)]
pub struct AtomicFile {
    temporary: NamedTempFile,
    target: PathBuf,
    replace: bool,
}

impl AtomicFile {
    /// Creates a file that the user named. It replaces an existing file.
    pub fn replacing(target: &Path) -> Result<Self, Failure> {
        Self::create(target, true)
    }

    /// Creates a file that this program named. It never replaces an existing file.
    pub fn beside(target: &Path) -> Result<Self, Failure> {
        if target.exists() {
            return Err(already_there(target));
        }
        Self::create(target, false)
    }

    fn create(target: &Path, replace: bool) -> Result<Self, Failure> {
        let folder = folder_of(target);
        let temporary =
            tempfile::Builder::new().prefix(".bulk-").tempfile_in(folder).map_err(|error| {
                Failure::new(format!("{} cannot be written: {error}", target.display()))
            })?;
        Ok(Self { temporary, target: target.to_owned(), replace })
    }

    /// Appends to the file.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.temporary.write_all(bytes).map_err(|error| self.failed(&error))
    }

    /// Stores the file durably under its name, and returns its path.
    pub fn finish(self) -> Result<PathBuf, Failure> {
        let Self { mut temporary, target, replace } = self;
        let failed = |error: &std::io::Error| {
            Failure::new(format!("{} cannot be written: {error}", target.display()))
        };
        temporary.flush().map_err(|error| failed(&error))?;
        temporary.as_file().sync_all().map_err(|error| failed(&error))?;
        let placed =
            if replace { temporary.persist(&target) } else { temporary.persist_noclobber(&target) };
        match placed {
            Ok(_) => Ok(target),
            Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => {
                Err(already_there(&target))
            }
            Err(error) => Err(failed(&error.error)),
        }
    }

    fn failed(&self, error: &std::io::Error) -> Failure {
        Failure::new(format!("{} cannot be written: {error}", self.target.display()))
    }
}

fn already_there(target: &Path) -> Failure {
    Failure::new(format!("{} already exists", target.display()))
        .next("name the file to write; one that you name is replaced")
}

fn folder_of(target: &Path) -> &Path {
    match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Refuses output files that cannot be written, before anything is sent: in a folder that does not
/// exist, over the input file, or the same file twice.
pub fn check_targets(source: Option<&Path>, targets: &[&Path]) -> Result<(), Failure> {
    for (index, target) in targets.iter().enumerate() {
        if target.is_dir() || !folder_of(target).is_dir() {
            return Err(Failure::new(format!(
                "{} cannot be written: it needs an existing folder, and a name in it",
                target.display()
            )));
        }
        if source.is_some_and(|source| same(source, target)) {
            return Err(Failure::new(format!(
                "{} would be written over the file that is read",
                target.display()
            ))
            .next("name another file"));
        }
        if targets[..index].iter().any(|other| same(other, target)) {
            return Err(Failure::new(format!("{} was named twice", target.display()))
                .next("name two files"));
        }
    }
    Ok(())
}

/// Returns whether two paths are the same file, even if it does not exist yet.
fn same(one: &Path, other: &Path) -> bool {
    let resolved = |path: &Path| {
        path.canonicalize().ok().or_else(|| {
            let folder = folder_of(path).canonicalize().ok()?;
            Some(folder.join(path.file_name()?))
        })
    };
    resolved(one).is_some_and(|one| Some(one) == resolved(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_appears_complete_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("result.csv");
        let mut file = AtomicFile::replacing(&target).unwrap();
        file.write(b"half").unwrap();
        drop(file);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);

        let mut file = AtomicFile::replacing(&target).unwrap();
        file.write(b"whole").unwrap();
        assert!(!target.exists());
        file.finish().unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), b"whole");
    }

    #[test]
    fn only_a_file_that_was_named_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("result.csv");
        let raced = AtomicFile::beside(&target).unwrap();
        std::fs::write(&target, "before").unwrap();
        assert!(raced.finish().is_err());
        assert!(AtomicFile::beside(&target).is_err());
        assert_eq!(std::fs::read(&target).unwrap(), b"before");
        AtomicFile::replacing(&target).unwrap().finish().unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), b"");
    }

    #[cfg(unix)]
    #[test]
    fn others_cannot_read_what_is_written() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("result.csv");
        AtomicFile::replacing(&target).unwrap().finish().unwrap();
        assert_eq!(target.metadata().unwrap().permissions().mode() & 0o077, 0);
    }

    #[test]
    fn the_input_file_is_not_overwritten_under_another_path() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("patients.csv");
        std::fs::write(&source, "x").unwrap();
        let detour =
            folder.path().join("..").join(folder.path().file_name().unwrap()).join("patients.csv");
        assert!(check_targets(Some(&source), &[&detour]).is_err());
        let (a, b) = (folder.path().join("a.csv"), folder.path().join(".").join("a.csv"));
        assert!(check_targets(Some(&source), &[&a]).is_ok());
        assert!(check_targets(Some(&source), &[&a, &b]).is_err());
        assert!(check_targets(None, &[&folder.path().join("missing").join("a.csv")]).is_err());
    }
}
