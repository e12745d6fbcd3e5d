//! Files in memory: the file system of an isolate that sees nothing of its host's.
//!
//! Natives ask here where their host offers it, by path or by descriptor; the system's descriptors, of pipes say, lie below
//! [`FIRST`]. What files hold is the isolate's memory. Calls that are not offered here ask [`crate::world::permit`], as ever,
//! and are refused.

mod image;
mod tree;

use std::collections::BTreeMap;
use std::ffi::CStr;
use std::time::Duration;

use typhon_interp::host::{self, FileRoom};
use typhon_object::Thread;
use typhon_qsbr::sync::{Mutex, MutexGuard};

use crate::kernel::{self, Sys};
use tree::{Id, Tree};

/// Descriptors of files in memory begin here, where no system has its own.
pub const FIRST: i32 = 1 << 20;
/// Nothing is copied in longer pieces, so that what wants to stop the program waits for no more.
const PIECE: usize = 4 << 20;

#[derive(Default)]
struct Files {
    tree: Option<Tree>,
    open: BTreeMap<i32, Description>,
}

/// What a descriptor leads to.
struct Description {
    node: Id,
    at: u64,
    flags: i32,
}

/// The isolate's files, as long as one call takes.
pub struct Ram<'t> {
    files: MutexGuard<'t, Files>,
    room: FileRoom,
    now: Duration,
}

/// The files of this isolate, if they are in memory.
pub fn of(t: &Thread) -> Option<Ram<'_>> {
    let host = host::of(t)?;
    let room = host.files()?;
    Some(Ram { files: t.state::<Mutex<Files>>().lock(), room, now: host.wall_clock() })
}

/// Whether the isolate's files are in memory.
pub fn is_on(t: &Thread) -> bool {
    host::of(t).is_some_and(|host| host.files().is_some())
}

/// Whether a descriptor is that of a file in memory.
pub fn is_ours(fd: i32) -> bool {
    fd >= FIRST
}

/// The files, for a call on one of their descriptors.
fn ours(t: &Thread, fd: i32) -> Option<Sys<Ram<'_>>> {
    is_ours(fd).then(|| of(t).ok_or(libc::EBADF))
}

