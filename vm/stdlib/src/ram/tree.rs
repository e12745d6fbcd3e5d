//! The tree: folders, and files as bytes in memory.

use std::collections::BTreeMap;
use std::time::Duration;
use typhon_interp::host::FileRoom;

use crate::kernel::{self, Sys};

/// A node's place among the nodes, which stays as long as something leads to it.
pub type Id = usize;

pub const ROOT: Id = 0;
/// No name is longer.
const NAME_MAX: usize = 255;
/// No path has more parts than a system's file names allow bytes.
const PATH_MAX: usize = 4096;

pub struct Node {
    pub body: Body,
    pub mode: u32,
    /// Accessed, modified, changed.
    pub times: [Duration; 3],
    /// It has a name.
    pub linked: bool,
    /// Descriptors that lead to it.
    pub opened: usize,
}

pub enum Body {
    File(Vec<u8>),
    Folder { above: Id, names: BTreeMap<Vec<u8>, Id> },
}

pub struct Tree {
    nodes: Vec<Option<Node>>,
    free: Vec<Id>,
    /// What all files hold.
    bytes: u64,
    pub here: Id,
}

impl Tree {
    /// With the folders that every program may count on; programs begin in `/work`.
    pub fn new(now: Duration) -> Tree {
        let root = Body::Folder { above: ROOT, names: BTreeMap::new() };
        let mut tree = Tree { nodes: vec![Some(node(root, 0o755, now))], free: Vec::new(), bytes: 0, here: ROOT };
        for (name, mode) in [("tmp", 0o1777), ("work", 0o755)] {
            let body = Body::Folder { above: ROOT, names: BTreeMap::new() };
            tree.here = tree.add(ROOT, name.as_bytes().to_vec(), node(body, mode, now));
        }
        tree
    }

    pub fn node(&self, id: Id) -> Sys<&Node> {
        self.nodes.get(id).and_then(Option::as_ref).ok_or(libc::ENOENT)
    }

    pub fn node_mut(&mut self, id: Id) -> Sys<&mut Node> {
        self.nodes.get_mut(id).and_then(Option::as_mut).ok_or(libc::ENOENT)
    }

    fn names(&self, id: Id) -> Sys<(Id, &BTreeMap<Vec<u8>, Id>)> {
        match &self.node(id)?.body {
            Body::Folder { above, names } => Ok((*above, names)),
            Body::File(_) => Err(libc::ENOTDIR),
        }
    }

    pub fn is_folder(&self, id: Id) -> bool {
        self.names(id).is_ok()
    }

    /// Follows `path` from `from`.
    pub fn find(&self, from: Id, path: &[u8]) -> Sys<Id> {
        let (mut at, parts) = self.begin(from, path)?;
        for part in parts {
            at = self.step(at, part)?;
        }
        // A slash at the end asks for a folder.
        if path.ends_with(b"/") { self.names(at).map(|_| at) } else { Ok(at) }
    }

