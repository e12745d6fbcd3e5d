//! `listdir`, `scandir` and DirEntry.

use super::stat;
use crate::import::embedded;
use crate::kernel;
use crate::ram;
use crate::world::{self, Also, PathArg};
use std::cell::RefCell;
use std::ffi::CString;
use std::fs::ReadDir;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::DirEntryExt;
use typhon_object::header::Header;
use typhon_object::list::List;
use typhon_object::native::{def, member};
use typhon_object::ops;
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::strs;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::{exceptions, generic_alias};
use typhon_object::{Exc, Res, Thread, Value, convert, error, payload, type_of};

/// A folder that is read: as the system gives it, or all of it at once.
enum Folder {
    System(ReadDir),
    Ram(std::vec::IntoIter<ram::Listed>),
}

/// What a folder holds under a name.
struct Found {
    name: Vec<u8>,
    kind: Option<Kind>,
    inode: u64,
}

impl Iterator for Folder {
    type Item = std::io::Result<Found>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(match self {
            Folder::Ram(listed) => {
                let ram::Listed { name, inode, folder } = listed.next()?;
                Ok(Found { name, inode, kind: Some(if folder { Kind::Dir } else { Kind::File }) })
            }
            Folder::System(dir) => dir.next()?.map(|entry| {
                let kind = entry.file_type().ok().map(|k| match (k.is_dir(), k.is_file(), k.is_symlink()) {
                    (true, ..) => Kind::Dir,
                    (_, true, _) => Kind::File,
                    (.., true) => Kind::Link,
                    _ => Kind::Other,
                });
                Found { name: entry.file_name().into_vec(), kind, inode: entry.ino() }
            }),
        })
    }
}

fn open(t: &Thread, p: &PathArg) -> Res<Folder> {
    if let Some(mut ram) = ram::of(t)
        && p.fd.is_none_or(ram::is_ours)
    {
        let listed = ram.list(&p.path, p.fd);
        return listed
            .map(|listed| Folder::Ram(listed.into_iter()))
            .map_err(|errno| io_error(t, p, &std::io::Error::from_raw_os_error(errno)));
    }
    p.permit_read(t)?;
    let opened = match p.fd {
        Some(fd) => {
            // The directory's own description, from its start, leaving the guest's descriptor where it is.
            match kernel::fstat(fd) {
                Ok(st) if st.st_mode & libc::S_IFMT != libc::S_IFDIR => return Err(p.error(t, libc::ENOTDIR)),
                Ok(_) => std::fs::read_dir(format!("/proc/self/fd/{fd}")),
                Err(e) => return Err(p.error(t, e)),
            }
        }
        None => std::fs::read_dir(p.as_path()),
    };
    opened.map(Folder::System).map_err(|e| io_error(t, p, &e))
}

fn io_error(t: &Thread, p: &PathArg, e: &std::io::Error) -> Exc {
    let errno = e.raw_os_error().unwrap_or(libc::EIO);
    if p.value.is_none() {
        let dot = strs::new(t, ".");
        return match dot {
            Ok(dot) => error::os_error(t, errno, Some(&dot), None),
            Err(e) => e,
        };
    }
    p.error(t, errno)
}

/// `listdir(path)`.
pub fn listdir(t: &Thread, a: &[Value]) -> Res {
    let p = world::path_arg(t, &a[0], "listdir", "path", Also::FdOrNone)?;
    let list = List::create(t)?;
    let path = p.path.to_str().ok().filter(|_| p.fd.is_none());
    let names = path.and_then(embedded::library_folder).map(typhon_pylib::list).unwrap_or_default();
    if !names.is_empty() {
        for entry in names {
            list.expect::<List>().push(t, world::fs_name(t, entry.name.as_bytes(), p.is_bytes)?)?;
        }
        return Ok(list);
    }
    for entry in open(t, &p)? {
        t.poll()?;
        let entry = entry.map_err(|e| io_error(t, &p, &e))?;
        list.expect::<List>().push(t, world::fs_name(t, &entry.name, p.is_bytes)?)?;
    }
    Ok(list)
}

/// `scandir(path)`'s iterator.
#[repr(C)]
pub struct Scan {
    header: Header,
    dir: RefCell<Option<Folder>>,
    path: RefCell<PathArg>,
}

