//! An isolate's memory limit, seen from outside: the process's resident memory.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use typhon_vm::{
    Access, Cancel, Host, HostError, Limits, Malloc, Metered, Request, Response, Stream, TerminationReason,
};

/// The one that ships: what a process keeps of freed memory depends on it.
#[global_allocator]
static ALLOCATOR: Metered<Malloc> = Metered(Malloc);

const LIMIT: usize = 64 << 20;
/// What the process may grow beyond it: code that is read once, the allocator's slack, what is taken between two polls.
const SLACK: usize = 40 << 20;

struct Deaf;

impl Host for Deaf {
    fn write(&self, _: Stream, _: &[u8]) -> Result<(), HostError> {
        Ok(())
    }

    fn read_stdin(&self, _: &mut [u8]) -> Result<usize, HostError> {
        Ok(0)
    }

    fn entropy(&self, buffer: &mut [u8]) -> Result<(), HostError> {
        buffer.fill(1);
        Ok(())
    }

    fn permit(&self, _: Access<'_>) -> Result<(), HostError> {
        Err(HostError::Denied("nothing is permitted here".into()))
    }
}

/// Programs that take until they are refused.
const PROGRAMS: &[&str] = &[
    "x = b'x'\nwhile True: x = x + x",
    "x = 'é'\nwhile True: x = x + x",
    "x = []\nwhile True: x.append(None)",
    "x = []\nwhile True: x.append([])",
    "x = []\nwhile True: x.append(1.5e300 * len(x))",
    "x = []\nwhile True: x.append('%d' % len(x))",
    "x = []\nwhile True: x.append(1 << 100)",
    "x = [0]\nwhile True: x += x",
    "x = (0,)\nwhile True: x = x * 2",
    "x = {}\nwhile True: x[len(x)] = None",
    "x = set()\nwhile True: x.add(len(x))",
    "x = bytearray()\nwhile True: x.extend(bytes(1000))",
    "x = 3\nwhile True: x = x * x",
    "x = 3\nwhile True: x = x << 1000000",
    "class A: pass\nx = []\nwhile True: x.append(A()); x[-1].a = x",
    "x = None\nwhile True: x = (x,)",
    "x = []\nwhile True: x.append(lambda: x)",
    "def f(n): yield from (f(n - 1) if n else iter([0] * 10 ** 9))\nlist(f(10))",
    "x = []\nwhile True:\n try:\n  while True: x.append(bytes(2000))\n except MemoryError: pass",
    "x = []\nwhile True:\n try:\n  while True: x.append(object())\n except BaseException: pass",
    "def f():\n try: g()\n finally: f()\ndef g():\n x = []\n while True: x.append([])\nf()",
    "list(range(10 ** 12))",
    "tuple(iter(int, 1))",
    "set(range(10 ** 12))",
    "dict.fromkeys(range(10 ** 12))",
    "sorted(iter(int, 1))",
    "[*iter(int, 1)]",
    "''.join(iter(str, 1))",
    "b''.join(iter(bytes, 1))",
    "bytes(iter(int, 1))",
    "bytearray(iter(int, 1))",
    "'x' * 10 ** 10",
    "bytes(10 ** 10)",
    "bytearray(10 ** 10)",
    "[None] * 10 ** 9",
    "'%1000000000d' % 1",
    "'{:1000000000}'.format(1)",
    "'x'.ljust(10 ** 10)",
    "'\\t'.expandtabs(10 ** 9)",
    "('a' * 10 ** 6).replace('a', 'b' * 10 ** 6)",
    "(b'a' * 10 ** 6).replace(b'a', b'b' * 10 ** 6)",
    "('a ' * 10 ** 7).split()",
    "('a\\n' * 10 ** 7).splitlines()",
    "('a' * 10 ** 6).translate({97: 'b' * 10 ** 6})",
    "repr([1] * 10 ** 6 * 100)",
    "10 ** 10 ** 9",
    "1 << 10 ** 12",
    "import math\nmath.factorial(10 ** 9)",
    "import itertools\nlist(itertools.count())",
    "import itertools\nlist(itertools.product(range(1000), repeat=10))",
    "import itertools\nx = itertools.tee(itertools.count())\nfor _ in x[0]: pass",
    "import itertools\nlist(itertools.permutations(range(10 ** 6)))",
    "import collections\ncollections.deque(iter(int, 1))",
    "import collections\ncollections.Counter(range(10 ** 12))",
    "import collections\ncollections.OrderedDict.fromkeys(range(10 ** 12))",
    "import io\nx = io.BytesIO()\nwhile True: x.write(bytes(100000))",
    "import io\nx = io.BytesIO()\nx.seek(10 ** 12)\nx.write(b'x')",
    "import io\nx = io.StringIO()\nwhile True: x.write('x' * 100000)",
    "import re\nre.findall('', 'a' * 10 ** 7)",
    "import re\nre.sub('a', 'b' * 10 ** 6, 'a' * 10 ** 6)",
    "import re\nre.match('(?:(a)|b)*' * 50, 'ab' * 10 ** 7)",
    "import json\njson.loads('[' * 900 + ']' * 900)\njson.dumps(list(range(10 ** 7)))",
    "import json\njson.loads('[' + '[],' * 10 ** 7 + '0]')",
    "import struct\nstruct.unpack('10000000B', bytes(10 ** 7) * 1)",
    "import struct\nstruct.pack('10000000000x')",
    "import decimal\ndecimal.getcontext().prec = 10 ** 9\ndecimal.Decimal(1) / 7",
    "import decimal\ndecimal.Decimal(10) ** 10 ** 9 + 1\nint(decimal.Decimal(10) ** 999999) ** 10000",
    "import base64\nbase64.b64encode(bytes(3 * 10 ** 7)) * 2",
    "import random\nrandom.getrandbits(10 ** 12)",
    "import random\nrandom.randbytes(10 ** 10)",
    "memoryview(bytes(10 ** 7)).tolist() * 10",
    "import heapq\nheapq.nlargest(10 ** 9, iter(int, 1))",
    "import copy\ncopy.deepcopy([[i] for i in range(10 ** 7)])",
    "import pickle\npickle.dumps(list(range(10 ** 7))) * 10",
    "x = []\nwhile True: x.append(compile('a = 1; b = 2', 'a', 'exec'))",
    "exec('x = [' + '[],' * 10 ** 6 + ']\\ny = x * 100')",
    "exec('x = [' + '[a],' * 10 ** 6 + ']')",
    "exec('x = [' + '- - - 1,' * 10 ** 6 + ']')",
    "exec('x = [' + '{a: b},' * 10 ** 6 + ']')",
    "exec('x = [' + 'f(a, b=c),' * 10 ** 6 + ']')",
    "exec('x = [' + 'lambda: 0,' * 10 ** 6 + ']')",
    "exec('x = [' + '\"\",' * 10 ** 6 + ']')",
    "exec('f\"{a}{b}\";' * 10 ** 6)",
    "exec('a;' * 2 * 10 ** 6)",
    "exec('a b ' * 2 * 10 ** 6)",
    "exec('def f(): pass\\n' * 10 ** 6)",
    "exec('a = 1\\n' * 10 ** 6)",
    "import ast\nast.parse('a.b = [c]\\n' * 10 ** 6)",
    "import symtable\nsymtable.symtable('class A: x = y\\n' * 10 ** 6, 'a', 'exec')",
    "x = (1 << 100_000_000) - 1\nwhile True: x = x * 3 + x // 7",
    "x = (1 << 100_000_000) - 1\ny = []\nwhile True: y.append(x ^ len(y))",
    "x = []\nwhile True: x.append(type('A', (), {}))",
    "x = []\nwhile True: x.append(Exception(x))",
    "import sys\nx = []\nwhile True: x.append(sys.intern('n%d' % len(x)))",
    "def f(x): return f([x])\nimport sys\nsys.setrecursionlimit(10 ** 6)\nf(0)",
    "import _thread\nx = []\nwhile True: x.append(_thread.allocate_lock())",
    "import unicodedata\nunicodedata.normalize('NFKD', '\\ufdfa' * 10 ** 7)",
    "import zlib\nzlib.decompress(zlib.compress(bytes(10 ** 7)) * 1, bufsize=10 ** 10)",
];

