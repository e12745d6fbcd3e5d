"""Processes: subprocess in its forms, fork and exec, waiting, descriptors, what goes wrong."""

import os
import signal
import subprocess
import sys

py = sys.executable


def show(f, *errors):
    try:
        print(f())
    except errors or (Exception,) as e:
        print(type(e).__name__, e)


print(subprocess.run([py, "-c", "print(input()[::-1])"], input="abc\n", capture_output=True, text=True).stdout)
print(subprocess.check_output("echo $0 $X; exit 0", shell=True, env={"X": "y", "PATH": os.environ["PATH"]}))
show(lambda: subprocess.check_call(["false"]))
show(lambda: subprocess.run(["/nonexistent/x"]))
show(lambda: subprocess.run(["true"], cwd="/nonexistent"))
show(lambda: subprocess.run(["/etc/passwd"]), PermissionError)
show(lambda: subprocess.run(["sleep", "9"], timeout=0.05).returncode, subprocess.TimeoutExpired)

p = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
big = b"x" * 1_000_000
out, err = p.communicate(big)
print(out == big, err, p.returncode)
p = subprocess.Popen(["sleep", "30"])
print(p.poll(), p.send_signal(signal.SIGTERM), p.wait(), repr(p.returncode))
p = subprocess.Popen([py, "-c", "import sys; sys.stderr.write('err'); sys.stdout.write('out')"],
                     stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
print(sorted(p.communicate()[0].decode()))

# What a child inherits.
r, w = os.pipe()
code = "import os, sys\ntry: os.fstat(int(sys.argv[1])); print('open')\nexcept OSError: print('closed')"
for fds in (), (w,):
    print(subprocess.run([py, "-c", code, str(w)], pass_fds=fds, capture_output=True, text=True).stdout.strip())
print(subprocess.run([py, "-c", "import os; print(os.getsid(0) == os.getpid())"], start_new_session=True,
                     capture_output=True, text=True).stdout.strip())
print(subprocess.run(["sh", "-c", "umask"], umask=0o27, capture_output=True, text=True).stdout.strip())
p = subprocess.run([py, "-c", "import os; print(os.environ.get('HOOK'))"], capture_output=True, text=True,
                   preexec_fn=lambda: os.nice(0))
print(p.stdout.strip())


def broken():
    raise ValueError


show(lambda: subprocess.run(["true"], preexec_fn=broken))

# fork, hooks, waiting.
order = []
os.register_at_fork(before=lambda: order.append("before"), after_in_parent=lambda: order.append("parent"),
                    after_in_child=lambda: order.append("child"))
pid = os.fork()
if pid == 0:
    os.write(w, repr(order).encode())
    os._exit(9)
_, status = os.waitpid(pid, 0)
print(os.read(r, 100), order, os.WIFEXITED(status), os.waitstatus_to_exitcode(status))
pid = os.fork()
if pid == 0:
    os.execv("/bin/sh", ["sh", "-c", "exit 5"])
print(os.waitid(os.P_PID, pid, os.WEXITED).si_status)
pid = os.posix_spawn("/bin/sh", ["sh", "-c", "echo $A; exit 3"], {"A": "spawned"},
                     file_actions=[(os.POSIX_SPAWN_DUP2, w, 1)])
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), os.read(r, 100))
pid = os.posix_spawnp("true", ["true"], os.environ)
print(os.wait()[1])
print(os.system("exit 6") >> 8, os.popen("echo popen").read())
print(os.spawnlp(os.P_WAIT, "sh", "sh", "-c", "exit 4"))
show(lambda: os.execv("/nonexistent", ["x"]))
show(lambda: os.execv("/bin/true", []))
show(lambda: os.execve("/bin/true", ["x"], 3))
show(lambda: os.execve("/bin/true", ["x"], {"a=b": "c"}))
show(lambda: os.kill(os.getpid(), 0))
show(lambda: os.putenv("a=b", "c"))
show(lambda: os.putenv("", "c"))
os.environ["TYPHON_X"] = "1"
print(subprocess.check_output("echo $TYPHON_X", shell=True))