    /// The folder that a path's last part is in, or would be, and that part.
    pub fn find_above<'p>(&self, from: Id, path: &'p [u8]) -> Sys<(Id, &'p [u8])> {
        let (mut at, parts) = self.begin(from, path)?;
        let mut parts = parts.peekable();
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                self.names(at)?;
                return if part.len() > NAME_MAX { Err(libc::ENAMETOOLONG) } else { Ok((at, part)) };
            }
            at = self.step(at, part)?;
        }
        Err(libc::EBUSY)
    }

    fn begin<'p>(&self, from: Id, path: &'p [u8]) -> Sys<(Id, impl Iterator<Item = &'p [u8]>)> {
        match path.len() {
            0 => Err(libc::ENOENT),
            length if length > PATH_MAX => Err(libc::ENAMETOOLONG),
            _ => {
                let parts = path.split(|b| *b == b'/').filter(|part| !part.is_empty());
                Ok((if path.starts_with(b"/") { ROOT } else { from }, parts))
            }
        }
    }

    fn step(&self, at: Id, part: &[u8]) -> Sys<Id> {
        let (above, names) = self.names(at)?;
        match part {
            b"." => Ok(at),
            b".." => Ok(above),
            _ => names.get(part).copied().ok_or(libc::ENOENT),
        }
    }

    /// The path of a folder.
    pub fn path(&self, mut id: Id) -> Sys<Vec<u8>> {
        let mut parts = Vec::new();
        while id != ROOT {
            let (above, _) = self.names(id)?;
            let name = self.names(above)?.1.iter().find(|(_, of)| **of == id).ok_or(libc::ENOENT)?.0;
            parts.push(name.clone());
            id = above;
        }
        let mut path: Vec<u8> = parts.iter().rev().flat_map(|part| [b"/", &part[..]].concat()).collect();
        if path.is_empty() {
            path.push(b'/');
        }
        Ok(path)
    }

    /// What a folder holds.
    pub fn list(&self, id: Id) -> Sys<Vec<(Vec<u8>, Id)>> {
        Ok(self.names(id)?.1.iter().map(|(name, id)| (name.clone(), *id)).collect())
    }

    /// What all files hold.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Files and folders there are.
    pub fn count(&self) -> usize {
        self.nodes.len() - self.free.len()
    }

    /// A new file, or a new folder.
    pub fn make(&mut self, above: Id, name: &[u8], folder: bool, mode: u32, now: Duration, room: FileRoom) -> Sys<Id> {
        if name == b"." || name == b".." || self.names(above)?.1.contains_key(name) {
            return Err(libc::EEXIST);
        }
        if self.count() as u64 > room.count {
            return Err(libc::ENOSPC);
        }
        let body = if folder { Body::Folder { above, names: BTreeMap::new() } } else { Body::File(Vec::new()) };
        Ok(self.add(above, name.to_vec(), node(body, mode & 0o7777, now)))
    }

    fn add(&mut self, above: Id, name: Vec<u8>, new: Node) -> Id {
        let now = new.times[0];
        let id = match self.free.pop() {
            Some(id) => id,
            None => {
                self.nodes.push(None);
                self.nodes.len() - 1
            }
        };
        self.nodes[id] = Some(new);
        self.link(above, name, id, now);
        id
    }

    fn link(&mut self, above: Id, name: Vec<u8>, id: Id, now: Duration) {
        if let Ok(folder) = self.node_mut(above) {
            (folder.times[1], folder.times[2]) = (now, now);
            if let Body::Folder { names, .. } = &mut folder.body {
                names.insert(name, id);
            }
        }
    }

    fn unlink(&mut self, above: Id, name: &[u8], now: Duration) {
        if let Ok(folder) = self.node_mut(above) {
            (folder.times[1], folder.times[2]) = (now, now);
            if let Body::Folder { names, .. } = &mut folder.body {
                names.remove(name);
            }
        }
    }

    /// Takes a name away; the file goes when nothing leads to it any more.
    pub fn remove(&mut self, above: Id, name: &[u8], folder: bool, now: Duration) -> Sys<()> {
        if name == b"." || name == b".." {
            return Err(if folder { libc::EINVAL } else { libc::EISDIR });
        }
        let id = self.step(above, name)?;
        match (&self.node(id)?.body, folder) {
            (Body::Folder { .. }, false) => return Err(libc::EISDIR),
            (Body::File(_), true) => return Err(libc::ENOTDIR),
            (Body::Folder { names, .. }, true) if !names.is_empty() => return Err(libc::ENOTEMPTY),
            (Body::Folder { .. }, true) if id == self.here => return Err(libc::EBUSY),
            _ => {}
        }
        self.unlink(above, name, now);
        self.node_mut(id)?.linked = false;
        self.release(id);
        Ok(())
    }

    /// Gives another name, over what has it.
    pub fn rename(&mut self, from: (Id, &[u8]), to: (Id, &[u8]), now: Duration) -> Sys<()> {
        if [from.1, to.1].iter().any(|name| *name == b"." || *name == b"..") {
            return Err(libc::EBUSY);
        }
        let id = self.step(from.0, from.1)?;
        let mut above = to.0;
        while above != ROOT {
            // A folder does not go into itself.
            if above == id {
                return Err(libc::EINVAL);
            }
            above = self.names(above)?.0;
        }
        if let Ok(old) = self.step(to.0, to.1) {
            match (self.is_folder(id), self.is_folder(old)) {
                _ if old == id => return Ok(()),
                (true, false) => return Err(libc::ENOTDIR),
                (false, true) => return Err(libc::EISDIR),
                (_, folder) => self.remove(to.0, to.1, folder, now)?,
            }
        }
        self.unlink(from.0, from.1, now);
        self.link(to.0, to.1.to_vec(), id, now);
        if let Body::Folder { above, .. } = &mut self.node_mut(id)?.body {
            *above = to.0;
        }
        Ok(())
    }

    /// Drops a node that nothing leads to.
    pub fn release(&mut self, id: Id) {
        let gone = self.node(id).is_ok_and(|node| !node.linked && node.opened == 0);
        if gone && let Some(Node { body, .. }) = self.nodes[id].take() {
            if let Body::File(data) = body {
                self.bytes -= data.len() as u64;
            }
            self.free.push(id);
        }
    }

    fn file(&mut self, id: Id) -> Sys<(&mut Vec<u8>, &mut [Duration; 3], &mut u64)> {
        let node = self.nodes.get_mut(id).and_then(Option::as_mut).ok_or(libc::ENOENT)?;
        match &mut node.body {
            Body::File(data) => Ok((data, &mut node.times, &mut self.bytes)),
            Body::Folder { .. } => Err(libc::EISDIR),
        }
    }

    pub fn read(&mut self, id: Id, at: u64, to: &mut [u8]) -> Sys<usize> {
        let (data, ..) = self.file(id)?;
        let rest = usize::try_from(at).ok().and_then(|at| data.get(at..)).unwrap_or_default();
        let n = rest.len().min(to.len());
        to[..n].copy_from_slice(&rest[..n]);
        Ok(n)
    }

    pub fn write(&mut self, id: Id, at: u64, from: &[u8], now: Duration, room: FileRoom) -> Sys<usize> {
        let end = at.checked_add(from.len() as u64).ok_or(libc::EFBIG)?;
        let length = self.file(id)?.0.len() as u64;
        if end > length {
            self.resize(id, end, now, room)?;
        }
        let (data, times, _) = self.file(id)?;
        (times[1], times[2]) = (now, now);
        let at = usize::try_from(at).map_err(|_| libc::EFBIG)?;
        data[at..at + from.len()].copy_from_slice(from);
        Ok(from.len())
    }

    pub fn resize(&mut self, id: Id, length: u64, now: Duration, room: FileRoom) -> Sys<()> {
        let (data, times, bytes) = self.file(id)?;
        let others = *bytes - data.len() as u64;
        let new = usize::try_from(length).map_err(|_| libc::EFBIG)?;
        if new > data.len() {
            if others.checked_add(length).is_none_or(|all| all > room.bytes) {
                return Err(libc::ENOSPC);
            }
            data.try_reserve(new - data.len()).map_err(|_| libc::ENOSPC)?;
        }
        data.resize(new, 0);
        if new < data.capacity() / 2 {
            data.shrink_to_fit();
        }
        *bytes = others + length;
        (times[1], times[2]) = (now, now);
        Ok(())
    }

    /// As stat(2) tells it.
    pub fn stat(&self, id: Id) -> Sys<libc::stat> {
        let node = self.node(id)?;
        let mut st = kernel::blank_stat();
        let (kind, size) = match &node.body {
            Body::File(data) => (libc::S_IFREG, data.len()),
            Body::Folder { .. } => (libc::S_IFDIR, 4096),
        };
        let whole = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        st.st_mode = kind | node.mode;
        st.st_ino = id as u64 + 1;
        st.st_dev = DEVICE;
        st.st_nlink = u64::from(node.linked);
        st.st_size = whole(size as u64);
        st.st_blksize = 4096;
        st.st_blocks = whole(size.div_ceil(512) as u64);
        let [accessed, modified, changed] =
            node.times.map(|time| (whole(time.as_secs()), i64::from(time.subsec_nanos())));
        (st.st_atime, st.st_atime_nsec) = accessed;
        (st.st_mtime, st.st_mtime_nsec) = modified;
        (st.st_ctime, st.st_ctime_nsec) = changed;
        Ok(st)
    }
}

/// The number of the device that memory is.
const DEVICE: u64 = 1;

fn node(body: Body, mode: u32, now: Duration) -> Node {
    Node { body, mode, times: [now; 3], linked: true, opened: 0 }
}
