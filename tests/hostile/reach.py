#: read a file of the host | EXCEPTION FileNotFoundError
open('/etc/passwd').read()

#: read the server's memory | EXCEPTION FileNotFoundError
open('/proc/self/mem', 'rb').read(10)

#: read the server's environment | EXCEPTION FileNotFoundError
open('/proc/self/environ', 'rb').read()

#: read the server's command line by pathlib | EXCEPTION FileNotFoundError
import pathlib
pathlib.Path('/proc/self/cmdline').read_bytes()

#: write a file of the host | EXCEPTION FileNotFoundError
open('/tmp/typhon-here', 'w').write('x')
open('/var/tmp/typhon-escaped', 'w').write('x')

#: files that the program before this one left | COMPLETED
import os
assert not os.path.exists('/tmp/typhon-here') and os.listdir('/tmp') == []

#: paths that lead out of the folders there are | EXCEPTION FileNotFoundError
import os
os.chdir('/work')
open('../../../../etc/passwd')

#: open by number | EXCEPTION PermissionError or EXCEPTION OSError
import os
for n in range(3, 200):
    try: os.read(n, 1)
    except OSError as e: last = e
raise last

#: write to the server's descriptors | EXCEPTION PermissionError or EXCEPTION OSError
import os
for n in range(0, 200):
    try: os.write(n, b'x')
    except OSError as e: last = e
raise last

#: close the server's descriptors | EXCEPTION PermissionError or EXCEPTION OSError
import os
os.closerange(0, 1000)
for n in range(0, 200):
    try: os.close(n)
    except OSError as e: last = e
raise last

#: wrap the server's descriptors | EXCEPTION PermissionError or EXCEPTION OSError
import io
for n in range(0, 200):
    try: io.FileIO(n, 'r+', closefd=False).write(b'x')
    except OSError as e: last = e
raise last

#: list a folder | COMPLETED
import os
assert sorted(os.listdir('/')) == ['tmp', 'work']

#: walk folders with scandir | EXCEPTION FileNotFoundError
import os
list(os.scandir('/etc'))

#: stat a file | EXCEPTION FileNotFoundError
import os
os.stat('/etc/passwd')

#: follow a link | EXCEPTION FileNotFoundError
import os
os.readlink('/proc/self/exe')

#: make a link | EXCEPTION PermissionError
import os
os.symlink('/etc/passwd', '/tmp/typhon-escaped')

#: folders without end | EXCEPTION OSError
import os
while True:
    os.mkdir('x')
    os.chdir('x')

#: files without end | EXCEPTION OSError
for n in range(10**9): open(f'/tmp/{n}', 'w').close()

#: a file without end | EXCEPTION OSError or MEMORY
f = open('/tmp/x', 'wb')
while True: f.write(bytes(100_000))

#: a file with a hole without end | EXCEPTION OSError
open('/tmp/x', 'wb').truncate(1 << 50)

#: open files without end | EXCEPTION OSError
x = []
while True: x.append(open('/tmp/x', 'w'))

#: remove a file | EXCEPTION FileNotFoundError
import os
os.unlink('/tmp/typhon-nothing')

#: change the working directory | COMPLETED
import os
os.chdir('/')
assert sorted(os.listdir()) == ['tmp', 'work']

#: temporary files | COMPLETED
import tempfile
with tempfile.TemporaryFile() as f: f.write(b'x')

#: shared memory | EXCEPTION AttributeError or EXCEPTION PermissionError or EXCEPTION ImportError or EXCEPTION ModuleNotFoundError
import _posixshmem, os
_posixshmem.shm_open('/typhon', os.O_CREAT | os.O_RDWR, 0o600)

#: mapping of a file | EXCEPTION PermissionError or EXCEPTION OSError or EXCEPTION ValueError
import mmap
mmap.mmap(3, 4096)

#: a socket | EXCEPTION PermissionError
import socket
socket.create_connection(('127.0.0.1', 80), 1)

