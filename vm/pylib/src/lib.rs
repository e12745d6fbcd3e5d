//! The Python part of the standard library, embedded.
//!
//! The text is CPython 3.14's, by way of the crate `rustpython-pylib` with that project's edits taken back
//! (`build/edits.rs`). It is under the PSF licence: see NOTICE.
#![forbid(unsafe_code)]

mod place;

pub use place::{FOLDER, filename};

use parking_lot::Mutex;
use std::sync::LazyLock;
use zstd::bulk::Decompressor;

/// A piece of the blob: empty when there is nothing.
struct Frame {
    offset: u32,
    packed: u32,
    size: u32,
}

struct Row {
    /// Where its path begins in [`PATHS`], and how long it is: no address, which every start of a process would write.
    path: (u32, u8),
    text: Frame,
    code: Frame,
}

/// Sorted by path.
static INDEX: &[Row] = include!(concat!(env!("OUT_DIR"), "/library.rs"));
static PATHS: &str = include_str!(concat!(env!("OUT_DIR"), "/library.txt"));
static BLOB: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/library.bin"));

/// One for the process, for its tables are larger than most modules.
static DECOMPRESSOR: LazyLock<Mutex<Decompressor<'static>>> =
    LazyLock::new(|| Mutex::new(Decompressor::new().expect("a decompressor has no settings that could be wrong")));

/// Where a module's source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Relative, with `/`: `json/decoder.py`, `json/__init__.py`.
    pub path: &'static str,
    pub is_package: bool,
}

/// One name in a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    pub name: &'static str,
    pub is_folder: bool,
}

fn row(path: &str) -> Option<&'static Row> {
    INDEX.binary_search_by(|row| row.path().cmp(path)).ok().map(|at| &INDEX[at])
}

impl Row {
    fn path(&self) -> &'static str {
        let (from, len) = self.path;
        &PATHS[from as usize..][..usize::from(len)]
    }
}

impl Frame {
    fn unpack(&self) -> Vec<u8> {
        if self.size == 0 {
            return Vec::new();
        }
        let frame = &BLOB[self.offset as usize..][..self.packed as usize];
        let mut decompressor = DECOMPRESSOR.lock();
        decompressor.decompress(frame, self.size as usize).expect("this crate packed the frame")
    }
}

/// The source of one file, by the path that [`find`] gives.
pub fn source(path: &str) -> Option<Vec<u8>> {
    row(path).map(|row| row.text.unpack())
}

/// The code of one file, as the compiler makes it of [`source`] without optimization under the name [`filename`], in the
/// form of `isa`'s `pack`. `None` where it was not made: for few files in a release, for all in a build for development.
pub fn code(path: &str) -> Option<Vec<u8>> {
    row(path).filter(|row| row.code.size > 0).map(|row| row.code.unpack())
}

/// The unpacked size of one file.
pub fn size(path: &str) -> Option<usize> {
    row(path).map(|row| row.text.size as usize)
}

/// The module with this dotted name. A package wins over a module, as in CPython's path finder.
pub fn find(module: &str) -> Option<Entry> {
    if module.is_empty() || module.contains('/') {
        return None;
    }
    let stem = module.replace('.', "/");
    [(format!("{stem}/__init__.py"), true), (format!("{stem}.py"), false)]
        .into_iter()
        .find_map(|(path, is_package)| Some(Entry { path: row(&path)?.path(), is_package }))
}

/// The names in a folder, sorted; `""` is the root. Empty when there is no such folder.
pub fn list(folder: &str) -> Vec<Name> {
    let prefix = if folder.is_empty() { String::new() } else { format!("{}/", folder.trim_end_matches('/')) };
    let start = INDEX.partition_point(|row| row.path() < prefix.as_str());
    let within = INDEX[start..].iter().map_while(|row| row.path().strip_prefix(prefix.as_str()));
    let mut names: Vec<Name> = within
        .map(|rest| match rest.split_once('/') {
            Some((folder, _)) => Name { name: folder, is_folder: true },
            None => Name { name: rest, is_folder: false },
        })
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Every file's path, sorted.
pub fn paths() -> impl Iterator<Item = &'static str> {
    INDEX.iter().map(Row::path)
}
