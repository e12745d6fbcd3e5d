"""Resource usage of the process, from its clocks; limits are the host's: read, not set (docs/differences.md)."""

import os as _os
from collections import namedtuple as _namedtuple

error = OSError
RLIM_INFINITY = -1
(RLIMIT_CPU, RLIMIT_FSIZE, RLIMIT_DATA, RLIMIT_STACK, RLIMIT_CORE, RLIMIT_RSS, RLIMIT_NPROC, RLIMIT_NOFILE,
 RLIMIT_MEMLOCK, RLIMIT_AS) = range(10)
RUSAGE_SELF, RUSAGE_CHILDREN, RUSAGE_THREAD = 0, -1, 1

struct_rusage = _namedtuple("struct_rusage", "ru_utime ru_stime ru_maxrss ru_ixrss ru_idrss ru_isrss ru_minflt ru_majflt "
                            "ru_nswap ru_inblock ru_oublock ru_msgsnd ru_msgrcv ru_nsignals ru_nvcsw ru_nivcsw")


def getrusage(who, /):
    times = _os.times()
    if who == RUSAGE_CHILDREN:
        return struct_rusage(times.children_user, times.children_system, *[0] * 14)
    if who not in (RUSAGE_SELF, RUSAGE_THREAD):
        raise ValueError("invalid who parameter")
    return struct_rusage(times.user, times.system, *[0] * 14)


def getpagesize():
    return _os.sysconf("SC_PAGE_SIZE")


_LINES = ("Max cpu time", "Max file size", "Max data size", "Max stack size", "Max core file size", "Max resident set",
          "Max processes", "Max open files", "Max locked memory", "Max address space")


def getrlimit(resource, /):
    if not 0 <= resource < len(_LINES):
        raise ValueError("invalid resource specified")
    with open("/proc/self/limits") as file:
        for line in file:
            if line.startswith(_LINES[resource]):
                soft, hard = line[26:].split()[:2]
                return tuple(RLIM_INFINITY if n == "unlimited" else int(n) for n in (soft, hard))
    raise OSError(38, "limits of the process are not shown here")


def setrlimit(resource, limits, /):
    if tuple(limits) != getrlimit(resource):
        raise PermissionError(1, "limits of the process are the host's")
