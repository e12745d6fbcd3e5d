"""Signals of an isolate: handlers are recorded; only SIGINT and raise_signal() are delivered (docs/differences.md)."""

SIG_DFL, SIG_IGN, NSIG = 0, 1, 65
SIG_BLOCK, SIG_UNBLOCK, SIG_SETMASK = 0, 1, 2
ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF = 0, 1, 2
(SIGHUP, SIGINT, SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGKILL, SIGUSR1, SIGSEGV, SIGUSR2, SIGPIPE,
 SIGALRM, SIGTERM, SIGSTKFLT, SIGCHLD, SIGCONT, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG, SIGXCPU, SIGXFSZ,
 SIGVTALRM, SIGPROF, SIGWINCH, SIGIO, SIGPWR, SIGSYS) = range(1, 32)
SIGCLD, SIGPOLL, SIGIOT, SIGRTMIN, SIGRTMAX = SIGCHLD, SIGIO, SIGABRT, 34, 64


class ItimerError(OSError):
    pass


ItimerError.__module__ = "signal"


def default_int_handler(signalnum, frame, /):
    """The default handler for SIGINT: raises KeyboardInterrupt."""
    raise KeyboardInterrupt


_handlers = {n: SIG_DFL for n in range(1, NSIG)}
_handlers[SIGINT] = default_int_handler
_handlers[SIGPIPE] = SIG_IGN


def _number(signalnum):
    n = int(signalnum)
    if not 1 <= n < NSIG:
        raise ValueError("signal number out of range")
    return n


def signal(signalnum, handler, /):
    n = _number(signalnum)
    if n in (SIGKILL, SIGSTOP):
        raise OSError(22, "Invalid argument")
    if not callable(handler) and handler not in (SIG_DFL, SIG_IGN):
        raise TypeError("signal handler must be signal.SIG_IGN, signal.SIG_DFL, or a callable object")
    old, _handlers[n] = _handlers[n], handler
    return old


def getsignal(signalnum, /):
    return _handlers[_number(signalnum)]


def raise_signal(signalnum, /):
    n = _number(signalnum)
    handler = _handlers[n]
    if callable(handler):
        import sys
        handler(n, sys._getframe(1))
    elif handler == SIG_DFL and n not in (SIGCHLD, SIGURG, SIGWINCH, SIGCONT):
        import os
        os.kill(os.getpid(), n)


def strsignal(signalnum, /):
    names = {SIGHUP: "Hangup", SIGINT: "Interrupt", SIGQUIT: "Quit", SIGILL: "Illegal instruction", SIGABRT: "Aborted",
             SIGFPE: "Floating point exception", SIGKILL: "Killed", SIGSEGV: "Segmentation fault", SIGPIPE: "Broken pipe",
             SIGALRM: "Alarm clock", SIGTERM: "Terminated", SIGCHLD: "Child exited"}
    return names.get(_number(signalnum))


def valid_signals():
    return set(range(1, 32)) | set(range(SIGRTMIN, SIGRTMAX + 1))


def set_wakeup_fd(fd, /, *, warn_on_full_buffer=True):
    global _wakeup
    old, _wakeup = _wakeup, fd
    return old


_wakeup = -1


def siginterrupt(signalnum, flag, /):
    _number(signalnum)
