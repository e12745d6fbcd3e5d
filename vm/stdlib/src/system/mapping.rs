//! `mmap`: files and memory as bytes that can be changed.
//!
//! A file that is cut short under its mapping ends the process with SIGBUS, so only a host that gives the whole process
//! away permits it.

mod items;

use super::{fail, numbers};
use crate::kernel::{self, memory};
use crate::world;
use items::{MMAP_ITER, iterate};
use std::cell::Cell;
use typhon_interp::host::Access as HostAccess;
use typhon_object::buffer::{self, Buffer};
use typhon_object::dict::Dict;
use typhon_object::header::Header;
use typhon_object::names;
use typhon_object::native::{self, MethodDef, ModuleDef, def, getter};
use typhon_object::slots::Slots;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::{bytes, exceptions, index, module};
use typhon_object::{Args, Exc, Res, Thread, Value, convert, error, payload, strs, type_of};

/// `mmap`.
pub static MODULE: ModuleDef =
    ModuleDef { name: "mmap", doc: "", functions: &[], types: &[("mmap", &MMAP), ("", &MMAP_ITER)], init: Some(init) };

const NUMBERS: &[(&str, i64)] = &[
    ("ACCESS_DEFAULT", 0),
    ("ACCESS_READ", 1),
    ("ACCESS_WRITE", 2),
    ("ACCESS_COPY", 3),
    ("PROT_EXEC", 4),
    ("PROT_READ", 1),
    ("PROT_WRITE", 2),
    ("MAP_SHARED", 1),
    ("MAP_PRIVATE", 2),
    ("MAP_32BIT", 64),
    ("MAP_ANON", 32),
    ("MAP_ANONYMOUS", 32),
    ("MAP_DENYWRITE", 2048),
    ("MAP_EXECUTABLE", 4096),
    ("MAP_NORESERVE", 16384),
    ("MAP_POPULATE", 32768),
    ("MAP_STACK", 131_072),
    ("MADV_NORMAL", 0),
    ("MADV_RANDOM", 1),
    ("MADV_SEQUENTIAL", 2),
    ("MADV_WILLNEED", 3),
    ("MADV_DONTNEED", 4),
    ("MADV_FREE", 8),
    ("MADV_REMOVE", 9),
    ("MADV_DONTFORK", 10),
    ("MADV_DOFORK", 11),
    ("MADV_MERGEABLE", 12),
    ("MADV_UNMERGEABLE", 13),
    ("MADV_HUGEPAGE", 14),
    ("MADV_NOHUGEPAGE", 15),
    ("MADV_DONTDUMP", 16),
    ("MADV_DODUMP", 17),
    ("MADV_HWPOISON", 100),
];

