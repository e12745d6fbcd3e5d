//! The C library's database of users and groups.

use super::Sys;
use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::ptr::null_mut;
use typhon_object::crossing::Crossing;
use typhon_qsbr::sync::Mutex;

/// The C library walks the whole database with a position of its own: one at a time.
static WALK: Mutex<()> = Mutex::new(());

/// What to look up.
#[derive(Clone, Copy)]
pub enum Key<'a> {
    /// A name.
    Name(&'a CStr),
    /// A number.
    Id(u32),
}

/// An entry.
#[expect(missing_docs, reason = "fields named as the database's")]
pub enum Record {
    User { name: Vec<u8>, password: Vec<u8>, uid: u32, gid: u32, real: Vec<u8>, home: Vec<u8>, shell: Vec<u8> },
    Group { name: Vec<u8>, password: Vec<u8>, gid: u32, members: Vec<Vec<u8>> },
}

/// # Safety
/// `p` is null or a C string.
unsafe fn text(p: *const libc::c_char) -> Vec<u8> {
    // SAFETY: the caller's duty.
    if p.is_null() { Vec::new() } else { unsafe { CStr::from_ptr(p) }.to_bytes().to_vec() }
}

/// # Safety
/// The entry was filled by the C library.
unsafe fn user(p: &libc::passwd) -> Record {
    // SAFETY: the entry's fields are C strings.
    unsafe {
        Record::User {
            name: text(p.pw_name),
            password: text(p.pw_passwd),
            uid: p.pw_uid,
            gid: p.pw_gid,
            real: text(p.pw_gecos),
            home: text(p.pw_dir),
            shell: text(p.pw_shell),
        }
    }
}

/// # Safety
/// The entry was filled by the C library.
unsafe fn group(g: &libc::group) -> Record {
    let mut members = Vec::new();
    // SAFETY: the entry's fields are C strings, and a list of them that ends with null.
    unsafe {
        let mut at = g.gr_mem;
        while !at.is_null() && !(*at).is_null() {
            members.push(text(*at));
            at = at.add(1);
        }
        Record::Group { name: text(g.gr_name), password: text(g.gr_passwd), gid: g.gr_gid, members }
    }
}

/// getpwnam_r(3) and its kin; `None` if there is no such entry.
pub fn find(users: bool, key: Key<'_>) -> Sys<Option<Record>> {
    let mut room = vec![0_u8; 1 << 14];
    loop {
        let (to, len) = (room.as_mut_ptr().cast(), room.len());
        // SAFETY: entry and room are writable, the key is a C string or a number, and the entry is read only when the
        // call says that it was filled.
        let (code, found) = unsafe {
            if users {
                let (mut entry, mut at) = (MaybeUninit::zeroed(), null_mut());
                let code = match key {
                    Key::Name(n) => libc::getpwnam_r(n.as_ptr(), entry.as_mut_ptr(), to, len, &mut at),
                    Key::Id(n) => libc::getpwuid_r(n, entry.as_mut_ptr(), to, len, &mut at),
                };
                (code, at.as_ref().map(|p| user(p)))
            } else {
                let (mut entry, mut at) = (MaybeUninit::zeroed(), null_mut());
                let code = match key {
                    Key::Name(n) => libc::getgrnam_r(n.as_ptr(), entry.as_mut_ptr(), to, len, &mut at),
                    Key::Id(n) => libc::getgrgid_r(n, entry.as_mut_ptr(), to, len, &mut at),
                };
                (code, at.as_ref().map(|g| group(g)))
            }
        };
        match code {
            0 | libc::ENOENT | libc::ESRCH => return Ok(found),
            libc::ERANGE if room.len() < 1 << 24 => room.resize(room.len() * 2, 0),
            e => return Err(e),
        }
    }
}

/// Every entry.
pub fn all(users: bool) -> Vec<Record> {
    // A fork waits meanwhile: no copy of the process finds the lock taken, nor the library's own.
    let _crossing = Crossing::begin();
    let _alone = WALK.lock();
    let mut out = Vec::new();
    // SAFETY: nobody else walks, so each entry stays until the next call.
    unsafe {
        if users {
            libc::setpwent();
            while let Some(p) = libc::getpwent().as_ref() {
                out.push(user(p));
            }
            libc::endpwent();
        } else {
            libc::setgrent();
            while let Some(g) = libc::getgrent().as_ref() {
                out.push(group(g));
            }
            libc::endgrent();
        }
    }
    out
}
