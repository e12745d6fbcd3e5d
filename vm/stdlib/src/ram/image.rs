//! All of an isolate's files as bytes, and back.

use std::time::Duration;

use super::Ram;
use super::tree::{Body, Id, ROOT, Tree};
use crate::kernel::Sys;

const FILE: u8 = 0;
const FOLDER: u8 = 1;

impl Ram<'_> {
    /// What [`Ram::pack`] would be long, at most.
    pub fn packed_size(&mut self) -> u64 {
        let tree = self.tree();
        tree.bytes() + tree.count() as u64 * PER_NODE
    }

    /// Folders and files with what they hold, and the folder that the program is in. Open descriptors are none of it.
    pub fn pack(&mut self) -> Sys<Vec<u8>> {
        let tree = self.tree();
        let mut out = Vec::new();
        text(&mut out, &tree.path(tree.here)?);
        nodes(tree, ROOT, b"", &mut out)?;
        Ok(out)
    }

    /// Puts everything in its place. What is in the way stays, with the new content.
    pub fn unpack(&mut self, data: &[u8]) -> Sys<()> {
        let (now, room) = (self.now, self.room);
        let mut rest = Rest(data);
        let here = rest.text()?.to_vec();
        let tree = self.tree();
        while !rest.0.is_empty() {
            let kind = rest.number::<1>()?;
            let mode = u32::try_from(rest.number::<4>()?).map_err(|_| libc::EINVAL)?;
            let modified = Duration::new(rest.number::<8>()?, nanos(rest.number::<4>()?));
            let path = rest.text()?;
            let id = match tree.find(ROOT, path) {
                Ok(id) => id,
                Err(libc::ENOENT) => {
                    let (above, name) = tree.find_above(ROOT, path)?;
                    tree.make(above, name, kind == u64::from(FOLDER), mode, now, room)?
                }
                Err(errno) => return Err(errno),
            };
            if kind == u64::from(FILE) {
                let content = rest.text()?;
                tree.resize(id, content.len() as u64, now, room)?;
                tree.write(id, 0, content, now, room)?;
            }
            let node = tree.node_mut(id)?;
            (node.mode, node.times[1]) = (mode & 0o7777, modified);
        }
        tree.here = tree.find(ROOT, &here)?;
        if tree.is_folder(tree.here) { Ok(()) } else { Err(libc::ENOTDIR) }
    }
}

/// Path, mode, time and lengths of a node.
const PER_NODE: u64 = 4096 + 32;

/// What is in a folder, folders before what they hold.
fn nodes(tree: &Tree, folder: Id, path: &[u8], out: &mut Vec<u8>) -> Sys<()> {
    for (name, id) in tree.list(folder)? {
        let path = [path, b"/", &name].concat();
        let node = tree.node(id)?;
        out.push(if tree.is_folder(id) { FOLDER } else { FILE });
        out.extend(node.mode.to_le_bytes());
        out.extend(node.times[1].as_secs().to_le_bytes());
        out.extend(node.times[1].subsec_nanos().to_le_bytes());
        text(out, &path);
        match &node.body {
            Body::File(data) => text(out, data),
            Body::Folder { .. } => nodes(tree, id, &path, out)?,
        }
    }
    Ok(())
}

fn text(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend((bytes.len() as u64).to_le_bytes());
    out.extend_from_slice(bytes);
}

fn nanos(n: u64) -> u32 {
    u32::try_from(n).unwrap_or(0).min(999_999_999)
}

/// What is still to be read.
struct Rest<'d>(&'d [u8]);

impl<'d> Rest<'d> {
    fn take(&mut self, n: usize) -> Sys<&'d [u8]> {
        let (taken, rest) = self.0.split_at_checked(n).ok_or(libc::EINVAL)?;
        self.0 = rest;
        Ok(taken)
    }

    fn number<const N: usize>(&mut self) -> Sys<u64> {
        let bytes = self.take(N)?;
        Ok(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn text(&mut self) -> Sys<&'d [u8]> {
        let length = usize::try_from(self.number::<8>()?).map_err(|_| libc::EINVAL)?;
        self.take(length)
    }
}
