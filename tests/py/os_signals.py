"""Signals: handlers, timers, masks, waiting, the wakeup descriptor, and how a process ends by one."""

import errno
import os
import select
import signal
import subprocess
import sys
import time

log = []
old = signal.signal(signal.SIGUSR1, lambda n, f: log.append((n, f.f_code.co_name)))
print(old, signal.getsignal(signal.SIGINT) is signal.default_int_handler)


def here():
    os.kill(os.getpid(), signal.SIGUSR1)
    signal.raise_signal(signal.SIGUSR1)


here()
print(log)

# A handler's exception comes out of what was interrupted; a sleep goes on after one that returns.
class Alarm(Exception):
    pass


def ring(n, f):
    raise Alarm(n)


signal.signal(signal.SIGALRM, ring)
signal.setitimer(signal.ITIMER_REAL, 0.02)
try:
    time.sleep(30)
except Alarm as e:
    print("alarm", e.args[0] == signal.SIGALRM)
signal.signal(signal.SIGALRM, lambda n, f: log.append(n))
log.clear()
signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
start = time.monotonic()
time.sleep(0.1)
signal.setitimer(signal.ITIMER_REAL, 0)
print(time.monotonic() - start >= 0.1, len(log) >= 2, signal.getitimer(signal.ITIMER_REAL))
try:
    signal.setitimer(signal.ITIMER_REAL, -1)
except signal.ItimerError as e:
    print(type(e).__mro__[1].__name__, e.errno == errno.EINVAL)

# A loop that does nothing is interrupted too.
signal.signal(signal.SIGALRM, ring)
signal.setitimer(signal.ITIMER_REAL, 0.01)
try:
    while True:
        pass
except Alarm:
    print("out of the loop")

# Masks and waiting.
signal.signal(signal.SIGUSR2, lambda n, f: log.append("usr2"))
log.clear()
before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2})
os.kill(os.getpid(), signal.SIGUSR2)
print(log, signal.SIGUSR2 in signal.sigpending())
signal.pthread_sigmask(signal.SIG_SETMASK, before)
print(log)
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2})
os.kill(os.getpid(), signal.SIGUSR2)
info = signal.sigtimedwait({signal.SIGUSR2}, 5)
print(info.si_signo == signal.SIGUSR2, info.si_pid == os.getpid(), signal.sigtimedwait({signal.SIGUSR2}, 0))
signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGUSR2})

# The wakeup descriptor.
r, w = os.pipe()
os.set_blocking(w, False)
print(signal.set_wakeup_fd(w))
signal.raise_signal(signal.SIGUSR2)
print(select.select([r], [], [], 5)[0] == [r], os.read(r, 10), signal.set_wakeup_fd(-1) == w)
try:
    signal.set_wakeup_fd(0x7fffff)
except OSError as e:
    print(e)

for bad in (lambda: signal.signal(0, ring), lambda: signal.signal(1, "x"), lambda: signal.signal(signal.SIGKILL, ring),
            lambda: signal.pthread_sigmask(signal.SIG_BLOCK, [0]), lambda: signal.strsignal(99), lambda: signal.set_wakeup_fd(w * 0 + 1)):
    try:
        bad()
    except (ValueError, TypeError, OSError) as e:
        print(type(e).__name__, e if "non-blocking" not in str(e) else "non-blocking")
print(signal.strsignal(signal.SIGSEGV), len(signal.valid_signals()), signal.Signals(15))


def child(code, **options):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, **options)
    lines = done.stderr.strip().splitlines()
    return done.returncode, done.stdout, lines[-1] if lines else ""


print(child("import os; os.kill(os.getpid(), 15)"))
print(child("import os, signal; os.kill(os.getpid(), signal.SIGINT)"))
print(child("import signal, time; signal.alarm(1); signal.signal(14, lambda *a: print('ding', flush=True)); signal.pause(); print('on')"))
print(child("raise KeyboardInterrupt"))
print(child("import sys; sys.exit(7)"))
print(child("import os; os.abort()")[0])
print(child("import _thread\ntry:\n    _thread.interrupt_main()\n    while True: pass\nexcept KeyboardInterrupt:\n    print('caught')"))
