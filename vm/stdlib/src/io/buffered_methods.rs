//! Methods of buffered streams.

use super::buffered::{self, BUFFERED_RANDOM, BUFFERED_READER, BUFFERED_WRITER, Buffered, blocked};
use super::{base, get_opt, is_closed, method, size_arg, unsupported};
use typhon_object::buffer;
use typhon_object::native::{MethodDef, def};
use typhon_object::strs;
use typhon_object::types::{bytes, exceptions};
use typhon_object::{Res, Thread, Value, attr, call, convert, error, type_of};

const DETACH: MethodDef =
    def("detach", "($self, /)", detach, "Disconnect this buffer from its underlying raw stream and return it.");
const CLOSE: MethodDef = def("close", "($self, /)", close, "");
const SEEKABLE: MethodDef = def("seekable", "($self, /)", |t, a| pass(t, &a[0], "seekable"), "");
const READABLE: MethodDef = def("readable", "($self, /)", |t, a| pass(t, &a[0], "readable"), "");
const WRITABLE: MethodDef = def("writable", "($self, /)", |t, a| pass(t, &a[0], "writable"), "");
const FILENO: MethodDef = def("fileno", "($self, /)", |t, a| pass(t, &a[0], "fileno"), "");
const ISATTY: MethodDef = def("isatty", "($self, /)", |t, a| pass(t, &a[0], "isatty"), "");
const WARN: MethodDef = def("_dealloc_warn", "($self, source, /)", dealloc_warn, "");
const SEEK: MethodDef = def("seek", "($self, target, whence=0, /)", seek, "");
const TELL: MethodDef = def("tell", "($self, /)", tell, "");
const TRUNCATE: MethodDef = def("truncate", "($self, pos=None, /)", truncate, "");
const SIZEOF: MethodDef = def("__sizeof__", "($self, /)", size_of_object, "");
const READ: MethodDef = def("read", "($self, size=-1, /)", read, "");
const PEEK: MethodDef = def("peek", "($self, size=0, /)", peek, "");
const READ1: MethodDef = def("read1", "($self, size=-1, /)", read1, "");
const READINTO: MethodDef = def("readinto", "($self, buffer, /)", |t, a| read_into(t, a, false), "");
const READINTO1: MethodDef = def("readinto1", "($self, buffer, /)", |t, a| read_into(t, a, true), "");
const READLINE: MethodDef = def("readline", "($self, size=-1, /)", readline, "");
const FLUSH: MethodDef = def("flush", "($self, /)", flush, "");
const SIMPLE_FLUSH: MethodDef = def("flush", "($self, /)", |t, a| pass(t, &a[0], "flush"), "");
const WRITE: MethodDef = def("write", "($self, buffer, /)", write, "Write the given buffer to the IO stream.");

/// BufferedReader's.
pub const READER: &[MethodDef] = &[
    DETACH,
    CLOSE,
    SEEKABLE,
    READABLE,
    FILENO,
    ISATTY,
    WARN,
    SEEK,
    TELL,
    TRUNCATE,
    SIZEOF,
    READ,
    PEEK,
    READ1,
    READINTO,
    READINTO1,
    READLINE,
    SIMPLE_FLUSH,
];
/// BufferedWriter's.
pub const WRITER: &[MethodDef] =
    &[DETACH, CLOSE, SEEKABLE, WRITABLE, FILENO, ISATTY, WARN, SEEK, TELL, TRUNCATE, SIZEOF, FLUSH, WRITE];
/// BufferedRandom's.
pub const RANDOM: &[MethodDef] = &[
    DETACH, CLOSE, SEEKABLE, READABLE, WRITABLE, FILENO, ISATTY, WARN, SEEK, TELL, TRUNCATE, SIZEOF, READ, PEEK, READ1,
    READINTO, READINTO1, READLINE, FLUSH, WRITE,
];

fn pass(t: &Thread, v: &Value, name: &str) -> Res {
    let raw = buffered::get(t, v)?.raw.get();
    method(t, &raw, name, &[])
}

/// `closed`.
pub fn closed(t: &Thread, v: &Value) -> Res {
    attr::get_text(t, &buffered::get(t, v)?.raw.get(), "closed")
}

fn detach(t: &Thread, a: &[Value]) -> Res {
    let b = buffered::get(t, &a[0])?;
    method(t, &a[0], "flush", &[])?;
    Ok(b.leave_raw())
}