fn init(t: &Thread, m: &Value) -> Res<()> {
    numbers(t, m, NUMBERS)?;
    let dict = module::dict_of(t, m);
    let page = kernel::sysconf(libc::_SC_PAGESIZE).unwrap_or(4096);
    for name in ["PAGESIZE", "ALLOCATIONGRANULARITY"] {
        Dict::of(&dict).set_str(t, &names::intern_static(name), Value::small(page))?;
    }
    Dict::of(&dict).set_str(t, &names::intern_static("error"), exceptions::OS_ERROR.ty().value())
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Access {
    Default,
    Read,
    Write,
    Copy,
}

/// A mapping.
#[repr(C)]
pub struct Mmap {
    header: Header,
    data: Cell<*mut u8>,
    len: Cell<usize>,
    pos: Cell<usize>,
    offset: i64,
    /// A copy of the file's descriptor; -1 is none.
    fd: Cell<i32>,
    /// Of a file whose descriptor was not to be copied.
    untracked: bool,
    /// Seen by others: `MAP_SHARED`.
    shared: bool,
    access: Access,
    writable: bool,
    exports: Cell<usize>,
}

typhon_object::payload!(Mmap => MMAP);

static NEW: MethodDef =
    def("mmap", "(fileno, length, flags=1, prot=3, access=0, offset=0, *, trackfd=True)", |_, _| Ok(Value::NONE), "");

/// `mmap.mmap`.
pub static MMAP: TypeDef = TypeDef {
    name: "mmap.mmap",
    doc: "mmap(fileno, length[, flags[, prot[, access[, offset[, trackfd]]]]])\n\nMaps length bytes from the file specified by the file descriptor fileno,\nand returns a mmap object.",
    flags: flag::BASETYPE | flag::WEAKREFS | flag::FINALIZER,
    slots: Slots {
        new: Some(new),
        repr: Some(repr),
        len: Some(|t, v| open(t, v).map(|m| m.len.get())),
        getitem: Some(getitem),
        iter: Some(iterate),
        setitem: Some(setitem),
        buffer: Some(lend),
        finalize: Some(|t, v| release(t, v.expect::<Mmap>())),
        ..Slots::NONE
    },
    methods: &[
        def("close", "($self, /)", close, ""),
        def("find", "($self, view, start=None, end=None, /)", |t, a| find(t, a, false), ""),
        def("rfind", "($self, view, start=None, end=None, /)", |t, a| find(t, a, true), ""),
        def("flush", "($self, offset=0, size=None, /)", flush, ""),
        def("madvise", "($self, option, start=0, length=None, /)", madvise, ""),
        def("move", "($self, dest, src, count, /)", move_bytes, ""),
        def("read", "($self, n=None, /)", read, ""),
        def("read_byte", "($self, /)", read_byte, ""),
        def("readline", "($self, /)", readline, ""),
        def("resize", "($self, newsize, /)", resize, ""),
        def("seek", "($self, pos, whence=0, /)", seek, ""),
        def("seekable", "($self, /)", |_, _| Ok(Value::TRUE), ""),
        def("size", "($self, /)", size, ""),
        def("tell", "($self, /)", |t, a| open(t, &a[0]).map(|m| convert::from_usize(m.pos.get())), ""),
        def("write", "($self, bytes, /)", write, ""),
        def("write_byte", "($self, byte, /)", write_byte, ""),
        def("__enter__", "($self, /)", |t, a| open(t, &a[0]).map(|_| a[0].clone()), ""),
        def("__exit__", "($self, exc_type, exc_value, traceback, /)", |t, a| close(t, &a[..1]), ""),
    ],
    getset: &[getter("closed", |_, v| Ok(Value::bool(v.expect::<Mmap>().data.get().is_null())), "")],
    ..TypeDef::of::<Mmap>()
};

impl Drop for Mmap {
    fn drop(&mut self) {
        self.unmap();
        if self.fd.get() >= 0 {
            // Nobody is left to hear of an error.
            let _ = kernel::close(self.fd.get());
        }
    }
}

impl Mmap {
    fn unmap(&self) {
        let at = self.data.replace(std::ptr::null_mut());
        if !at.is_null() {
            // SAFETY: the mapping is this object's, and buffers that were lent keep the object from closing.
            unsafe { memory::unmap(at, self.len.get()) };
        }
    }

    #[expect(clippy::mut_from_ref, reason = "the memory is the mapping's, and no two slices live at once")]
    fn slice(&self) -> &mut [u8] {
        // SAFETY: the mapping is live while `data` is not null, which callers have checked.
        unsafe { std::slice::from_raw_parts_mut(self.data.get(), self.len.get()) }
    }
}

fn release(t: &Thread, m: &Mmap) {
    m.unmap();
    let fd = m.fd.replace(-1);
    if fd >= 0 {
        world::closed(t, fd);
        // Nobody is left to hear of an error.
        let _ = kernel::close(fd);
    }
}

fn open<'a>(t: &Thread, v: &'a Value) -> Res<&'a Mmap> {
    let m = v.expect::<Mmap>();
    if m.data.get().is_null() { Err(error::value_error(t, "mmap closed or invalid")) } else { Ok(m) }
}

fn read_only(t: &Thread) -> Exc {
    error::type_error(t, "mmap can't modify a readonly memory map.")
}

