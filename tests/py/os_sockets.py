"""Sockets and selectors: addresses, timeouts, messages, names, errors."""

import array
import errno
import os
import select
import selectors
import socket
import struct


def show(f):
    try:
        print(f())
    except Exception as e:
        print(type(e).__module__, type(e).__name__, e)


with socket.create_server(("127.0.0.1", 0)) as server:
    print(repr(server.family), repr(server.type), server.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR))
    with socket.create_connection(server.getsockname(), timeout=5) as c:
        s, peer = server.accept()
        with s:
            print(peer == c.getsockname(), c.gettimeout(), s.gettimeout())
            c.sendall(b"x" * 100_000)
            got = 0
            while got < 100_000:
                got += len(s.recv(65536))
            s.settimeout(0.01)
            show(lambda: s.recv(1))
            s.setblocking(False)
            show(lambda: s.recv(1))
            print(s.getblocking(), s.gettimeout())
            s.setblocking(True)
            c.send(b"hello")
            buf = bytearray(10)
            print(s.recv_into(buf, 3), buf, s.recv(10, socket.MSG_PEEK), s.recv(10))
            with s.makefile("rw") as f:
                f.write("line\n")
                f.flush()
                print(c.recv(10))
            c.shutdown(socket.SHUT_RDWR)
            print(s.recv(1))
        show(lambda: s.recv(1))

u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.bind(("127.0.0.1", 0))
v = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
v.sendto(b"dgram", u.getsockname())
data, addr = u.recvfrom(100)
print(data, addr[0])
u.close(), v.close()

a, b = socket.socketpair()
r, w = os.pipe()
socket.send_fds(a, [b"fd"], [w])
msg, fds, flags, _ = socket.recv_fds(b, 10, 2)
os.write(fds[0], b"through")
print(msg, len(fds), flags, os.read(r, 10))
print(a.sendmsg([b"ab", b"cd"]), b.recvmsg(10), a.sendmsg([b"q"]), b.recvmsg_into([bytearray(1)]))
print(a.fileno() >= 0, repr(a.detach() >= 0), a.fileno())

path = f"\0typhon-test-{os.getpid()}"
s = socket.socket(socket.AF_UNIX)
s.bind(path)
s.listen()
c = socket.socket(socket.AF_UNIX)
c.connect(path)
print(s.getsockname() == path.encode(), c.getpeername() == path.encode(), c.getsockname())
s.close(), c.close()

s = socket.socket()
show(lambda: s.connect(("127.0.0.1", 1)))
print(s.connect_ex(("127.0.0.1", 1)) == errno.ECONNREFUSED)
for bad in [lambda: s.connect("x"), lambda: s.connect(("127.0.0.1",)), lambda: s.connect(("127.0.0.1", 99999)),
            lambda: s.bind(("127.0.0.1", "x")), lambda: s.settimeout(-1), lambda: s.recv(-1), lambda: s.sendto(b"x"),
            lambda: s.setsockopt(1, 2, None), lambda: s.setsockopt(1, 2, "x"), lambda: s.getsockopt(1, 2, 9999),
            lambda: socket.inet_aton("1.2.3.4.5"), lambda: socket.inet_pton(socket.AF_INET, "x"),
            lambda: socket.inet_ntop(99, b""), lambda: socket.getaddrinfo("x", {}), lambda: socket.htons(-1),
            lambda: socket.htons(70000), lambda: socket.getservbyname("nope"), lambda: socket.socket(99999),
            lambda: socket.socket(fileno=-1), lambda: socket.socket(fileno=r), lambda: socket.getaddrinfo("127.0.0.1", 1, family=99)]:
    show(bad)
print(socket.inet_aton("127.1"), socket.inet_aton("0x7f.1"), socket.inet_ntoa(b"\1\2\3\4"), socket.inet_pton(socket.AF_INET6, "::1")[-1])
print(socket.getaddrinfo("127.0.0.1", "80", type=socket.SOCK_STREAM), socket.getaddrinfo("::1", 1, socket.AF_INET6, socket.SOCK_DGRAM))
print(socket.getnameinfo(("127.0.0.1", 80), socket.NI_NUMERICHOST | socket.NI_NUMERICSERV), socket.ntohl(1), socket.htons(1))
print(s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 2)), s.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8))
print(s.close(), s)
socket.setdefaulttimeout(3)
with socket.socket() as s:
    print(s.gettimeout(), socket.getdefaulttimeout())
socket.setdefaulttimeout(None)

a, b = socket.socketpair()
for kind in selectors.SelectSelector, selectors.PollSelector, selectors.EpollSelector:
    with kind() as sel:
        sel.register(a, selectors.EVENT_READ, "a")
        sel.register(b, selectors.EVENT_WRITE, "b")
        first = sorted((k.data, e) for k, e in sel.select(1))
        b.send(b"x")
        second = sorted((k.data, e) for k, e in sel.select(1))
        a.recv(1)
        sel.modify(b, 0 + selectors.EVENT_READ, "c")
        print(first, second, sel.select(0), sel.unregister(a).data)
e = select.epoll()
e.register(a, select.EPOLLIN | select.EPOLLET)
print(e.poll(0), e.closed, e.fileno() >= 0)
e.close()
show(lambda: e.poll())
show(lambda: select.select([-1], [], []))
show(lambda: select.select([], [], [], -1))
show(lambda: select.poll().unregister(3))
