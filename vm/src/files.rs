//! Files in an isolate's memory, from outside.

use std::ffi::CString;
use std::time::Duration;

use typhon_object::{Res, strs};
use typhon_object::{Thread, error};
use typhon_stdlib::ram;

/// What is to be done with the files, instead of running a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileWork {
    /// A whole file, with the folders that lead to it.
    Write {
        path: String,
        content: Vec<u8>,
    },
    /// Some bytes of a file.
    Read {
        path: String,
        at: u64,
        most: u64,
    },
    Stat {
        path: String,
    },
    /// What a folder holds.
    List {
        path: String,
    },
    /// A file, or an empty folder.
    Delete {
        path: String,
    },
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileAnswer {
    /// What was read.
    pub data: Vec<u8>,
    /// Of the file itself, or of what the folder holds.
    pub entries: Vec<FileEntry>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileEntry {
    /// Its name, in a list; what is no text in it is shown as such.
    pub name: String,
    pub folder: bool,
    pub size: u64,
    pub modified: Duration,
}

/// Does it; the errno of what cannot be done.
pub(crate) fn work(t: &Thread, work: &FileWork) -> Result<FileAnswer, i32> {
    let mut ram = ram::of(t).ok_or(libc::ENOSYS)?;
    let c = |path: &str| CString::new(path).map_err(|_| libc::EINVAL);
    let mut answer = FileAnswer::default();
    match work {
        FileWork::Write { path, content } => {
            let path = c(path)?;
            ram.put(&path, content)?;
            answer.entries.push(entry(String::new(), &ram.stat(libc::AT_FDCWD, &path)?));
        }
        FileWork::Read { path, at, most } => {
            let path = c(path)?;
            answer.entries.push(entry(String::new(), &ram.stat(libc::AT_FDCWD, &path)?));
            answer.data = ram.get(&path, *at, usize::try_from(*most).unwrap_or(usize::MAX))?;
        }
        FileWork::Stat { path } => answer.entries.push(entry(String::new(), &ram.stat(libc::AT_FDCWD, &c(path)?)?)),
        FileWork::List { path } => {
            for ram::Listed { name, .. } in ram.list(&c(path)?, None)? {
                let full = [path.as_bytes(), b"/", &name].concat();
                let full = CString::new(full).map_err(|_| libc::EINVAL)?;
                let name = String::from_utf8_lossy(&name).into_owned();
                answer.entries.push(entry(name, &ram.stat(libc::AT_FDCWD, &full)?));
            }
        }
        FileWork::Delete { path } => {
            let path = c(path)?;
            let folder = ram.stat(libc::AT_FDCWD, &path)?.st_mode & libc::S_IFMT == libc::S_IFDIR;
            ram.remove(libc::AT_FDCWD, &path, folder)?;
        }
    }
    Ok(answer)
}

/// Puts files in their places, before a program begins.
pub(crate) fn put(t: &Thread, files: &[(String, Vec<u8>)]) -> Res<()> {
    for (path, content) in files {
        t.check_alloc(content.len())?;
        let put = match (ram::of(t), CString::new(path.as_str())) {
            (Some(mut ram), Ok(path)) => ram.put(&path, content),
            (None, _) => Err(libc::ENOSYS),
            (_, Err(_)) => Err(libc::EINVAL),
        };
        put.or_else(|errno| Err(error::os_error(t, errno, Some(&strs::new(t, path)?), None)))?;
    }
    Ok(())
}

fn entry(name: String, st: &libc::stat) -> FileEntry {
    let number = |n: i64| u64::try_from(n).unwrap_or(0);
    FileEntry {
        name,
        folder: st.st_mode & libc::S_IFMT == libc::S_IFDIR,
        size: number(st.st_size),
        modified: Duration::new(number(st.st_mtime), u32::try_from(st.st_mtime_nsec).unwrap_or(0)),
    }
}