fn writable<'a>(t: &Thread, v: &'a Value) -> Res<&'a Mmap> {
    let m = open(t, v)?;
    if m.writable { Ok(m) } else { Err(read_only(t)) }
}

/// Flags, protection and access of the arguments.
fn mode(t: &Thread, a: &[Value]) -> Res<(i32, i32, Access)> {
    let number = |v: &Value, default: i32| v.opt().map_or(Ok(default), |v| convert::to_i32(t, v));
    let (mut flags, mut prot) = (number(&a[2], libc::MAP_SHARED)?, number(&a[3], libc::PROT_READ | libc::PROT_WRITE)?);
    let access = match number(&a[4], 0)? {
        0 => Access::Default,
        1 => Access::Read,
        2 => Access::Write,
        3 => Access::Copy,
        _ => return Err(error::value_error(t, "mmap invalid access parameter.")),
    };
    if access != Access::Default && (flags != libc::MAP_SHARED || prot != libc::PROT_READ | libc::PROT_WRITE) {
        return Err(error::value_error(t, "mmap can't specify both access and flags, prot."));
    }
    match access {
        Access::Read => (flags, prot) = (libc::MAP_SHARED, libc::PROT_READ),
        Access::Write => (flags, prot) = (libc::MAP_SHARED, libc::PROT_READ | libc::PROT_WRITE),
        Access::Copy => (flags, prot) = (libc::MAP_PRIVATE, libc::PROT_READ | libc::PROT_WRITE),
        Access::Default => {}
    }
    Ok((flags, prot, access))
}

fn new(t: &Thread, class: &Value, args: Args<'_>) -> Res {
    let Some(signature) = native::signature_of(t, &NEW, false) else {
        return Err(error::system_error(t, "a constructor without its signature"));
    };
    signature.bind(t, NEW.name, args, |a| {
        let fd = convert::to_i32(t, &a[0])?;
        let Ok(mut len) = usize::try_from(convert::to_isize(t, &a[1])?) else {
            return Err(error::overflow_error(t, "memory mapped length must be positive"));
        };
        let offset = a[5].opt().map_or(Ok(0), |v| convert::to_i64(t, v))?;
        if offset < 0 {
            return Err(error::overflow_error(t, "memory mapped offset must be positive"));
        }
        let (mut flags, prot, access) = mode(t, a)?;
        let track = a[6].opt().map_or(Ok(true), |v| convert::to_bool(t, v))?;
        world::permit(t, HostAccess::ProcessState, None)?;
        let mut kept = -1;
        if fd == -1 {
            flags |= libc::MAP_ANONYMOUS;
        } else {
            world::usable(t, fd)?;
            len = file_length(t, fd, len, offset)?;
            if track {
                kept = kernel::dup(fd).map_err(|e| fail(t, e))? as i32;
            }
        }
        let data = match memory::map(len, prot, flags, fd, offset) {
            Ok(data) => data,
            Err(e) => {
                if kept >= 0 {
                    // What matters is why there is no mapping.
                    let _ = kernel::close(kept);
                }
                return Err(fail(t, e));
            }
        };
        payload::new_for(t, class, |header| Mmap {
            header,
            data: Cell::new(data),
            len: Cell::new(len),
            pos: Cell::new(0),
            offset,
            fd: Cell::new(kept),
            untracked: fd != -1 && !track,
            shared: flags & libc::MAP_PRIVATE == 0,
            access,
            writable: prot & libc::PROT_WRITE != 0,
            exports: Cell::new(0),
        })
    })
}