fn close(t: &Thread, a: &[Value]) -> Res {
    let this = &a[0];
    let b = buffered::get(t, this)?;
    if is_closed(t, &b.raw.get())? {
        return Ok(Value::NONE);
    }
    if b.finalizing.get() {
        dealloc_warn(t, &[this.clone(), this.clone()])?;
    }
    let flushed = method(t, this, "flush", &[]);
    let closed = method(t, &b.raw.get(), "close", &[]);
    b.drop_ahead();
    b.pending.borrow_mut().clear();
    match (flushed, closed) {
        (Err(e), Err(second)) => {
            exceptions::set_context(t, second.value(), e.into_value());
            Err(second)
        }
        (Err(e), _) => Err(e),
        (_, closed) => closed,
    }
}

fn dealloc_warn(t: &Thread, a: &[Value]) -> Res {
    let raw = a[0].expect::<Buffered>().raw.get();
    if !raw.is_absent()
        && let Some(f) = get_opt(t, &raw, "_dealloc_warn")?
        && let Err(e) = call::call1(t, &f, &a[1])
        && e.is_stopped()
    {
        return Err(e);
    }
    Ok(Value::NONE)
}

/// `__repr__`.
pub fn repr(t: &Thread, v: &Value) -> Res {
    let ty = type_of(v);
    let known = [&BUFFERED_READER, &BUFFERED_WRITER, &BUFFERED_RANDOM].into_iter().find(|d| std::ptr::eq(d.ty(), ty));
    let ty = known.map_or_else(|| ty.name(), |d| d.name.to_string());
    match base::name_part(t, v, "name")? {
        Some(name) => strs::new(t, &format!("<{ty} name={name}>")),
        None => strs::new(t, &format!("<{ty}>")),
    }
}

fn size_of_object(_: &Thread, a: &[Value]) -> Res {
    let b = a[0].expect::<Buffered>();
    Ok(convert::from_usize(size_of::<Buffered>() + b.size.get()))
}

fn read(t: &Thread, a: &[Value]) -> Res {
    let this = &a[0];
    buffered::get(t, this)?;
    let n = match a[1].non_none() {
        Some(n) => {
            size_arg(t, n)?;
            convert::to_isize(t, n)?
        }
        None => -1,
    };
    if n < -1 {
        return Err(error::value_error(t, "read length must be non-negative or -1"));
    }
    let b = buffered::open(t, this, "read of closed file")?;
    let _busy = b.enter(t, this)?;
    match usize::try_from(n) {
        Ok(n) if n <= b.available() => bytes::from_vec(t, b.take(n)),
        Ok(n) => read_exact(t, b, n),
        Err(_) => read_all(t, b),
    }
}

fn read_all(t: &Thread, b: &Buffered) -> Res {
    b.before_read(t)?;
    let mut out = b.take(usize::MAX);
    b.drop_ahead();
    let raw = b.raw.get();
    let piece = match get_opt(t, &raw, "readall")? {
        Some(readall) => {
            let all = call::call0(t, &readall)?;
            if !all.is_none() && all.downcast::<bytes::Bytes>().is_none() {
                return Err(error::type_error(t, "readall() should return bytes"));
            }
            all
        }
        None => base::read_all(t, &raw)?,
    };
    match bytes::peek(&piece) {
        Some(_) if out.is_empty() => Ok(piece),
        Some(more) => {
            out.extend_from_slice(more);
            bytes::from_vec(t, out)
        }
        None if out.is_empty() => Ok(Value::NONE),
        None => bytes::from_vec(t, out),
    }
}

fn read_exact(t: &Thread, b: &Buffered, n: usize) -> Res {
    b.before_read(t)?;
    t.check_alloc(n)?;
    let mut out = b.take(n);
    b.drop_ahead();
    while out.len() < n {
        t.poll()?;
        let left = n - out.len();
        let size = b.size.get();
        let got = if left >= size {
            // Whole blocks go straight into the result.
            let whole = left - left % size;
            let at = out.len();
            out.resize(at + whole, 0);
            let got = b.raw_read(t, &mut out[at..]);
            out.truncate(at + got.as_ref().ok().and_then(|g| *g).unwrap_or(0));
            got?
        } else {
            let got = b.fill(t)?;
            out.extend(b.take(left));
            got
        };
        match got {
            None if out.is_empty() => return Ok(Value::NONE),
            None | Some(0) => break,
            Some(_) => {}
        }
    }
    bytes::from_vec(t, out)
}

fn peek(t: &Thread, a: &[Value]) -> Res {
    let b = buffered::open(t, &a[0], "peek of closed file")?;
    let _busy = b.enter(t, &a[0])?;
    b.before_read(t)?;
    if b.available() == 0 {
        b.fill(t)?;
    }
    let ahead = b.ahead.borrow();
    bytes::new(t, &ahead[b.used.get()..])
}

