//! The Python part of the standard library, embedded.
//!
//! The text is CPython 3.14's, by way of the crate `rustpython-pylib` with that project's edits taken back
//! (`build/edits.rs`). It is under the PSF licence: see NOTICE.
#![forbid(unsafe_code)]

/// (path, offset in the blob, packed bytes, unpacked bytes), sorted by path.
static INDEX: &[(&str, u32, u32, u32)] = include!(concat!(env!("OUT_DIR"), "/library.rs"));
static BLOB: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/library.bin"));

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

/// The source of one file, by the path that [`find`] gives.
pub fn source(path: &str) -> Option<Vec<u8>> {
    let at = INDEX.binary_search_by(|entry| entry.0.cmp(path)).ok()?;
    let (_, offset, packed, unpacked) = INDEX[at];
    let frame = &BLOB[offset as usize..][..packed as usize];
    Some(zstd::bulk::decompress(frame, unpacked as usize).expect("this crate packed the frame"))
}

/// The unpacked size of one file.
pub fn size(path: &str) -> Option<usize> {
    let at = INDEX.binary_search_by(|entry| entry.0.cmp(path)).ok()?;
    Some(INDEX[at].3 as usize)
}

/// The module with this dotted name. A package wins over a module, as in CPython's path finder.
pub fn find(module: &str) -> Option<Entry> {
    if module.is_empty() || module.contains('/') {
        return None;
    }
    let stem = module.replace('.', "/");
    [(format!("{stem}/__init__.py"), true), (format!("{stem}.py"), false)].into_iter().find_map(|(path, is_package)| {
        let at = INDEX.binary_search_by(|entry| entry.0.cmp(&path)).ok()?;
        Some(Entry { path: INDEX[at].0, is_package })
    })
}

/// The names in a folder, sorted; `""` is the root. Empty when there is no such folder.
pub fn list(folder: &str) -> Vec<Name> {
    let prefix = if folder.is_empty() { String::new() } else { format!("{}/", folder.trim_end_matches('/')) };
    let start = INDEX.partition_point(|entry| entry.0 < prefix.as_str());
    let within = INDEX[start..].iter().map_while(|entry| entry.0.strip_prefix(prefix.as_str()));
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
    INDEX.iter().map(|entry| entry.0)
}
