//! posix_spawn(3): its file actions and attributes.

use super::{Sys, given, signals};
use std::ffi::{CStr, CString};
use std::mem::MaybeUninit;

/// What the child does with its descriptors, in order.
pub struct Actions {
    raw: libc::posix_spawn_file_actions_t,
    /// Paths to open, which the C library may only have borrowed.
    paths: Vec<CString>,
}

/// How else the child differs from its parent.
#[derive(Default)]
pub struct Attributes {
    /// Process group to join.
    pub group: Option<i32>,
    /// Real ids become the effective ones.
    pub reset_ids: bool,
    /// Start a session.
    pub session: bool,
    /// Signals to block.
    pub mask: Option<Vec<i32>>,
    /// Signals to give their default meaning back.
    pub defaults: Option<Vec<i32>>,
    /// Policy (`None` keeps it) and priority.
    pub scheduler: Option<(Option<i32>, i32)>,
}

/// POSIX_SPAWN_SETSID of glibc and musl.
const SET_SESSION: libc::c_short = 0x80;

unsafe extern "C" {
    fn posix_spawn_file_actions_addclosefrom_np(actions: *mut libc::posix_spawn_file_actions_t, from: i32) -> i32;
}

impl Actions {
    /// No actions.
    pub fn new() -> Sys<Self> {
        let mut raw = MaybeUninit::uninit();
        // SAFETY: initialized by the call.
        unsafe {
            given(libc::posix_spawn_file_actions_init(raw.as_mut_ptr()))?;
            Ok(Self { raw: raw.assume_init(), paths: Vec::new() })
        }
    }

    /// Opens a path as `fd`.
    pub fn open(&mut self, fd: i32, path: CString, flags: i32, mode: u32) -> Sys<()> {
        // SAFETY: the actions are initialized, and the path lives as long as they.
        given(unsafe { libc::posix_spawn_file_actions_addopen(&mut self.raw, fd, path.as_ptr(), flags, mode) })?;
        self.paths.push(path);
        Ok(())
    }

    /// Closes `fd`.
    pub fn close(&mut self, fd: i32) -> Sys<()> {
        // SAFETY: the actions are initialized.
        given(unsafe { libc::posix_spawn_file_actions_addclose(&mut self.raw, fd) })
    }

    /// Copies one descriptor over another.
    pub fn dup2(&mut self, from: i32, to: i32) -> Sys<()> {
        // SAFETY: the actions are initialized.
        given(unsafe { libc::posix_spawn_file_actions_adddup2(&mut self.raw, from, to) })
    }

    /// Closes `from` and all above.
    pub fn close_from(&mut self, from: i32) -> Sys<()> {
        // SAFETY: the actions are initialized.
        given(unsafe { posix_spawn_file_actions_addclosefrom_np(&mut self.raw, from) })
    }

    /// Starts the program; `search` looks for it along PATH.
    pub fn spawn(
        &self,
        path: &CStr,
        args: &[CString],
        env: Option<&[CString]>,
        attributes: &Attributes,
        search: bool,
    ) -> Sys<i32> {
        let attributes = Raw::of(attributes)?;
        let args: Vec<_> = args.iter().map(|a| a.as_ptr().cast_mut()).chain([std::ptr::null_mut()]).collect();
        let env: Option<Vec<_>> =
            env.map(|e| e.iter().map(|v| v.as_ptr().cast_mut()).chain([std::ptr::null_mut()]).collect());
        let mut pid = 0;
        let f = if search { libc::posix_spawnp } else { libc::posix_spawn };
        // SAFETY: the arrays end with null and their strings outlive the call; actions and attributes are initialized;
        // `environ` is the C library's own and is read while nothing sets a variable: that needs this isolate's thread.
        let r = unsafe {
            let env = env.as_ref().map_or(environ.cast_const(), |e| e.as_ptr());
            f(&mut pid, path.as_ptr(), &self.raw, &attributes.0, args.as_ptr(), env)
        };
        given(r).map(|()| pid)
    }
}

unsafe extern "C" {
    static mut environ: *mut *mut libc::c_char;
}

impl Drop for Actions {
    fn drop(&mut self) {
        // SAFETY: initialized by `new`, and not used after.
        unsafe { libc::posix_spawn_file_actions_destroy(&mut self.raw) };
    }
}

/// The C library's attributes.
struct Raw(libc::posix_spawnattr_t);

impl Raw {
    fn of(a: &Attributes) -> Sys<Self> {
        let mut raw = MaybeUninit::uninit();
        // SAFETY: initialized by the call.
        let mut made = unsafe {
            given(libc::posix_spawnattr_init(raw.as_mut_ptr()))?;
            Self(raw.assume_init())
        };
        let mut flags: libc::c_short = 0;
        let raw = &mut made.0;
        // SAFETY: the attributes are initialized; sets and parameters outlive the calls, which copy them.
        unsafe {
            if let Some(group) = a.group {
                given(libc::posix_spawnattr_setpgroup(raw, group))?;
                flags |= libc::POSIX_SPAWN_SETPGROUP as libc::c_short;
            }
            if a.reset_ids {
                flags |= libc::POSIX_SPAWN_RESETIDS as libc::c_short;
            }
            if a.session {
                flags |= SET_SESSION;
            }
            if let Some(mask) = &a.mask {
                given(libc::posix_spawnattr_setsigmask(raw, &signals::set_of(mask)))?;
                flags |= libc::POSIX_SPAWN_SETSIGMASK as libc::c_short;
            }
            if let Some(defaults) = &a.defaults {
                given(libc::posix_spawnattr_setsigdefault(raw, &signals::set_of(defaults)))?;
                flags |= libc::POSIX_SPAWN_SETSIGDEF as libc::c_short;
            }
            if let Some((policy, priority)) = a.scheduler {
                if let Some(policy) = policy {
                    given(libc::posix_spawnattr_setschedpolicy(raw, policy))?;
                    flags |= libc::POSIX_SPAWN_SETSCHEDULER as libc::c_short;
                }
                let mut param: libc::sched_param = MaybeUninit::zeroed().assume_init();
                param.sched_priority = priority;
                given(libc::posix_spawnattr_setschedparam(raw, &param))?;
                flags |= libc::POSIX_SPAWN_SETSCHEDPARAM as libc::c_short;
            }
            given(libc::posix_spawnattr_setflags(raw, flags))?;
        }
        Ok(made)
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // SAFETY: initialized by `of`, and not used after.
        unsafe { libc::posix_spawnattr_destroy(&mut self.0) };
    }
}