fn read1(t: &Thread, a: &[Value]) -> Res {
    let this = &a[0];
    buffered::get(t, this)?;
    let n = match a[1].opt() {
        Some(n) => convert::to_isize(t, n)?,
        None => -1,
    };
    let b = buffered::open(t, this, "read of closed file")?;
    bytes::from_vec(t, once(t, this, b, usize::try_from(n).unwrap_or(b.size.get()))?)
}

fn once(t: &Thread, this: &Value, b: &Buffered, n: usize) -> Res<Vec<u8>> {
    if n == 0 {
        return Ok(Vec::new());
    }
    let _busy = b.enter(t, this)?;
    if b.available() > 0 {
        return Ok(b.take(n));
    }
    b.before_read(t)?;
    b.drop_ahead();
    t.check_alloc(n)?;
    let mut out = vec![0; n];
    let got = b.raw_read(t, &mut out)?.unwrap_or(0);
    out.truncate(got);
    Ok(out)
}

/// `read1(n)` as Rust bytes.
pub fn read1_bytes(t: &Thread, this: &Value, n: usize) -> Res<Vec<u8>> {
    let b = buffered::open(t, this, "read of closed file")?;
    once(t, this, b, n)
}

/// Whether reading it directly does what its `read1` would.
pub fn is_plain_reader(v: &Value) -> bool {
    is_own(v)
}

fn read_into(t: &Thread, a: &[Value], once: bool) -> Res {
    let this = &a[0];
    buffered::get(t, this)?;
    let lent = base::writable(t, &a[1], if once { "readinto1" } else { "readinto" })?;
    let b = buffered::open(t, this, "readinto of closed file")?;
    let _busy = b.enter(t, this)?;
    let to = lent.as_mut_slice();
    let first = b.take(to.len());
    to[..first.len()].copy_from_slice(&first);
    let mut n = first.len();
    if n < to.len() && !(once && n > 0) {
        b.before_read(t)?;
        b.drop_ahead();
    }
    while n < to.len() && !(once && n > 0) {
        t.poll()?;
        let got = if to.len() - n > b.size.get() {
            b.raw_read(t, &mut to[n..])?
        } else {
            let got = b.fill(t)?;
            let more = b.take(to.len() - n);
            to[n..n + more.len()].copy_from_slice(&more);
            got.map(|_| more.len())
        };
        match got {
            None if n == 0 => return Ok(Value::NONE),
            None | Some(0) => break,
            Some(k) => n += k,
        }
    }
    Ok(convert::from_usize(n))
}

fn readline(t: &Thread, a: &[Value]) -> Res {
    let this = &a[0];
    buffered::get(t, this)?;
    let limit = size_arg(t, &a[1])?;
    line(t, this, limit)
}

fn line(t: &Thread, this: &Value, limit: Option<usize>) -> Res {
    let b = buffered::open(t, this, "readline of closed file")?;
    let _busy = b.enter(t, this)?;
    let mut out = Vec::new();
    loop {
        let left = limit.map(|n| n - out.len());
        let (n, ended) = {
            let ahead = b.ahead.borrow();
            let rest = &ahead[b.used.get()..];
            let rest = &rest[..left.map_or(rest.len(), |n| n.min(rest.len()))];
            match rest.iter().position(|&c| c == b'\n') {
                Some(i) => (i + 1, true),
                None => (rest.len(), left == Some(rest.len())),
            }
        };
        if ended && out.is_empty() {
            let ahead = b.ahead.borrow();
            let from = b.used.get();
            b.used.set(from + n);
            return bytes::new(t, &ahead[from..from + n]);
        }
        out.extend(b.take(n));
        if ended {
            break;
        }
        t.poll()?;
        b.before_read(t)?;
        if b.fill(t)?.unwrap_or(0) == 0 {
            break;
        }
    }
    bytes::from_vec(t, out)
}

/// `__next__`.
pub fn next(t: &Thread, v: &Value) -> Res {
    let line = if is_own(v) { line(t, v, None)? } else { method(t, v, "readline", &[])? };
    match bytes::peek(&line) {
        Some(data) if line.downcast::<bytes::Bytes>().is_some() => {
            Ok(if data.is_empty() { Value::ABSENT } else { line })
        }
        _ => {
            let name = type_of(&line).name();
            Err(error::new(
                t,
                &exceptions::OS_ERROR,
                format_args!("readline() should have returned a bytes object, not '{name}'"),
            ))
        }
    }
}

fn is_own(v: &Value) -> bool {
    let ty = type_of(v);
    std::ptr::eq(ty, BUFFERED_READER.ty()) || std::ptr::eq(ty, BUFFERED_RANDOM.ty())
}

