# Hot loops go on in the child of a fork, and it ends.
import os
import sys


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


# A copy of the process compiles for itself, and so does a copy of that. It goes round until it has.


def entered():
    stats = getattr(sys, "_typhon_stats", dict)()
    return stats.get("jit_entered")


def third(n):
    x = 1
    for i in range(n):
        x = x * 5 + i & 1023
    return x


def fourth(n):
    x = 3
    for i in range(n):
        x = x * 7 - i & 511
    return x


def compiles(function, wanted):
    before = entered()
    ok = function(3000) == wanted
    while before is not None and entered() == before:
        ok = function(3000) == wanted and ok
    return ok


wanted = third(3000), fourth(3000)
pid = os.fork()
if pid == 0:
    ok = compiles(third, wanted[0])
    pid = os.fork()
    if pid == 0:
        os._exit(0 if compiles(fourth, wanted[1]) and third(3000) == wanted[0] else 1)
    os._exit(0 if ok and os.waitpid(pid, 0)[1] == 0 and third(3000) == wanted[0] else 1)
print(os.waitpid(pid, 0)[1], third(3000) == wanted[0])