/// Resident memory of this process.
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").expect("procfs");
    text.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).expect("a number") * 4096
}

fn run(source: &str) -> Response {
    let limits = Limits { heap_bytes: Some(LIMIT as u64), stack_depth: Some(1000), ..Limits::default() };
    let request = Request { source: source.into(), filename: "a.py".into(), limits, ..Request::default() };
    let body = move || typhon_vm::execute(&request, &Deaf, &Cancel::new());
    let thread = std::thread::Builder::new().stack_size(64 << 20).spawn(body).expect("a thread");
    thread.join().expect("the engine does not panic")
}

#[test]
#[ignore = "takes minutes: a slow suite, see docs/testing.md"]
fn the_process_grows_by_little_more_than_the_limit() {
    run("import json, re, collections, decimal, itertools, random, copy, pickle, struct, base64, heapq");
    let mut broken = Vec::new();
    for source in PROGRAMS {
        let before = resident();
        let (done, ended) = channel::<()>();
        let watcher = std::thread::spawn(move || {
            let mut most = resident();
            while ended.recv_timeout(Duration::from_millis(1)) == Err(RecvTimeoutError::Timeout) {
                most = most.max(resident());
            }
            most
        });
        let response = run(source);
        drop(done);
        let grown = watcher.join().expect("no panic").saturating_sub(before);
        let reason = response.outcome.reason;
        let refused = matches!(reason, TerminationReason::Memory | TerminationReason::Stack);
        // What a program asks for that is too long for any machine is another error; and some end within the limit.
        let ended = matches!(reason, TerminationReason::Exception | TerminationReason::Completed);
        if grown > LIMIT + SLACK || !(refused || ended) {
            broken.push(format!("{} MiB, {reason:?}: {source}", grown >> 20));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
