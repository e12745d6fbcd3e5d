//! What a worker process takes from itself before it runs anything: everything but computing and the sockets it has.

use std::collections::BTreeMap;
use std::io;

use landlock::{ABI, Access, AccessFs, AccessNet, Ruleset, RulesetAttr, RulesetStatus, Scope};
use rustix::process::{Resource, Rlimit, setrlimit};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};

use super::wire::Ready;

/// Confines the process. Must be called before it has a second thread. What the kernel lacks is told, not an error.
pub fn confine() -> Ready {
    let mut ready = Ready::default();
    let mut note = |name: &str, result: Result<(), String>| match result {
        Ok(()) => ready.holds.push(name.to_owned()),
        Err(why) => ready.lacks.push(format!("{name}: {why}")),
    };
    // The first to go when the machine runs out of memory.
    note("oom", std::fs::write("/proc/self/oom_score_adj", "500").map_err(|e| e.to_string()));
    note("rlimits", rlimits().map_err(|e| e.to_string()));
    note("no_new_privs", rustix::thread::set_no_new_privs(true).map_err(|e| e.to_string()));
    note("landlock", landlock());
    note("seccomp", seccomp().map_err(|e| e.to_string()));
    ready
}

fn rlimits() -> io::Result<()> {
    let none = |resource, most| setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) });
    // No core: it would hold what tenants hold.
    none(Resource::Core, 0)?;
    none(Resource::Memlock, 0)?;
    none(Resource::Msgqueue, 0)?;
    none(Resource::Nofile, FILES)?;
    Ok(())
}

/// Lanes, and a few for whatever the C library opens.
const FILES: u64 = 4096;

/// No file, no port, no other process's sockets, no signal to anyone else.
fn landlock() -> Result<(), String> {
    let abi = ABI::V7;
    let restrict = || {
        Ruleset::default()
            .handle_access(AccessFs::from_all(abi))?
            .handle_access(AccessNet::from_all(abi))?
            .scope(Scope::from_all(abi))?
            .create()?
            .restrict_self()
    };
    let status = restrict().map_err(|e| e.to_string())?;
    match status.ruleset {
        RulesetStatus::FullyEnforced => Ok(()),
        RulesetStatus::PartiallyEnforced => Err("the kernel enforces a part of it".to_owned()),
        RulesetStatus::NotEnforced => Err("the kernel does not have it".to_owned()),
    }
}

/// Memory, threads, clocks, and what can be done with descriptors that are there.
const ALLOWED: &[i64] = &[
    libc::SYS_brk,
    libc::SYS_clock_getres,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_clone3,
    libc::SYS_close,
    libc::SYS_close_range,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_fcntl,
    libc::SYS_fstat,
    libc::SYS_futex,
    libc::SYS_getcwd,
    libc::SYS_getegid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getpeername,
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_getrandom,
    libc::SYS_getrusage,
    libc::SYS_getsockname,
    libc::SYS_gettid,
    libc::SYS_gettimeofday,
    libc::SYS_getuid,
    libc::SYS_lseek,
    libc::SYS_madvise,
    libc::SYS_membarrier,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_nanosleep,
    libc::SYS_ppoll,
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_restart_syscall,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_set_robust_list,
    libc::SYS_shutdown,
    libc::SYS_sigaltstack,
    libc::SYS_sysinfo,
    libc::SYS_uname,
    libc::SYS_wait4,
    libc::SYS_write,
    libc::SYS_writev,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_dup2,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_poll,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_time,
];

/// Of the kind of a socket, what is no flag.
const KIND: u64 = !((libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK) as u64) & 0xffff_ffff;

fn seccomp() -> Result<(), Box<dyn std::error::Error>> {
    let arch = std::env::consts::ARCH.try_into()?;
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = ALLOWED.iter().map(|call| (*call, Vec::new())).collect();
    let only = |argument, how, value| -> Result<Vec<SeccompRule>, seccompiler::BackendError> {
        let condition = SeccompCondition::new(argument, SeccompCmpArgLen::Qword, how, value)?;
        Ok(vec![SeccompRule::new(vec![condition])?])
    };
    // Threads, and copies of the process: these stay in its group, which ends as a whole, and in this filter.
    let threads = libc::CLONE_THREAD as u64;
    let copies = (libc::CLONE_CHILD_SETTID | libc::CLONE_CHILD_CLEARTID | libc::SIGCHLD) as u64;
    let mut clone = only(0, SeccompCmpOp::MaskedEq(threads), threads)?;
    clone.extend(only(0, SeccompCmpOp::Eq, copies)?);
    rules.insert(libc::SYS_clone, clone);
    rules.insert(libc::SYS_prctl, only(0, SeccompCmpOp::Eq, libc::PR_SET_NAME as u64)?);
    // A pair of connected streams, by which an event loop wakes itself. Not of datagrams, which could be sent to names.
    let pair = SeccompRule::new(vec![
        SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, libc::AF_UNIX as u64)?,
        SeccompCondition::new(1, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(KIND), libc::SOCK_STREAM as u64)?,
    ])?;
    rules.insert(libc::SYS_socketpair, vec![pair]);
    // On the connections that the server makes for it: what is written goes to where they lead, and no call connects.
    for (call, flags) in [(libc::SYS_sendto, 3), (libc::SYS_sendmsg, 2)] {
        rules.insert(call, only(flags, SeccompCmpOp::MaskedEq(libc::MSG_FASTOPEN as u64), 0)?);
    }
    let of_any = SeccompCondition::new(1, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, libc::SOL_SOCKET as u64)?;
    rules.insert(libc::SYS_getsockopt, vec![SeccompRule::new(vec![of_any])?]);
    let options = [(libc::IPPROTO_TCP, libc::TCP_NODELAY), (libc::SOL_SOCKET, libc::SO_KEEPALIVE)];
    let options = options.map(|(level, option)| {
        SeccompRule::new(vec![
            SeccompCondition::new(1, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, level as u64)?,
            SeccompCondition::new(2, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, option as u64)?,
        ])
    });
    rules.insert(libc::SYS_setsockopt, options.into_iter().collect::<Result<Vec<_>, _>>()?);
    // Its own limits; the C library asks for the stack's.
    rules.insert(libc::SYS_prlimit64, only(0, SeccompCmpOp::Eq, 0)?);
    // abort() signals its own thread.
    let own = u64::from(std::process::id());
    rules.insert(libc::SYS_tgkill, only(0, SeccompCmpOp::Eq, own)?);
    let refused = |error: i32| SeccompAction::Errno(error.unsigned_abs());
    let filter = SeccompFilter::new(rules, refused(libc::EPERM), SeccompAction::Allow, arch)?;
    let filter: BpfProgram = filter.try_into()?;
    // clone3 keeps what it shall do where no filter can look: the C library then does the same by clone.
    let opaque = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    let opaque = SeccompFilter::new(opaque, SeccompAction::Allow, refused(libc::ENOSYS), arch)?;
    let opaque: BpfProgram = opaque.try_into()?;
    seccompiler::apply_filter_all_threads(&opaque)?;
    seccompiler::apply_filter_all_threads(&filter)?;
    Ok(())
}