#: a socket of the host | EXCEPTION PermissionError
import socket
socket.socket(socket.AF_UNIX).connect('/run/docker.sock')

#: a pair of sockets, which leads to nobody else | COMPLETED or EXCEPTION PermissionError
import socket
socket.socketpair()

#: names of the network | EXCEPTION PermissionError
import socket
socket.getaddrinfo('example.org', 80)

#: the cloud's metadata | EXCEPTION URLError or EXCEPTION PermissionError
import urllib.request
urllib.request.urlopen('http://169.254.169.254/latest/meta-data/')

#: the file system as a URL | EXCEPTION FileNotFoundError or EXCEPTION URLError or EXCEPTION PermissionError
import urllib.request
urllib.request.urlopen('file:///etc/passwd')

#: a shell | EXCEPTION PermissionError
import os
os.system('id')

#: a subprocess | EXCEPTION PermissionError
import subprocess
subprocess.run(['id'])

#: a fork | EXCEPTION PermissionError
import os
os.fork()

#: another program in its place | EXCEPTION PermissionError
import os
os.execv('/bin/sh', ['sh'])

#: a signal to the server | EXCEPTION PermissionError
import os, signal
os.kill(os.getppid(), signal.SIGKILL)

#: a signal to everybody | EXCEPTION PermissionError
import os
os.kill(-1, 9)

#: a handler for signals | EXCEPTION PermissionError or EXCEPTION ValueError
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)

#: a timer | EXCEPTION PermissionError
import signal
signal.setitimer(signal.ITIMER_REAL, 0.001)

#: limits of the process | EXCEPTION PermissionError
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (1, 1))

#: niceness of the process | EXCEPTION PermissionError or EXCEPTION AttributeError
import os
os.nice(19)

#: umask of the process | EXCEPTION PermissionError
import os
os.umask(0)

#: the environment of the process | COMPLETED
import os
assert not any(n.startswith(('CARGO', 'TYPHON', 'HOME', 'PATH')) for n in os.environ), dict(os.environ)
os.environ['TYPHON_MARK'] = 'x'

#: what the program before left in the environment | COMPLETED
import os
assert 'TYPHON_MARK' not in os.environ

#: ctypes | EXCEPTION AttributeError or EXCEPTION ModuleNotFoundError or EXCEPTION ImportError or EXCEPTION PermissionError
import ctypes
ctypes.CDLL(None).abort()

#: a native extension | EXCEPTION ImportError or EXCEPTION ModuleNotFoundError or EXCEPTION PermissionError or EXCEPTION AttributeError
import importlib.machinery, importlib.util
l = importlib.machinery.ExtensionFileLoader('x', '/lib/x86_64-linux-gnu/libc.so.6')
importlib.util.module_from_spec(importlib.util.spec_from_loader('x', l))

#: modules from a folder of the host | EXCEPTION ModuleNotFoundError or EXCEPTION PermissionError
import sys
sys.path[:] = ['/usr/lib/python3', '/tmp']
import apt_pkg

#: users of the host | EXCEPTION PermissionError or EXCEPTION KeyError
import pwd
pwd.getpwuid(0)

#: pseudo-terminals | EXCEPTION PermissionError or EXCEPTION OSError or EXCEPTION AttributeError
import os
os.openpty()

#: pipes | EXCEPTION PermissionError or COMPLETED
import os
os.pipe()

#: the log of the system | EXCEPTION PermissionError or EXCEPTION ModuleNotFoundError or EXCEPTION ImportError
import syslog
syslog.syslog('x')

#: audit hooks do not see the server | COMPLETED
import sys
seen = []
sys.addaudithook(lambda *a: seen.append(a))
import json
assert not any('CANARY' in str(s) for s in seen)

#: breakpoint | EXIT or EXCEPTION EOFError or EXCEPTION BdbQuit or EXCEPTION PermissionError or COMPLETED or EXCEPTION OSError or EXCEPTION ModuleNotFoundError
breakpoint()

#: input that never comes | EXCEPTION EOFError
input()
