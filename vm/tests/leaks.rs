//! What a closed isolate leaves behind: nothing, however its program ended and whatever it held.

use std::alloc::System;

use typhon_vm::{
    Access, Cancel, CancelReason, Host, HostError, Limits, Metered, Request, Stream, TerminationReason, execute,
};

#[global_allocator]
static ALLOCATOR: Metered<System> = Metered(System);

/// Cancels as soon as the program writes something.
struct Stopper(Cancel);

impl Host for Stopper {
    fn write(&self, _: Stream, _: &[u8]) -> Result<(), HostError> {
        self.0.cancel(CancelReason::ClientGone);
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

/// What a program holds: about two megabytes of one kind.
const HELD: &[&str] = &[
    "import io; x = io.BytesIO(bytes(2_000_000))",
    "import io; x = io.StringIO('x' * 2_000_000)",
    "x = 1 << 16_000_000",
    "x = [10 ** 30 + i for i in range(20_000)]",
    "x = bytearray(2_000_000)",
    "import array; x = array.array('q', range(250_000))",
    "import collections; x = collections.deque(range(250_000))",
    "import decimal; x = [decimal.Decimal('1.' + '7' * 400) for _ in range(2_000)]",
    "import hashlib; x = [hashlib.sha512(b'x') for _ in range(5_000)]",
    "x = [type('A', (), {'f': lambda self: 1}) for _ in range(500)]",
    "x = [(lambda: i) for i in range(5_000)]",
    "x = [compile('a = %d; b = [a, a]' % i, 'x', 'exec') for i in range(500)]\nfor c in x: exec(c)",
    "def g():\n yield 1\nx = [g() for _ in range(5_000)]\nfor y in x: next(y)",
    "import re; x = [re.compile('a%db+(c|d)*' % i) for i in range(300)]",
    "import zlib; x = [zlib.compressobj() for _ in range(8)]",
    "import struct; x = [struct.Struct('%di' % i) for i in range(1, 3_000)]",
    "import threading; x = [threading.Lock() for _ in range(20_000)]",
    "x = memoryview(bytearray(2_000_000))",
    "import weakref\nclass A: pass\nx = [A() for _ in range(10_000)]\ny = [weakref.ref(a) for a in x]",
    "import itertools; x = itertools.tee(range(250_000))\nfor _ in x[0]: pass",
    "import contextvars; x = [contextvars.copy_context() for _ in range(5_000)]",
    "import sys; x = [sys.intern('name%d' % i) for i in range(20_000)]",
    "x = []\nx.append(x)\nimport io; x.append(io.BytesIO(bytes(2_000_000)))",
    "import collections; x = collections.OrderedDict.fromkeys(range(20_000))",
    "x = 0; import json, dataclasses, enum, functools, random",
];

/// Resident memory of this process.
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").expect("procfs");
    text.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).expect("a number") * 4096
}

fn run(held: &str, end: &str) -> TerminationReason {
    let cancel = Cancel::new();
    let source = format!("{held}\n{end}\n");
    let limits = Limits { heap_bytes: Some(64 << 20), ..Limits::default() };
    let request = Request { source: source.into(), filename: "a.py".into(), limits, ..Request::default() };
    execute(&request, &Stopper(cancel.clone()), &cancel).outcome.reason
}

/// Megabytes that the process grows by when the program runs again and again.
fn growth(held: &str, end: &str, reason: TerminationReason) -> usize {
    const RUNS: usize = 12;
    for _ in 0..2 {
        assert_eq!(run(held, end), reason, "{held}");
    }
    let before = resident();
    for _ in 0..RUNS {
        run(held, end);
    }
    resident().saturating_sub(before) >> 20
}

#[test]
fn closed_isolates_leave_nothing() {
    let ends = [
        ("", TerminationReason::Completed),
        ("x = [x]; x.append(x)", TerminationReason::Completed),
        ("print('stop', flush=True)\nwhile True: pass", TerminationReason::ClientGone),
        ("def f(x): print('stop', flush=True); f([x, x])\nf(x)", TerminationReason::ClientGone),
    ];
    let mut leaks = Vec::new();
    for held in HELD {
        for (end, reason) in &ends {
            let grown = growth(held, end, *reason);
            // Each run holds about two megabytes.
            if grown > 8 {
                leaks.push(format!("{grown} MiB, {reason:?}: {held}"));
            }
        }
    }
    assert!(leaks.is_empty(), "{}", leaks.join("\n"));
}
