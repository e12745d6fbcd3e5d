//! Names of hosts, services, protocols and interfaces, from the C library.

use super::sockets::Address;
use super::{Sys, check, done, errno};
use std::ffi::{CStr, CString};
use std::mem::MaybeUninit;
use std::ptr::null_mut;
use typhon_object::crossing::Crossing;
use typhon_qsbr::sync::{Mutex, MutexGuard};

/// The C library answers some questions in memory of its own: one at a time.
static ANSWER: Mutex<()> = Mutex::new(());

/// The right to ask one of them. A fork waits meanwhile, so no copy of the process finds the lock taken, nor the library's own.
fn ask() -> (MutexGuard<'static, ()>, Crossing) {
    let crossing = Crossing::begin();
    (ANSWER.lock(), crossing)
}

/// One answer of getaddrinfo(3).
pub struct Found {
    /// Family, type, protocol.
    pub kind: [i32; 3],
    /// Canonical name.
    pub name: Vec<u8>,
    /// Address.
    pub address: Address,
}

/// What to look for.
#[derive(Clone)]
pub struct Question {
    /// Host; `None` is this one.
    pub host: Option<CString>,
    /// Service or port number.
    pub service: Option<CString>,
    /// Family, type, protocol; 0 is any.
    pub kind: [i32; 3],
    /// AI_ flags.
    pub flags: i32,
}

/// getaddrinfo(3); an error is (its code, errno).
pub fn find(q: &Question) -> Result<Vec<Found>, (i32, i32)> {
    let pointer = |s: &Option<CString>| s.as_ref().map_or(std::ptr::null(), |s| s.as_ptr());
    let mut out = Vec::new();
    // SAFETY: zeros are valid hints; the strings outlive the call; the list is walked before it is freed.
    unsafe {
        let mut hints: libc::addrinfo = MaybeUninit::zeroed().assume_init();
        hints.ai_flags = q.flags;
        [hints.ai_family, hints.ai_socktype, hints.ai_protocol] = q.kind;
        let mut list = null_mut();
        let code = libc::getaddrinfo(pointer(&q.host), pointer(&q.service), &hints, &mut list);
        if code != 0 {
            return Err((code, errno()));
        }
        let mut at = list;
        while let Some(a) = at.as_ref() {
            let address = std::slice::from_raw_parts(a.ai_addr.cast::<u8>(), a.ai_addrlen as usize);
            let name =
                if a.ai_canonname.is_null() { Vec::new() } else { CStr::from_ptr(a.ai_canonname).to_bytes().to_vec() };
            out.push(Found { kind: [a.ai_family, a.ai_socktype, a.ai_protocol], name, address: Address::of(address) });
            at = a.ai_next;
        }
        libc::freeaddrinfo(list);
    }
    Ok(out)
}

/// gai_strerror(3).
pub fn explain(code: i32) -> String {
    // SAFETY: the C library gives a constant C string.
    unsafe { CStr::from_ptr(libc::gai_strerror(code)).to_string_lossy().into_owned() }
}

/// getnameinfo(3): host and service; an error is (its code, errno).
pub fn name_of(a: &Address, flags: i32) -> Result<(Vec<u8>, Vec<u8>), (i32, i32)> {
    let (mut host, mut service) = ([0_u8; 1025], [0_u8; 32]);
    let b = a.bytes();
    // SAFETY: the address is readable and both rooms are writable for their lengths.
    let code = unsafe {
        libc::getnameinfo(
            b.as_ptr().cast(),
            b.len() as libc::socklen_t,
            host.as_mut_ptr().cast(),
            host.len() as libc::socklen_t,
            service.as_mut_ptr().cast(),
            service.len() as libc::socklen_t,
            flags,
        )
    };
    let text = |room: &[u8]| CStr::from_bytes_until_nul(room).map(|s| s.to_bytes().to_vec()).unwrap_or_default();
    if code == 0 { Ok((text(&host), text(&service))) } else { Err((code, errno())) }
}

#[repr(C)]
struct Service {
    name: *const libc::c_char,
    aliases: *const *const libc::c_char,
    port: libc::c_int,
    proto: *const libc::c_char,
}

#[repr(C)]
struct Protocol {
    name: *const libc::c_char,
    aliases: *const *const libc::c_char,
    number: libc::c_int,
}

#[repr(C)]
struct Host {
    name: *const libc::c_char,
    aliases: *const *const libc::c_char,
    family: libc::c_int,
    length: libc::c_int,
    addresses: *const *const u8,
}

unsafe extern "C" {
    fn getservbyname(name: *const libc::c_char, proto: *const libc::c_char) -> *const Service;
    fn getservbyport(port: libc::c_int, proto: *const libc::c_char) -> *const Service;
    fn getprotobyname(name: *const libc::c_char) -> *const Protocol;
    fn gethostbyname(name: *const libc::c_char) -> *const Host;
    fn gethostbyaddr(at: *const u8, len: libc::socklen_t, family: libc::c_int) -> *const Host;
}