fn seek(t: &Thread, a: &[Value]) -> Res {
    let this = &a[0];
    buffered::get(t, this)?;
    let whence = match a[2].opt() {
        Some(w) => convert::to_i32(t, w)?,
        None => 0,
    };
    if !(0..=4).contains(&whence) {
        return Err(error::value_error(t, format_args!("whence value {whence} unsupported")));
    }
    let b = buffered::open(t, this, "seek of closed file")?;
    if !super::ask(t, &b.raw.get(), "seekable")? {
        return Err(unsupported(t, "File or stream is not seekable."));
    }
    let target = convert::to_i64(t, &a[1])?;
    let _busy = b.enter(t, this)?;
    if whence < 2 && b.reads() && b.available() > 0 {
        let ahead = b.available() as i64;
        let current = b.raw_tell(t)?;
        let here = current - ahead;
        let by = if whence == 0 { target.saturating_sub(here) } else { target };
        if by >= -(b.used.get() as i64) && by <= ahead {
            b.used.set((b.used.get() as i64 + by) as usize);
            return convert::from_i64(t, here + by);
        }
    }
    b.write_out(t)?;
    let target = if whence == 1 { target - b.available() as i64 } else { target };
    let at = b.raw_seek(t, target, whence)?;
    b.drop_ahead();
    convert::from_i64(t, at)
}

fn tell(t: &Thread, a: &[Value]) -> Res {
    let b = buffered::get(t, &a[0])?;
    let at = b.raw_tell(t)? - b.available() as i64 + b.pending.borrow().len() as i64;
    convert::from_i64(t, at.max(0))
}

fn truncate(t: &Thread, a: &[Value]) -> Res {
    let this = &a[0];
    let b = buffered::open(t, this, "truncate of closed file")?;
    if !super::ask(t, this, "writable")? {
        return Err(unsupported(t, "truncate"));
    }
    let _busy = b.enter(t, this)?;
    b.write_out(t)?;
    b.give_back(t)?;
    let size = a[1].non_none().cloned().unwrap_or(Value::NONE);
    method(t, &b.raw.get(), "truncate", &[size])
}

fn flush(t: &Thread, a: &[Value]) -> Res {
    let b = buffered::open(t, &a[0], "flush of closed file")?;
    let _busy = b.enter(t, &a[0])?;
    b.write_out(t)?;
    if b.is_random() {
        b.give_back(t)?;
    }
    Ok(Value::NONE)
}

fn write(t: &Thread, a: &[Value]) -> Res {
    let this = &a[0];
    buffered::get(t, this)?;
    let from = buffer::get(t, &a[1], buffer::SIMPLE)?;
    let data = if from.is_c_contiguous() {
        std::borrow::Cow::Borrowed(from.as_slice())
    } else {
        from.to_contiguous(t)?.into()
    };
    write_bytes(t, this, &data).map(convert::from_usize)
}

/// Writes through the buffer.
pub fn write_bytes(t: &Thread, this: &Value, data: &[u8]) -> Res<usize> {
    let b = buffered::open(t, this, "write to closed file")?;
    let _busy = b.enter(t, this)?;
    b.check_writes(t)?;
    if b.reads() {
        b.give_back(t)?;
    }
    let size = b.size.get();
    let waiting = b.pending.borrow().len();
    if data.len() <= size.saturating_sub(waiting) {
        b.pending.borrow_mut().extend_from_slice(data);
        return Ok(data.len());
    }
    match b.write_out(t) {
        Err(e) if e.is(&exceptions::BLOCKING_IO_ERROR) => {
            // Take what still fits, and say how much that was.
            let mut pending = b.pending.borrow_mut();
            let n = data.len().min(size.saturating_sub(pending.len()));
            pending.extend_from_slice(&data[..n]);
            return if n == data.len() {
                Ok(n)
            } else {
                drop(pending);
                Err(blocked(t, n))
            };
        }
        r => r?,
    }
    let mut done = 0;
    while data.len() - done > size {
        t.poll()?;
        match b.raw_write(t, &data[done..])? {
            Some(n) => done += n,
            None => {
                let n = size.min(data.len() - done);
                b.pending.borrow_mut().extend_from_slice(&data[done..done + n]);
                return Err(blocked(t, done + n));
            }
        }
    }
    b.pending.borrow_mut().extend_from_slice(&data[done..]);
    Ok(data.len())
}

/// Whether writing to it directly does what its `write` would.
pub fn is_plain_writer(v: &Value) -> bool {
    let ty = type_of(v);
    std::ptr::eq(ty, BUFFERED_WRITER.ty()) || std::ptr::eq(ty, BUFFERED_RANDOM.ty())
}