typhon_object::payload!(Scan => SCANDIR_ITERATOR);

/// `posix.ScandirIterator`.
pub static SCANDIR_ITERATOR: TypeDef = TypeDef {
    name: "posix.ScandirIterator",
    flags: flag::NO_NEW | flag::FINALIZER,
    slots: Slots { iter: Some(|_, v| Ok(v.clone())), next: Some(next), finalize: Some(finalize), ..Slots::NONE },
    methods: &[
        def("__enter__", "($self, /)", |_, a| Ok(a[0].clone()), ""),
        def("__exit__", "($self, /, *args)", |_, a| close(&a[0]), ""),
        def("close", "($self, /)", |_, a| close(&a[0]), ""),
    ],
    ..TypeDef::of::<Scan>()
};

/// `scandir(path)`.
pub fn scandir(t: &Thread, a: &[Value]) -> Res {
    let p = world::path_arg(t, &a[0], "scandir", "path", Also::FdOrNone)?;
    let dir = open(t, &p)?;
    payload::new(t, |header| Scan { header, dir: RefCell::new(Some(dir)), path: RefCell::new(p) })
}

fn close(v: &Value) -> Res {
    drop(v.expect::<Scan>().dir.take());
    Ok(Value::NONE)
}

fn finalize(t: &Thread, v: &Value) {
    let open = v.expect::<Scan>().dir.take().is_some();
    if open {
        let category = exceptions::RESOURCE_WARNING.ty().value();
        let warned = ops::repr_text(t, v)
            .and_then(|text| (t.hooks.warn)(t, &category, &format!("unclosed scandir iterator {text}"), 1));
        if let Err(e) = warned {
            (t.hooks.unraisable)(t, e, "Exception ignored in", Some(v));
        }
    }
}

fn next(t: &Thread, v: &Value) -> Res {
    t.poll()?;
    let s = v.expect::<Scan>();
    let entry = match s.dir.borrow_mut().as_mut() {
        Some(dir) => dir.next(),
        None => return Ok(Value::ABSENT),
    };
    let path = s.path.borrow();
    let Some(entry) = entry else {
        drop(s.dir.take());
        return Ok(Value::ABSENT);
    };
    let entry = entry.map_err(|e| io_error(t, &path, &e))?;
    let name = &entry.name[..];
    let full = match path.fd {
        Some(_) => name.to_vec(),
        None => {
            let mut full = if path.value.is_none() { b".".to_vec() } else { path.path.as_bytes().to_vec() };
            if !full.is_empty() && !full.ends_with(b"/") {
                full.push(b'/');
            }
            full.extend_from_slice(name);
            full
        }
    };
    let (shown, shown_full) = (world::fs_name(t, name, path.is_bytes)?, world::fs_name(t, &full, path.is_bytes)?);
    let Ok(full) = CString::new(full) else { return Err(error::value_error(t, "embedded null byte")) };
    payload::new(t, |header| Entry {
        header,
        name: Slot::new(shown),
        path: Slot::new(shown_full),
        full,
        dir: path.fd.unwrap_or(libc::AT_FDCWD),
        kind: entry.kind,
        inode: entry.inode,
        stat: Slot::empty(),
        link_stat: Slot::empty(),
    })
}

/// What an entry is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Dir,
    File,
    Link,
    Other,
}

/// A directory's entry.
#[repr(C)]
pub struct Entry {
    header: Header,
    name: Slot,
    path: Slot,
    full: CString,
    dir: i32,
    kind: Option<Kind>,
    inode: u64,
    stat: Slot,
    link_stat: Slot,
}

typhon_object::payload!(Entry => DIR_ENTRY {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        for slot in [&self.name, &self.path, &self.stat, &self.link_stat] {
            // SAFETY: the collector's visitor stores nothing.
            visit(unsafe { slot.peek() });
        }
    }
});