fn or_null(s: Option<&CStr>) -> *const libc::c_char {
    s.map_or(std::ptr::null(), CStr::as_ptr)
}

/// getservbyname(3): the port.
pub fn service_port(name: &CStr, proto: Option<&CStr>) -> Option<u16> {
    let _alone = ask();
    // SAFETY: C strings in, an answer read while nobody else asks.
    unsafe { getservbyname(name.as_ptr(), or_null(proto)).as_ref() }.map(|s| u16::from_be(s.port as u16))
}

/// getservbyport(3): the name.
pub fn service_name(port: u16, proto: Option<&CStr>) -> Option<Vec<u8>> {
    let _alone = ask();
    // SAFETY: C strings in, an answer read while nobody else asks.
    unsafe {
        let found = getservbyport(port.to_be().into(), or_null(proto)).as_ref()?;
        Some(CStr::from_ptr(found.name).to_bytes().to_vec())
    }
}

/// getprotobyname(3).
pub fn protocol(name: &CStr) -> Option<i32> {
    let _alone = ask();
    // SAFETY: a C string in, an answer read while nobody else asks.
    unsafe { getprotobyname(name.as_ptr()).as_ref() }.map(|p| p.number)
}

/// A host's name, its other names and its addresses in network order.
pub struct Names {
    /// Official name.
    pub name: Vec<u8>,
    /// Others.
    pub aliases: Vec<Vec<u8>>,
    /// Family of the addresses.
    pub family: i32,
    /// Addresses.
    pub addresses: Vec<Vec<u8>>,
}

/// gethostbyname(3) or gethostbyaddr(3).
pub fn host(name: Result<&CStr, (&[u8], i32)>) -> Option<Names> {
    let _alone = ask();
    // SAFETY: C strings and bytes in; the answer is copied while nobody else asks, and its lists end with null.
    unsafe {
        let found = match name {
            Ok(name) => gethostbyname(name.as_ptr()),
            Err((ip, family)) => gethostbyaddr(ip.as_ptr(), ip.len() as libc::socklen_t, family),
        };
        let h = found.as_ref()?;
        let mut out = Names {
            name: CStr::from_ptr(h.name).to_bytes().to_vec(),
            aliases: Vec::new(),
            family: h.family,
            addresses: Vec::new(),
        };
        let mut at = h.aliases;
        while !at.is_null() && !(*at).is_null() {
            out.aliases.push(CStr::from_ptr(*at).to_bytes().to_vec());
            at = at.add(1);
        }
        let mut at = h.addresses;
        while !at.is_null() && !(*at).is_null() {
            out.addresses.push(std::slice::from_raw_parts(*at, h.length as usize).to_vec());
            at = at.add(1);
        }
        Some(out)
    }
}

/// gethostname(2).
pub fn own_host() -> Sys<Vec<u8>> {
    let mut room = [0_u8; 1024];
    // SAFETY: the room is writable for its length, less one that stays NUL.
    done(unsafe { libc::gethostname(room.as_mut_ptr().cast(), room.len() - 1) })?;
    Ok(CStr::from_bytes_until_nul(&room).map(|s| s.to_bytes().to_vec()).unwrap_or_default())
}

/// sethostname(2).
pub fn set_own_host(name: &[u8]) -> Sys<()> {
    // SAFETY: the name is readable for its length.
    done(unsafe { libc::sethostname(name.as_ptr().cast(), name.len()) })
}

/// if_nametoindex(3).
pub fn interface(name: &CStr) -> Sys<i64> {
    // SAFETY: a C string.
    match unsafe { libc::if_nametoindex(name.as_ptr()) } {
        0 => Err(errno()),
        n => check(n),
    }
}

/// if_indextoname(3).
pub fn interface_name(index: u32) -> Sys<Vec<u8>> {
    let mut room = [0_u8; libc::IF_NAMESIZE];
    // SAFETY: room for a name.
    if unsafe { libc::if_indextoname(index, room.as_mut_ptr().cast()) }.is_null() {
        return Err(errno());
    }
    Ok(CStr::from_bytes_until_nul(&room).map(|s| s.to_bytes().to_vec()).unwrap_or_default())
}

/// if_nameindex(3).
pub fn interfaces() -> Sys<Vec<(u32, Vec<u8>)>> {
    // SAFETY: the list ends with a null name, and is freed after it is copied.
    unsafe {
        let list = libc::if_nameindex();
        if list.is_null() {
            return Err(errno());
        }
        let (mut at, mut out) = (list, Vec::new());
        while !(*at).if_name.is_null() {
            out.push(((*at).if_index, CStr::from_ptr((*at).if_name).to_bytes().to_vec()));
            at = at.add(1);
        }
        libc::if_freenameindex(list);
        Ok(out)
    }
}
