# Hot loops go on in the child of a fork, and it ends.
import os


def loop(n):
    s = i = 0
    while i < n:
        if i & 1:
            s += 3
        i += 1
    return s


def other(n):
    x = 0.5
    for i in range(n):
        x = x * 0.5 + i
    return x


print(loop(20000))
pid = os.fork()
if pid == 0:
    ok = loop(20000) == 30000 and other(20000) > 0
    os._exit(0 if ok else 1)
print(os.waitpid(pid, 0)[1], other(20000))