/// How much of a file is mapped: what was asked for, or all that is left of it.
fn file_length(t: &Thread, fd: i32, len: usize, offset: i64) -> Res<usize> {
    let Ok(st) = kernel::fstat(fd) else { return Ok(len) };
    if st.st_mode & libc::S_IFMT != libc::S_IFREG {
        return Ok(len);
    }
    if len == 0 {
        if st.st_size == 0 {
            return Err(error::value_error(t, "cannot mmap an empty file"));
        }
        if offset >= st.st_size {
            return Err(error::value_error(t, "mmap offset is greater than file size"));
        }
        return Ok((st.st_size - offset) as usize);
    }
    if offset > st.st_size || st.st_size - offset < len as i64 {
        return Err(error::value_error(t, "mmap length is greater than file size"));
    }
    Ok(len)
}

fn repr(t: &Thread, v: &Value) -> Res {
    let (m, name) = (v.expect::<Mmap>(), type_of(v).name());
    if m.data.get().is_null() {
        return strs::new(t, &format!("<{name} closed=True>"));
    }
    let access = format!("{:?}", m.access).to_uppercase();
    let (len, pos, offset) = (m.len.get(), m.pos.get(), m.offset);
    strs::new(t, &format!("<{name} closed=False, access=ACCESS_{access}, length={len}, pos={pos}, offset={offset}>"))
}

fn key(t: &Thread, m: &Mmap, k: &Value, refusal: &'static str) -> Res<index::Key> {
    let found = index::key(t, k, || m.len.get(), |t, _| error::type_error(t, refusal))?;
    match found {
        index::Key::Index(i) => {
            let at = if i < 0 { i + m.len.get() as isize } else { i };
            if at < 0 || at as usize >= m.len.get() {
                return Err(error::index_error(t, "mmap index out of range"));
            }
            Ok(index::Key::Index(at))
        }
        range => Ok(range),
    }
}

fn getitem(t: &Thread, v: &Value, k: &Value) -> Res {
    let m = open(t, v)?;
    let found = key(t, m, k, "mmap indices must be integers")?;
    let m = open(t, v)?;
    match found {
        index::Key::Index(at) => Ok(Value::small(m.slice()[at as usize].into())),
        index::Key::Slice(range) => {
            t.check_alloc(range.count)?;
            let data = m.slice();
            let picked: Vec<u8> = range.indices().filter_map(|i| data.get(i).copied()).collect();
            bytes::from_vec(t, picked)
        }
    }
}

fn setitem(t: &Thread, v: &Value, k: &Value, value: Option<&Value>) -> Res<()> {
    let m = writable(t, v)?;
    let found = key(t, m, k, "mmap indices must be integer")?;
    let Some(value) = value else {
        let what = if matches!(found, index::Key::Index(_)) { "item" } else { "slice" };
        return Err(error::type_error(t, format_args!("mmap object doesn't support {what} deletion")));
    };
    match found {
        index::Key::Index(at) => {
            if type_of(value).slots().index.is_none() {
                return Err(error::type_error(t, "mmap item value must be an int"));
            }
            let Ok(byte) = u8::try_from(convert::to_i64(t, value)?) else {
                return Err(error::value_error(t, "mmap item value must be in range(0, 256)"));
            };
            writable(t, v)?.slice()[at as usize] = byte;
        }
        index::Key::Slice(range) => {
            let from = buffer::get(t, value, buffer::SIMPLE)?;
            if from.len != range.count {
                return Err(error::index_error(t, "mmap slice assignment is wrong size"));
            }
            let data = writable(t, v)?.slice();
            for (i, b) in range.indices().zip(from.as_slice().to_vec()) {
                if let Some(to) = data.get_mut(i) {
                    *to = b;
                }
            }
        }
    }
    Ok(())
}

fn lend(t: &Thread, v: &Value, flags: i32) -> Res<Buffer> {
    let m = open(t, v)?;
    if flags & buffer::WRITABLE != 0 && !m.writable {
        return Err(error::buffer_error(t, "Object is not writable."));
    }
    m.exports.set(m.exports.get() + 1);
    Ok(Buffer::bytes(v.clone(), m.data.get(), m.len.get(), !m.writable, |v| {
        let m = v.expect::<Mmap>();
        m.exports.set(m.exports.get().saturating_sub(1));
    }))
}