/// `os.DirEntry`.
pub static DIR_ENTRY: TypeDef = TypeDef {
    name: "posix.DirEntry",
    flags: flag::NO_NEW,
    slots: Slots { repr: Some(repr), ..Slots::NONE },
    methods: &[
        def(
            "is_dir",
            "($self, /, *, follow_symlinks=True)",
            |t, a| is(t, a, Kind::Dir),
            "Return True if the entry is a directory; cached per entry.",
        ),
        def(
            "is_file",
            "($self, /, *, follow_symlinks=True)",
            |t, a| is(t, a, Kind::File),
            "Return True if the entry is a file; cached per entry.",
        ),
        def("is_symlink", "($self, /)", is_symlink, "Return True if the entry is a symbolic link; cached per entry."),
        def(
            "is_junction",
            "($self, /)",
            |_, _| Ok(Value::FALSE),
            "Return True if the entry is a junction; cached per entry.",
        ),
        def(
            "stat",
            "($self, /, *, follow_symlinks=True)",
            |t, a| {
                let follow = super::flag(t, &a[1], true)?;
                look(t, &a[0], follow)
            },
            "Return stat_result object for the entry; cached per entry.",
        ),
        def(
            "inode",
            "($self, /)",
            |t, a| convert::from_u64(t, a[0].expect::<Entry>().inode),
            "Return inode of the entry; cached per entry.",
        ),
        def(
            "__fspath__",
            "($self, /)",
            |_, a| Ok(a[0].expect::<Entry>().path.get()),
            "Returns the path for the entry.",
        ),
        def("__class_getitem__", "($type, item, /)", |t, a| generic_alias::new(t, &a[0], &a[1]), "See PEP 585").class(),
    ],
    members: &[
        member(
            "name",
            std::mem::offset_of!(Entry, name),
            "the entry's base filename, relative to scandir() \"path\" argument",
        ),
        member(
            "path",
            std::mem::offset_of!(Entry, path),
            "the entry's full path name; equivalent to os.path.join(scandir_path, entry.name)",
        ),
    ],
    ..TypeDef::of::<Entry>()
};

fn repr(t: &Thread, v: &Value) -> Res {
    let name = ops::repr_text(t, &v.expect::<Entry>().name.get())?;
    strs::new(
        t,
        &format!(
            "<{} {name}>",
            if std::ptr::eq(type_of(v), DIR_ENTRY.ty()) { "DirEntry".into() } else { type_of(v).name() }
        ),
    )
}

fn look(t: &Thread, v: &Value, follow: bool) -> Res {
    let e = v.expect::<Entry>();
    let follow = follow && e.kind.is_none_or(|k| k == Kind::Link);
    let kept = if follow { &e.stat } else { &e.link_stat };
    if let Some(found) = kept.get().present() {
        return Ok(found);
    }
    let p = PathArg { value: e.path.get(), path: e.full.clone(), is_bytes: false, fd: None };
    let st = stat::of_path(t, &p, e.dir, follow)?.map_err(|errno| p.error(t, errno))?;
    let made = stat::result(t, &st)?;
    kept.set(&e.header, made.clone());
    Ok(made)
}

fn is(t: &Thread, a: &[Value], kind: Kind) -> Res {
    let follow = super::flag(t, &a[1], true)?;
    let e = a[0].expect::<Entry>();
    match e.kind {
        Some(k) if k != Kind::Link || !follow => return Ok(Value::bool(k == kind)),
        _ => {}
    }
    let st = match look(t, &a[0], follow) {
        Err(x) if x.is(&exceptions::FILE_NOT_FOUND_ERROR) => return Ok(Value::FALSE),
        r => r?,
    };
    let mode = convert::to_i64(t, &typhon_object::attr::get_text(t, &st, "st_mode")?)? as u32 & libc::S_IFMT;
    Ok(Value::bool(mode == if kind == Kind::Dir { libc::S_IFDIR } else { libc::S_IFREG }))
}

fn is_symlink(t: &Thread, a: &[Value]) -> Res {
    let e = a[0].expect::<Entry>();
    if let Some(k) = e.kind {
        return Ok(Value::bool(k == Kind::Link));
    }
    let st = look(t, &a[0], false)?;
    let mode = convert::to_i64(t, &typhon_object::attr::get_text(t, &st, "st_mode")?)? as u32 & libc::S_IFMT;
    Ok(Value::bool(mode == libc::S_IFLNK))
}