macro_rules! either {
    ($(#[$doc:meta] fn $name:ident($fd:ident $(, $arg:ident: $ty:ty)*) -> $out:ty = $system:expr;)*) => {
        $(
            #[$doc]
            pub fn $name(t: &Thread, $fd: i32 $(, $arg: $ty)*) -> Sys<$out> {
                match ours(t, $fd) {
                    Some(ram) => ram?.$name($fd $(, $arg)*),
                    None => $system,
                }
            }
        )*
    };
}

either! {
    /// read(2), of either kind of descriptor.
    fn read(fd, to: &mut [u8]) -> usize = kernel::read(fd, to);
    /// write(2).
    fn write(fd, from: &[u8]) -> usize = kernel::write(fd, from);
    /// pread(2).
    fn pread(fd, to: &mut [u8], at: i64) -> usize = kernel::pread(fd, to, at);
    /// pwrite(2).
    fn pwrite(fd, from: &[u8], at: i64) -> usize = kernel::pwrite(fd, from, at);
    /// lseek(2).
    fn lseek(fd, offset: i64, whence: i32) -> i64 = kernel::lseek(fd, offset, whence);
    /// fstat(2).
    fn fstat(fd) -> libc::stat = kernel::fstat(fd);
    /// ftruncate(2).
    fn ftruncate(fd, length: i64) -> () = kernel::ftruncate(fd, length);
    /// close(2).
    fn close(fd) -> () = kernel::close(fd);
    /// The flags it was opened with.
    fn get_flags(fd) -> i32 = kernel::get_flags(fd);
    /// fchmod(2).
    fn fchmod(fd, mode: u32) -> () = kernel::fchmod(fd, mode).map(drop);
}

impl Ram<'_> {
    fn tree(&mut self) -> &mut Tree {
        let now = self.now;
        self.files.tree.get_or_insert_with(|| Tree::new(now))
    }

    /// Where a path begins.
    fn from(&mut self, dir: i32) -> Sys<Id> {
        match dir {
            libc::AT_FDCWD => Ok(self.tree().here),
            fd => self.description(fd).map(|open| open.node),
        }
    }

    fn description(&mut self, fd: i32) -> Sys<&mut Description> {
        self.files.open.get_mut(&fd).ok_or(libc::EBADF)
    }

    /// open(2).
    pub fn open(&mut self, dir: i32, path: &CStr, flags: i32, mode: u32) -> Sys<i32> {
        if self.files.open.len() as u64 >= self.room.open {
            return Err(libc::EMFILE);
        }
        let (from, now, room) = (self.from(dir)?, self.now, self.room);
        let path = path.to_bytes();
        let writes = flags & libc::O_ACCMODE != libc::O_RDONLY;
        let tree = self.tree();
        let node = match tree.find(from, path) {
            Ok(_) if flags & libc::O_CREAT != 0 && flags & libc::O_EXCL != 0 => return Err(libc::EEXIST),
            Ok(node) if tree.is_folder(node) && (writes || flags & libc::O_CREAT != 0) => return Err(libc::EISDIR),
            Ok(node) if !tree.is_folder(node) && flags & libc::O_DIRECTORY != 0 => return Err(libc::ENOTDIR),
            Ok(node) => node,
            Err(libc::ENOENT) if flags & libc::O_CREAT != 0 && !path.ends_with(b"/") => {
                let (above, name) = tree.find_above(from, path)?;
                tree.make(above, name, false, mode & !UMASK, now, room)?
            }
            Err(errno) => return Err(errno),
        };
        if flags & libc::O_TRUNC != 0 && writes {
            tree.resize(node, 0, now, room)?;
        }
        Ok(self.lead(node, flags))
    }

    fn lead(&mut self, node: Id, flags: i32) -> i32 {
        // The lowest that is free, as ever.
        let open = &mut self.files.open;
        let fd = (FIRST..).find(|fd| !open.contains_key(fd)).unwrap_or(i32::MAX);
        open.insert(fd, Description { node, at: 0, flags });
        if let Ok(node) = self.tree().node_mut(node) {
            node.opened += 1;
        }
        fd
    }

    fn close(&mut self, fd: i32) -> Sys<()> {
        let Description { node, .. } = self.files.open.remove(&fd).ok_or(libc::EBADF)?;
        let tree = self.tree();
        if let Ok(node) = tree.node_mut(node) {
            node.opened -= 1;
        }
        tree.release(node);
        Ok(())
    }

    fn get_flags(&mut self, fd: i32) -> Sys<i32> {
        self.description(fd).map(|open| open.flags)
    }

    fn readable(&mut self, fd: i32) -> Sys<(Id, u64)> {
        match self.description(fd)? {
            open if open.flags & libc::O_ACCMODE == libc::O_WRONLY => Err(libc::EBADF),
            open => Ok((open.node, open.at)),
        }
    }

    fn writable(&mut self, fd: i32) -> Sys<(Id, u64)> {
        let open = self.description(fd)?;
        if open.flags & libc::O_ACCMODE == libc::O_RDONLY {
            return Err(libc::EBADF);
        }
        let (node, at, appends) = (open.node, open.at, open.flags & libc::O_APPEND != 0);
        if appends { Ok((node, self.length(node)?)) } else { Ok((node, at)) }
    }

    fn length(&mut self, node: Id) -> Sys<u64> {
        Ok(u64::try_from(self.tree().stat(node)?.st_size).unwrap_or(0))
    }

    fn read(&mut self, fd: i32, to: &mut [u8]) -> Sys<usize> {
        let (node, at) = self.readable(fd)?;
        let piece = to.len().min(PIECE);
        let n = self.tree().read(node, at, &mut to[..piece])?;
        self.description(fd)?.at = at + n as u64;
        Ok(n)
    }

    fn write(&mut self, fd: i32, from: &[u8]) -> Sys<usize> {
        let ((node, at), now, room) = (self.writable(fd)?, self.now, self.room);
        let n = self.tree().write(node, at, &from[..from.len().min(PIECE)], now, room)?;
        self.description(fd)?.at = at + n as u64;
        Ok(n)
    }

    fn pread(&mut self, fd: i32, to: &mut [u8], at: i64) -> Sys<usize> {
        let (node, _) = self.readable(fd)?;
        let piece = to.len().min(PIECE);
        self.tree().read(node, u64::try_from(at).map_err(|_| libc::EINVAL)?, &mut to[..piece])
    }

    fn pwrite(&mut self, fd: i32, from: &[u8], at: i64) -> Sys<usize> {
        let ((node, _), now, room) = (self.writable(fd)?, self.now, self.room);
        let at = u64::try_from(at).map_err(|_| libc::EINVAL)?;
        self.tree().write(node, at, &from[..from.len().min(PIECE)], now, room)
    }

    fn lseek(&mut self, fd: i32, offset: i64, whence: i32) -> Sys<i64> {
        let (node, at) = self.description(fd).map(|open| (open.node, open.at))?;
        let from = match whence {
            libc::SEEK_SET => 0,
            libc::SEEK_CUR => at,
            libc::SEEK_END => self.length(node)?,
            _ => return Err(libc::EINVAL),
        };
        let to = i64::try_from(from).ok().and_then(|from| from.checked_add(offset)).ok_or(libc::EOVERFLOW)?;
        self.description(fd)?.at = u64::try_from(to).map_err(|_| libc::EINVAL)?;
        Ok(to)
    }

    fn fstat(&mut self, fd: i32) -> Sys<libc::stat> {
        let node = self.description(fd)?.node;
        self.tree().stat(node)
    }

    fn ftruncate(&mut self, fd: i32, length: i64) -> Sys<()> {
        let ((node, _), now, room) = (self.writable(fd)?, self.now, self.room);
        self.tree().resize(node, u64::try_from(length).map_err(|_| libc::EINVAL)?, now, room)
    }

    fn fchmod(&mut self, fd: i32, mode: u32) -> Sys<()> {
        let node = self.description(fd)?.node;
        self.set_mode(node, mode)
    }

    fn set_mode(&mut self, node: Id, mode: u32) -> Sys<()> {
        let now = self.now;
        let node = self.tree().node_mut(node)?;
        (node.mode, node.times[2]) = (mode & 0o7777, now);
        Ok(())
    }

    /// stat(2); there are no links to follow.
    pub fn stat(&mut self, dir: i32, path: &CStr) -> Sys<libc::stat> {
        let from = self.from(dir)?;
        let tree = self.tree();
        tree.stat(tree.find(from, path.to_bytes())?)
    }

    /// mkdir(2).
    pub fn make_folder(&mut self, dir: i32, path: &CStr, mode: u32) -> Sys<()> {
        let (from, now, room) = (self.from(dir)?, self.now, self.room);
        let tree = self.tree();
        match tree.find_above(from, path.to_bytes()) {
            Ok((above, name)) => tree.make(above, name, true, mode & !UMASK, now, room).map(drop),
            Err(libc::EBUSY) => Err(libc::EEXIST),
            Err(errno) => Err(errno),
        }
    }

    /// unlink(2), or rmdir(2).
    pub fn remove(&mut self, dir: i32, path: &CStr, folder: bool) -> Sys<()> {
        let (from, now) = (self.from(dir)?, self.now);
        let tree = self.tree();
        let (above, name) = tree.find_above(from, path.to_bytes())?;
        tree.remove(above, name, folder, now)
    }

    /// rename(2).
    pub fn rename(&mut self, from_dir: i32, from: &CStr, to_dir: i32, to: &CStr) -> Sys<()> {
        let (from_dir, to_dir, now) = (self.from(from_dir)?, self.from(to_dir)?, self.now);
        let tree = self.tree();
        let from = tree.find_above(from_dir, from.to_bytes())?;
        let to = tree.find_above(to_dir, to.to_bytes())?;
        tree.rename(from, to, now)
    }

    /// truncate(2).
    pub fn truncate(&mut self, path: &CStr, length: i64) -> Sys<()> {
        let (from, now, room) = (self.from(libc::AT_FDCWD)?, self.now, self.room);
        let length = u64::try_from(length).map_err(|_| libc::EINVAL)?;
        let tree = self.tree();
        let node = tree.find(from, path.to_bytes())?;
        tree.resize(node, length, now, room)
    }

    /// chmod(2).
    pub fn chmod(&mut self, dir: i32, path: &CStr, mode: u32) -> Sys<()> {
        let from = self.from(dir)?;
        let node = self.tree().find(from, path.to_bytes())?;
        self.set_mode(node, mode)
    }

    /// access(2): everything is the program's own.
    pub fn access(&mut self, dir: i32, path: &CStr, mode: i32) -> Sys<()> {
        let st = self.stat(dir, path)?;
        let runs = st.st_mode & 0o111 != 0;
        if mode & libc::X_OK != 0 && !runs { Err(libc::EACCES) } else { Ok(()) }
    }

    /// utimensat(2).
    pub fn set_times(&mut self, dir: i32, path: &CStr, fd: Option<i32>, times: [(i64, i64); 2]) -> Sys<()> {
        let node = match fd {
            Some(fd) => self.description(fd)?.node,
            None => {
                let from = self.from(dir)?;
                self.tree().find(from, path.to_bytes())?
            }
        };
        let now = self.now;
        let time = |(seconds, nanos): (i64, i64)| match nanos {
            libc::UTIME_NOW => Ok(now),
            _ => match (u64::try_from(seconds), u32::try_from(nanos)) {
                (Ok(seconds), Ok(nanos)) if nanos < 1_000_000_000 => Ok(Duration::new(seconds, nanos)),
                _ => Err(libc::EINVAL),
            },
        };
        let [accessed, modified] = [time(times[0])?, time(times[1])?];
        self.tree().node_mut(node)?.times = [accessed, modified, now];
        Ok(())
    }

    /// What a folder holds: names, numbers, and whether it is a folder.
    pub fn list(&mut self, path: &CStr, fd: Option<i32>) -> Sys<Vec<Listed>> {
        let node = match fd {
            Some(fd) => self.description(fd)?.node,
            None => {
                let from = self.from(libc::AT_FDCWD)?;
                self.tree().find(from, path.to_bytes())?
            }
        };
        let tree = self.tree();
        let listed = tree.list(node)?.into_iter();
        Ok(listed.map(|(name, id)| Listed { name, inode: id as u64 + 1, folder: tree.is_folder(id) }).collect())
    }

    /// chdir(2).
    pub fn go(&mut self, path: &CStr, fd: Option<i32>) -> Sys<()> {
        let node = match fd {
            Some(fd) => self.description(fd)?.node,
            None => {
                let from = self.from(libc::AT_FDCWD)?;
                self.tree().find(from, path.to_bytes())?
            }
        };
        let tree = self.tree();
        if !tree.is_folder(node) {
            return Err(libc::ENOTDIR);
        }
        tree.here = node;
        Ok(())
    }

    /// getcwd(3).
    pub fn here(&mut self) -> Sys<Vec<u8>> {
        let tree = self.tree();
        tree.path(tree.here)
    }

    /// dup(2), but that each goes its own way in the file.
    pub fn dup(&mut self, fd: i32) -> Sys<i32> {
        let (node, at, flags) = self.description(fd).map(|open| (open.node, open.at, open.flags))?;
        if self.files.open.len() as u64 >= self.room.open {
            return Err(libc::EMFILE);
        }
        let made = self.lead(node, flags);
        self.description(made)?.at = at;
        Ok(made)
    }

    /// Puts a whole file in its place, with the folders that lead there.
    pub fn put(&mut self, path: &CStr, content: &[u8]) -> Sys<()> {
        let bytes = path.to_bytes();
        let (from, now, room) = (self.from(libc::AT_FDCWD)?, self.now, self.room);
        let tree = self.tree();
        for end in bytes.iter().enumerate().filter(|(at, b)| *at > 0 && **b == b'/').map(|(at, _)| at) {
            match tree.find_above(from, &bytes[..end]) {
                Ok((above, name)) => match tree.make(above, name, true, 0o755, now, room) {
                    Ok(_) | Err(libc::EEXIST) => {}
                    Err(errno) => return Err(errno),
                },
                // The root, which is there.
                Err(libc::EBUSY) => {}
                Err(errno) => return Err(errno),
            }
        }
        let node = match tree.find(from, bytes) {
            Ok(node) if tree.is_folder(node) => return Err(libc::EISDIR),
            Ok(node) => node,
            Err(libc::ENOENT) if !bytes.ends_with(b"/") => {
                let (above, name) = tree.find_above(from, bytes)?;
                tree.make(above, name, false, 0o644, now, room)?
            }
            Err(errno) => return Err(errno),
        };
        tree.resize(node, 0, now, room)?;
        tree.write(node, 0, content, now, room).map(drop)
    }

    /// Some of a file.
    pub fn get(&mut self, path: &CStr, at: u64, most: usize) -> Sys<Vec<u8>> {
        let from = self.from(libc::AT_FDCWD)?;
        let tree = self.tree();
        let node = tree.find(from, path.to_bytes())?;
        let length = u64::try_from(tree.stat(node)?.st_size).unwrap_or(0);
        let n = usize::try_from(length.saturating_sub(at)).unwrap_or(usize::MAX).min(most);
        let mut out = vec![0; n];
        let got = tree.read(node, at, &mut out)?;
        out.truncate(got);
        Ok(out)
    }
}

/// What a folder holds under a name.
pub struct Listed {
    pub name: Vec<u8>,
    pub inode: u64,
    pub folder: bool,
}

/// New files are everybody's to read.
const UMASK: u32 = 0o022;