fn close(t: &Thread, a: &[Value]) -> Res {
    let m = a[0].expect::<Mmap>();
    if m.exports.get() > 0 {
        return Err(error::buffer_error(t, "cannot close exported pointers exist"));
    }
    release(t, m);
    Ok(Value::NONE)
}

fn find(t: &Thread, a: &[Value], last: bool) -> Res {
    let wanted = buffer::get(t, &a[1], buffer::SIMPLE)?;
    let m = open(t, &a[0])?;
    let default = if last { Value::small(0) } else { convert::from_usize(m.pos.get()) };
    let start = a[2].non_none().cloned().unwrap_or(default);
    let (from, to) = index::bounds(t, &start, &a[3], m.len.get())?;
    let data = open(t, &a[0])?.slice();
    if from > to || to > data.len() {
        return Ok(Value::small(-1));
    }
    let (hay, needle) = (&data[from..to], wanted.as_slice());
    if needle.is_empty() {
        return Ok(convert::from_usize(if last { to } else { from }));
    }
    let same = |w: &[u8]| w == needle;
    let found = if last { hay.windows(needle.len()).rposition(same) } else { hay.windows(needle.len()).position(same) };
    Ok(found.map_or(Value::small(-1), |i| convert::from_usize(from + i)))
}

fn number(t: &Thread, v: &Value, default: isize) -> Res<isize> {
    v.non_none().map_or(Ok(default), |v| convert::to_isize(t, v))
}

fn flush(t: &Thread, a: &[Value]) -> Res {
    let m = open(t, &a[0])?;
    let (offset, size) = (number(t, &a[1], 0)?, number(t, &a[2], m.len.get() as isize)?);
    if offset < 0 || size < 0 || m.len.get() < offset as usize || m.len.get() - (offset as usize) < size as usize {
        return Err(error::value_error(t, "flush values out of range"));
    }
    if !m.writable || m.access == Access::Copy {
        return Ok(Value::NONE);
    }
    let part = &m.slice()[offset as usize..(offset + size) as usize];
    memory::sync(part).map(|()| Value::NONE).map_err(|e| fail(t, e))
}

fn madvise(t: &Thread, a: &[Value]) -> Res {
    let m = open(t, &a[0])?;
    let advice = convert::to_i32(t, &a[1])?;
    let start = number(t, &a[2], 0)?;
    let len = number(t, &a[3], m.len.get() as isize)?;
    if start < 0 || start as usize >= m.len.get() {
        return Err(error::value_error(t, "madvise start out of bounds"));
    }
    if len < 0 {
        return Err(error::value_error(t, "madvise length invalid"));
    }
    let end = (start as usize).saturating_add(len as usize).min(m.len.get());
    memory::advise(&mut m.slice()[start as usize..end], advice).map(|()| Value::NONE).map_err(|e| fail(t, e))
}

fn move_bytes(t: &Thread, a: &[Value]) -> Res {
    let m = writable(t, &a[0])?;
    let [to, from, n] = [number(t, &a[1], 0)?, number(t, &a[2], 0)?, number(t, &a[3], 0)?];
    let len = m.len.get() as isize;
    if to < 0 || from < 0 || n < 0 || len - to < n || len - from < n {
        return Err(error::value_error(t, "source, destination, or count out of range"));
    }
    m.slice().copy_within(from as usize..(from + n) as usize, to as usize);
    Ok(Value::NONE)
}

fn read(t: &Thread, a: &[Value]) -> Res {
    let n = number(t, &a[1], -1)?;
    let m = open(t, &a[0])?;
    let from = m.pos.get().min(m.len.get());
    let left = m.len.get() - from;
    let n = if n < 0 { left } else { left.min(n as usize) };
    m.pos.set(from + n);
    bytes::new(t, &m.slice()[from..from + n])
}

fn read_byte(t: &Thread, a: &[Value]) -> Res {
    let m = open(t, &a[0])?;
    match m.slice().get(m.pos.get()) {
        Some(b) => {
            m.pos.set(m.pos.get() + 1);
            Ok(Value::small((*b).into()))
        }
        None => Err(error::value_error(t, "read byte out of range")),
    }
}

