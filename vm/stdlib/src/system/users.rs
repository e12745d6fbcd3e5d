//! `pwd` and `grp`: the database of users and groups.

use super::fail;
use crate::kernel::users::{self as database, Key, Record};
use crate::posix::exec::id;
use crate::world;
use std::ffi::CString;
use std::path::Path;
use typhon_interp::host::Access;
use typhon_object::list::List;
use typhon_object::native::{ModuleDef, def};
use typhon_object::structseq;
use typhon_object::types::structseq as ss;
use typhon_object::{Res, Thread, Value, convert, error, ops};

structseq! {
    /// `pwd.struct_passwd`.
    pub PASSWD = "pwd.struct_passwd", "pwd.struct_passwd: Results from getpw*() routines.\n\nThis object may be accessed either as a tuple of\n  (pw_name,pw_passwd,pw_uid,pw_gid,pw_gecos,pw_dir,pw_shell)\nor via the object attributes as named in the above tuple.",
    flags 0, visible 7, complete |_| {},
    [
        ("pw_name", "user name"), ("pw_passwd", "password"), ("pw_uid", "user id"), ("pw_gid", "group id"),
        ("pw_gecos", "real name"), ("pw_dir", "home directory"), ("pw_shell", "shell program"),
    ]
}
structseq! {
    /// `grp.struct_group`.
    pub GROUP = "grp.struct_group", "grp.struct_group: Results from getgr*() routines.\n\nThis object may be accessed either as a tuple of\n  (gr_name,gr_passwd,gr_gid,gr_mem)\nor via the object attributes as named in the above tuple.\n",
    flags 0, visible 4, complete |_| {},
    [("gr_name", "group name"), ("gr_passwd", "password"), ("gr_gid", "group id"), ("gr_mem", "group members")]
}

/// `pwd`.
pub static PWD: ModuleDef = ModuleDef {
    name: "pwd",
    doc: "This module provides access to the Unix password database.\nIt is available on all Unix versions.\n\nPassword database entries are reported as 7-tuples containing the following\nitems from the password database (see `<pwd.h>'), in order:\npw_name, pw_passwd, pw_uid, pw_gid, pw_gecos, pw_dir, pw_shell.\nThe uid and gid items are integers, all others are strings. An\nexception is raised if the entry asked for cannot be found.",
    functions: &[
        def(
            "getpwuid",
            "($module, uidobj, /)",
            |t, a| by_id(t, &a[0], true),
            "Return the password database entry for the given numeric user ID.",
        ),
        def(
            "getpwnam",
            "($module, name, /)",
            |t, a| by_name(t, &a[0], true),
            "Return the password database entry for the given user name.",
        ),
        def(
            "getpwall",
            "($module, /)",
            |t, _| all(t, true),
            "Return a list of all available password database entries, in arbitrary order.",
        ),
    ],
    types: &[("struct_passwd", PASSWD.def)],
    init: None,
};

/// `grp`.
pub static GRP: ModuleDef = ModuleDef {
    name: "grp",
    doc: "Access to the Unix group database.",
    functions: &[
        def(
            "getgrgid",
            "($module, /, id)",
            |t, a| by_id(t, &a[0], false),
            "Return the group database entry for the given numeric group ID.",
        ),
        def(
            "getgrnam",
            "($module, /, name)",
            |t, a| by_name(t, &a[0], false),
            "Return the group database entry for the given group name.",
        ),
        def(
            "getgrall",
            "($module, /)",
            |t, _| all(t, false),
            "Return a list of all available group entries, in arbitrary order.",
        ),
    ],
    types: &[("struct_group", GROUP.def)],
    init: None,
};

/// Whether the database may be read. Where it may not, nobody is in it: the library asks who somebody is while it is
/// imported (`sysconfig`, and so `zoneinfo`), and takes a `KeyError` for an answer.
fn may_read(t: &Thread, users: bool) -> bool {
    world::permit(t, Access::Read(Path::new(if users { "/etc/passwd" } else { "/etc/group" })), None).is_ok()
}

fn shown(t: &Thread, r: &Record) -> Res {
    let text = |b: &[u8]| world::fs_decode(t, b);
    let number = |n: u32| Value::small(if n == u32::MAX { -1 } else { n.into() });
    match r {
        Record::User { name, password, uid, gid, real, home, shell } => {
            let fields =
                vec![text(name)?, text(password)?, number(*uid), number(*gid), text(real)?, text(home)?, text(shell)?];
            ss::new(t, &PASSWD, fields)
        }
        Record::Group { name, password, gid, members } => {
            let members = members.iter().map(|m| text(m)).collect::<Res<_>>()?;
            ss::new(t, &GROUP, vec![text(name)?, text(password)?, number(*gid), List::from_vec(t, members)?])
        }
    }
}

fn by_id(t: &Thread, v: &Value, users: bool) -> Res {
    let (name, what) = if users { ("getpwuid", "uid") } else { ("getgrgid", "gid") };
    let missing = |t: &Thread| -> Res {
        let n = ops::repr_text(t, v)?;
        let e = typhon_object::strs::new(t, &format!("{name}(): {what} not found: {n}"))?;
        Err(error::key_error(t, &e))
    };
    let n = match id(t, v, what) {
        Err(e) if e.is(&typhon_object::types::exceptions::OVERFLOW_ERROR) => return missing(t),
        r => r?,
    };
    if !may_read(t, users) {
        return missing(t);
    }
    match database::find(users, Key::Id(n)).map_err(|e| fail(t, e))? {
        Some(found) => shown(t, &found),
        None => missing(t),
    }
}

fn by_name(t: &Thread, v: &Value, users: bool) -> Res {
    let name = if users { "getpwnam" } else { "getgrnam" };
    let text = convert::to_text(t, v, name, "argument")?;
    let Ok(key) = CString::new(text.as_str()) else { return Err(error::value_error(t, "embedded null byte")) };
    let found = if may_read(t, users) { database::find(users, Key::Name(&key)).map_err(|e| fail(t, e))? } else { None };
    match found {
        Some(found) => shown(t, &found),
        None => {
            let shown = ops::repr_text(t, v)?;
            let e = typhon_object::strs::new(t, &format!("{name}(): name not found: {shown}"))?;
            Err(error::key_error(t, &e))
        }
    }
}

fn all(t: &Thread, users: bool) -> Res {
    let found = if may_read(t, users) { database::all(users) } else { Vec::new() };
    List::from_vec(t, found.iter().map(|r| shown(t, r)).collect::<Res<_>>()?)
}
