//! Messages with control data: `sendmsg`, `recvmsg`, `recvmsg_into`.

use super::object::{Socket, patiently};
use super::{address, permit};
use crate::kernel::sockets::{self as system, Control};
use crate::world;
use typhon_object::list::List;
use typhon_object::native::{MethodDef, def};
use typhon_object::tuple::{self, Tuple};
use typhon_object::types::{bytes, exceptions};
use typhon_object::{Res, Thread, Value, buffer, convert, error, ops, type_of};

pub(super) const TABLE: &[MethodDef] = &[
    def(
        "recvmsg",
        "($self, bufsize, ancbufsize=0, flags=0, /)",
        recvmsg,
        "recvmsg(bufsize[, ancbufsize[, flags]]) -> (data, ancdata, msg_flags, address)",
    ),
    def(
        "recvmsg_into",
        "($self, buffers, ancbufsize=0, flags=0, /)",
        recvmsg_into,
        "recvmsg_into(buffers[, ancbufsize[, flags]]) -> (nbytes, ancdata, msg_flags, address)",
    ),
    def(
        "sendmsg",
        "($self, buffers, ancdata=(), flags=0, address=None, /)",
        sendmsg,
        "sendmsg(buffers[, ancdata[, flags[, address]]]) -> count",
    ),
];

fn flags(t: &Thread, v: &Value) -> Res<i32> {
    v.opt().map_or(Ok(0), |v| convert::to_i32(t, v))
}

fn control_room(t: &Thread, v: &Value) -> Res<usize> {
    match usize::try_from(v.opt().map_or(Ok(0), |v| convert::to_isize(t, v))?) {
        Ok(n) if n <= i32::MAX as usize => {
            t.check_alloc(n)?;
            Ok(n)
        }
        _ => Err(error::value_error(t, "invalid ancillary data buffer length")),
    }
}

/// The last three of what both receivers give. Descriptors that came are the isolate's now.
fn shown(t: &Thread, m: &system::Received) -> Res<[Value; 3]> {
    let mut control = Vec::with_capacity(m.control.len());
    for (level, kind, data) in &m.control {
        if (*level, *kind) == (libc::SOL_SOCKET, libc::SCM_RIGHTS) {
            for fd in data.chunks_exact(4) {
                world::opened(t, i32::from_ne_bytes([fd[0], fd[1], fd[2], fd[3]]));
            }
        }
        let item = [Value::small((*level).into()), Value::small((*kind).into()), bytes::new(t, data)?];
        control.push(tuple::from_array(t, item)?);
    }
    Ok([List::from_vec(t, control)?, Value::small(m.flags.into()), address::to_value(t, &m.from)?])
}

fn recvmsg(t: &Thread, a: &[Value]) -> Res {
    let s = a[0].expect::<Socket>();
    let Ok(n) = usize::try_from(convert::to_isize(t, &a[1])?) else {
        return Err(error::value_error(t, "negative buffer size in recvmsg()"));
    };
    t.check_alloc(n)?;
    let mut room = vec![0; n];
    let (control, flags) = (control_room(t, &a[2])?, flags(t, &a[3])?);
    let m =
        patiently(t, s, libc::POLLIN, || system::receive_message(s.fd.get(), &mut [&mut room[..]], control, flags))?;
    let [ancillary, flags, from] = shown(t, &m)?;
    tuple::from_array(t, [bytes::new(t, &room[..m.bytes])?, ancillary, flags, from])
}

fn recvmsg_into(t: &Thread, a: &[Value]) -> Res {
    let s = a[0].expect::<Socket>();
    let lent = parts(t, &a[1], buffer::WRITABLE, "recvmsg_into() argument 1 must be an iterable", "recvmsg_into")?;
    let mut parts: Vec<&mut [u8]> = lent.iter().map(|b| b.as_mut_slice()).collect();
    let (control, flags) = (control_room(t, &a[2])?, flags(t, &a[3])?);
    let m = patiently(t, s, libc::POLLIN, || system::receive_message(s.fd.get(), &mut parts, control, flags))?;
    let [ancillary, flags, from] = shown(t, &m)?;
    tuple::from_array(t, [convert::from_usize(m.bytes), ancillary, flags, from])
}

fn parts(t: &Thread, v: &Value, how: i32, not_iterable: &str, function: &str) -> Res<Vec<buffer::Buffer>> {
    let items = match ops::collect(t, v) {
        Err(e) if e.is(&exceptions::TYPE_ERROR) && type_of(v).slots().iter.is_none() => {
            return Err(error::type_error(t, not_iterable));
        }
        r => r?,
    };
    if items.len() > 1024 {
        let text = format!("{function}() argument 1 is too long");
        return Err(error::new(t, &exceptions::OS_ERROR, text));
    }
    let get = |b: &Value| {
        if how == buffer::WRITABLE { world::writable(t, b, function, 1) } else { buffer::get(t, b, how) }
    };
    items.iter().map(get).collect()
}

fn control(t: &Thread, v: &Value) -> Res<Vec<Control>> {
    let mut out = Vec::new();
    for item in ops::collect(t, v)? {
        let Some([level, kind, data]) = item.downcast::<Tuple>().map(Tuple::items) else {
            return Err(error::type_error(t, "[sendmsg() ancillary data items] must be 3-item tuples"));
        };
        let data = buffer::get(t, data, buffer::SIMPLE)?.as_slice().to_vec();
        t.check_alloc(data.len())?;
        out.push((convert::to_i32(t, level)?, convert::to_i32(t, kind)?, data));
    }
    Ok(out)
}

fn sendmsg(t: &Thread, a: &[Value]) -> Res {
    let s = a[0].expect::<Socket>();
    let lent = parts(t, &a[1], buffer::SIMPLE, "sendmsg() argument 1 must be an iterable", "sendmsg")?;
    let parts: Vec<&[u8]> = lent.iter().map(|b| b.as_slice()).collect();
    let control = a[2].opt().map_or(Ok(Vec::new()), |v| control(t, v))?;
    let flags = flags(t, &a[3])?;
    let to = match a[4].non_none() {
        None => None,
        Some(to) => {
            permit(t)?;
            Some(address::from_value(t, s.family.get(), to, "sendmsg")?)
        }
    };
    let n = patiently(t, s, libc::POLLOUT, || system::send_message(s.fd.get(), &parts, &control, flags, to.as_ref()))?;
    Ok(convert::from_usize(n))
}