fn readline(t: &Thread, a: &[Value]) -> Res {
    let m = open(t, &a[0])?;
    let from = m.pos.get().min(m.len.get());
    let rest = &m.slice()[from..];
    let n = rest.iter().position(|b| *b == b'\n').map_or(rest.len(), |i| i + 1);
    m.pos.set(from + n);
    bytes::new(t, &rest[..n])
}

fn resize(t: &Thread, a: &[Value]) -> Res {
    let m = open(t, &a[0])?;
    if m.exports.get() > 0 {
        return Err(error::buffer_error(t, "mmap can't resize with extant pointers exported."));
    }
    if !m.writable || matches!(m.access, Access::Read | Access::Copy) {
        return Err(error::type_error(t, "mmap can't resize a readonly or copy-on-write memory map."));
    }
    let n = number(t, &a[1], 0)?;
    if n < 0 || (i64::MAX - n as i64) < m.offset {
        return Err(error::value_error(t, "new size out of range"));
    }
    if m.untracked {
        return Err(error::value_error(t, "mmap can't resize with trackfd=False."));
    }
    // What is behind such a one keeps its size: to touch a page beyond it is a SIGBUS.
    if m.fd.get() < 0 && m.shared && n as usize > m.len.get() {
        return Err(error::value_error(t, "mmap: can't expand a shared anonymous mapping"));
    }
    if m.fd.get() >= 0 {
        kernel::ftruncate(m.fd.get(), m.offset + n as i64).map_err(|e| fail(t, e))?;
    }
    // SAFETY: the mapping is this object's, and nobody was lent it.
    let at = unsafe { memory::remap(m.data.get(), m.len.get(), n as usize) }.map_err(|e| fail(t, e))?;
    m.data.set(at);
    m.len.set(n as usize);
    Ok(Value::NONE)
}

fn seek(t: &Thread, a: &[Value]) -> Res {
    let m = open(t, &a[0])?;
    let n = number(t, &a[1], 0)?;
    let base = match a[2].opt().map_or(Ok(0), |v| convert::to_i32(t, v))? {
        0 => 0,
        1 => m.pos.get() as isize,
        2 => m.len.get() as isize,
        _ => return Err(error::value_error(t, "unknown seek type")),
    };
    match base.checked_add(n) {
        Some(to) if to >= 0 && to as usize <= m.len.get() => {
            m.pos.set(to as usize);
            Ok(convert::from_usize(to as usize))
        }
        _ => Err(error::value_error(t, "seek out of range")),
    }
}

fn size(t: &Thread, a: &[Value]) -> Res {
    let m = open(t, &a[0])?;
    if m.fd.get() < 0 {
        return Ok(convert::from_usize(m.len.get()));
    }
    convert::from_i64(t, kernel::fstat(m.fd.get()).map_err(|e| fail(t, e))?.st_size)
}

fn write(t: &Thread, a: &[Value]) -> Res {
    writable(t, &a[0])?;
    let from = buffer::get(t, &a[1], buffer::SIMPLE)?;
    let data = from.as_slice().to_vec();
    let m = writable(t, &a[0])?;
    let at = m.pos.get();
    if at > m.len.get() || m.len.get() - at < data.len() {
        return Err(error::value_error(t, "data out of range"));
    }
    m.slice()[at..at + data.len()].copy_from_slice(&data);
    m.pos.set(at + data.len());
    Ok(convert::from_usize(data.len()))
}

fn write_byte(t: &Thread, a: &[Value]) -> Res {
    let n = convert::to_i64(t, &a[1])?;
    let m = writable(t, &a[0])?;
    let at = m.pos.get();
    match m.slice().get_mut(at) {
        Some(to) => {
            *to = n as u8;
            m.pos.set(at + 1);
            Ok(Value::NONE)
        }
        None => Err(error::value_error(t, "write byte out of range")),
    }
}
