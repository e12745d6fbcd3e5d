//! Programs that ask for more than there is: each ends in an error or a limit, or when it is told to stop, and none of
//! them hangs or takes the process with it.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use typhon_vm::{
    Access, Cancel, CancelReason, Detail, Host, HostError, Limits, Request, Response, Stream, TerminationReason,
};

struct Quiet;

impl Host for Quiet {
    fn write(&self, _: Stream, _: &[u8]) -> Result<(), HostError> {
        Ok(())
    }

    fn read_stdin(&self, _: &mut [u8]) -> Result<usize, HostError> {
        Ok(0)
    }

    fn entropy(&self, buffer: &mut [u8]) -> Result<(), HostError> {
        buffer.fill(7);
        Ok(())
    }

    fn permit(&self, _: Access<'_>) -> Result<(), HostError> {
        Err(HostError::Denied("nothing is permitted".to_owned()))
    }
}

/// Runs a program with 48 MiB until it ends.
fn run(source: &str, cancel: &Cancel) -> Response {
    let request = Request {
        source: source.as_bytes().to_vec(),
        filename: "bad.py".to_owned(),
        limits: Limits { heap_bytes: Some(48 << 20), ..Limits::default() },
        ..Request::default()
    };
    typhon_vm::execute(&request, &Quiet, cancel)
}

/// As [`run`], and tells it to stop after a while.
fn run_stopped(source: &str) -> Response {
    let cancel = Cancel::new();
    let (done, over) = channel::<()>();
    let watchdog = {
        let cancel = cancel.clone();
        std::thread::spawn(move || {
            if over.recv_timeout(Duration::from_millis(150)) == Err(RecvTimeoutError::Timeout) {
                cancel.cancel(CancelReason::ServerDrain);
            }
        })
    };
    let response = run(source, &cancel);
    drop(done);
    watchdog.join().expect("the watchdog ends");
    response
}

fn exception(response: &Response) -> &str {
    match &response.outcome.detail {
        Detail::Exception(e) => &e.type_ref.qualname,
        _ => "",
    }
}

/// What no machine has is refused at once, whatever the limit.
#[test]
fn sizes_are_refused() {
    for source in [
        "'x' * 2**40",
        "b'x' * 2**40",
        "bytearray(b'x') * 2**40",
        "[0] * 2**40",
        "(0,) * 2**40",
        "bytes(2**40)",
        "bytearray(2**40)",
        "list(range(2**60))",
        "import itertools; list(itertools.repeat(0, 2**60))",
        "import itertools; bytearray().extend(itertools.repeat(0, 2**60))",
        "'x'.ljust(2**40)",
        "'x'.center(2**40, '\\u1234')",
        "'7'.zfill(2**40)",
        "b'x'.rjust(2**40)",
        "'%*d' % (2**40, 1)",
        "format(1, '>1099511627776')",
        "f'{1.5:1099511627776}'",
        "('\\t' * 10**5).expandtabs(2**30)",
        "('a' * 10**6).replace('a', 'b' * 10**6)",
        "'x'.join(['y' * 10**6] * 1000)",
        "(b'x' * 10**6).join([b'y'] * 1000)",
        "('x' * 10**6).translate({120: 'y' * 10**6})",
        "(1).to_bytes(2**40, 'big')",
        "1 << 2**40",
        "10 ** 10 ** 8",
        "x = bytearray(10**7)\nfor _ in range(9): x += x",
        "x = [0] * 10**6\nfor _ in range(9): x += x",
        "x = 'x' * 10**6\nfor _ in range(9): x += x",
    ] {
        let response = run(source, &Cancel::new());
        let refused = response.outcome.reason == TerminationReason::Memory || exception(&response) == "MemoryError";
        assert!(refused, "{source}: {:?}", response.outcome);
    }
}

/// What never ends by itself, or not soon, stops when told to; what fills memory may end by that.
#[test]
fn loops_inside_natives_stop() {
    let setup = "import itertools, collections, operator, functools, math, sys\n\
                 from itertools import count, repeat\nsys.set_int_max_str_digits(0)\n";
    for source in [
        "3 ** 10**8 % 7",
        "pow(2**20000 + 1, 2**200000 - 1, 2**20000 + 3)",
        "str(3 ** 10**7)",
        "int('7' * 10**7)",
        "divmod(3 ** 10**7, 7 ** 10**6)",
        "math.factorial(10**7)",
        "math.comb(10**7, 5 * 10**6)",
        "math.isqrt(3 ** 10**7)",
        "sum(range(10**18))",
        "max(range(10**18))",
        "min(count())",
        "0.5 in range(10**18)",
        "range(10**18).index(0.5)",
        "range(10**18).count(0.5)",
        "1 in repeat(0)",
        "operator.countOf(repeat(0), 1)",
        "operator.indexOf(repeat(0), 1)",
        "all(repeat(1))",
        "any(repeat(0))",
        "next(filter(None, repeat(0)))",
        "next(itertools.dropwhile(lambda x: True, repeat(0)))",
        "next(itertools.compress(repeat(0), repeat(0)))",
        "next(itertools.islice(repeat(0), 10**18, None))",
        "collections.deque(repeat(0), maxlen=1)",
        "functools.reduce(lambda a, b: a, repeat(0))",
        "collections.Counter(repeat(0))",
        "list(repeat(0))",
        "tuple(count())",
        "set(count())",
        "frozenset(count())",
        "dict.fromkeys(count())",
        "dict(zip(count(), count()))",
        "sorted(count())",
        "bytes(repeat(1))",
        "bytearray(repeat(1))",
        "''.join(repeat('x'))",
        "b''.join(repeat(b'x'))",
        "[].extend(repeat(0))",
        "a, *b = count()",
        "print(*count())",
        "zip(*repeat(()))",
        "list(map(str, count()))",
        "list(enumerate(repeat(0)))",
        "list(iter(int, 1))",
        "set().update(count())",
        "{0}.isdisjoint(count(1))",
        "{0}.difference_update(count())",
        "{0}.intersection(count(1))",
        "a = [0]\nfor x in a: a.append(x)",
        "a = [0]\na.extend(x for x in a)",
        "list(itertools.product(range(1000), repeat=9))",
        "list(itertools.permutations(range(100)))",
        "itertools.tee(count(), 10**9)",
        "math.prod(count(1))",
        "import hashlib\nhashlib.pbkdf2_hmac('sha256', b'p', b's', 10**9)",
        "import hashlib\nhashlib.scrypt(b'p', salt=b's', n=1 << 14, r=8, p=1 << 10, maxmem=2**31 - 1)",
        "math.fsum(repeat(1.0))",
        "' ' * 10**7 == ' ' * 10**7\nwhile 'a' * 10**7 != 'b': pass",
        "while True: ('a' * 10**6).find('a' * 1000 + 'b')",
        "while True: ('ab' * 10**6).count('ba')",
        "class E:\n  def __eq__(s, o): return False\n  def __hash__(s): return 1\n{E() for _ in range(10**6)}",
        "class E(list):\n  def __eq__(s, o): return False\n[E()] * 10**6 == [E()] * 10**6\nwhile True: pass",
    ] {
        let response = run_stopped(&format!("{setup}{source}"));
        let stopped = matches!(response.outcome.reason, TerminationReason::ServerDrain | TerminationReason::Memory);
        assert!(stopped || exception(&response) == "MemoryError", "{source}: {:?}", response.outcome);
    }
}

/// Little that becomes much: the account refuses before the machine is full.
#[test]
fn bombs_are_defused() {
    for source in [
        "import gzip\ngzip.decompress(gzip.compress(bytes(10**7)) * 50)",
        "import bz2\nbz2.decompress(bz2.compress(bytes(10**6)) * 500)",
        "import lzma\nlzma.decompress(lzma.compress(bytes(10**6)) * 500)",
        "import zlib\nc = zlib.compressobj()\n\
         b = b''.join(c.compress(bytes(10**6)) for _ in range(100)) + c.flush()\nzlib.decompress(b)",
        "import json\njson.loads('[' + '[],' * 10**7 + '0]')",
        "import pickle\nx = []\nfor _ in range(40): x = [x, x, x]\nimport copy\nrepr(copy.deepcopy(x))",
        "eval('[' + '[],' * 10**7 + ']')",
        "'%s' * 10**7 % (('x' * 100,) * 10**7)",
        "'{0}{0}{0}{0}'.format('x' * 10**7) * 2",
        "import string\nstring.Template('$x' * 10**6).substitute(x='y' * 1000)",
        "import textwrap\ntextwrap.indent('a\\n' * 10**6, ' ' * 1000)",
        "import itertools\nlist(itertools.combinations(range(10**3), 3))",
        "import base64\nbase64.b85encode(bytes(10**8))",
        "import unicodedata\nunicodedata.normalize('NFKD', '\\ufdfa' * 10**7)",
    ] {
        let response = run(source, &Cancel::new());
        let refused = response.outcome.reason == TerminationReason::Memory || exception(&response) == "MemoryError";
        assert!(refused, "{source}: {:?}", response.outcome);
    }
}

/// Patterns that try for ever, in the one engine and in what the library builds on it.
#[test]
fn patterns_that_try_for_ever_stop() {
    run("import re, fnmatch, json, textwrap, difflib", &Cancel::new());
    for source in [
        "re.match(r'(a+)+$', 'a' * 60 + 'b')",
        "re.match(r'(a|a)*b', 'a' * 60)",
        "re.match(r'(?:a?){60}a{60}', 'a' * 60)",
        "re.search(r'(x+x+)+y', 'x' * 60)",
        "re.match(r'^(([a-z])+.)+[A-Z]([a-z])+$', 'a' * 60)",
        "re.match(r'(.*)*\\1b', 'a' * 60)",
        "re.sub(r'(a*)*b', '', 'a' * 60)",
        "re.findall(r'(?=(a+)+b)', 'a' * 60)",
        "re.match(r'(?i:(a+)+$)', 'a' * 60 + 'b')",
        "re.compile('(' * 90 + 'a' + '*)' * 90 + '$').match('a' * 60 + 'b')",
        "re.match(b'(a+)+$', b'a' * 60 + b'b')",
        "difflib.SequenceMatcher(None, 'ab' * 10**5, 'ba' * 10**5, autojunk=False).ratio()",
    ] {
        let response = run_stopped(&format!("import re, fnmatch, difflib\n{source}"));
        let stopped = matches!(response.outcome.reason, TerminationReason::ServerDrain | TerminationReason::Memory);
        assert!(stopped || exception(&response) == "MemoryError", "{source}: {:?}", response.outcome);
    }
}

/// Source that is too much of something, run from end to end: what the compiler says reaches the caller, with a text
/// that can be shown.
#[test]
fn hostile_sources_end() {
    let long = |n: usize| "a".repeat(n);
    let nested = |open: &str, close: &str, n: usize| format!("{}1{}", open.repeat(n), close.repeat(n));
    let cases: &[(&str, String)] = &[
        ("", format!("x = '{}'\nassert len(x) == 10**7", long(10_000_000))),
        ("SyntaxError", format!("x = '{}", long(10_000_000))),
        ("SyntaxError", format!("{} $", long(10_000_000))),
        ("NameError", long(1_000_000)),
        ("AttributeError", format!("(1).{}", long(1_000_000))),
        ("SyntaxError", nested("(", ")", 100_000)),
        ("SyntaxError", nested("[", "]", 100_000)),
        ("SyntaxError", nested("{", "}", 100_000)),
        ("SyntaxError", "(".repeat(200_000)),
        ("MemoryError", format!("{}1", "-".repeat(100_000))),
        ("", format!("x = [{}]\nassert len(x) == 10**6", "1,".repeat(1_000_000))),
        ("", format!("x = ({})\nassert len(x) == 200_000", "'a',".repeat(200_000))),
        ("", format!("x = {{{}}}\nassert len(x) == 1", "1:2,".repeat(200_000))),
        ("", format!("y = 0\nx = [{}]\nassert len(x) == 200_000", "y,".repeat(200_000))),
        ("", format!("a = 0\nif a: pass\n{}else: a = 5\nassert a == 5", "elif a: pass\n".repeat(20_000))),
        ("RecursionError", format!("a = 1\na{}", "+a".repeat(100_000))),
        ("ZeroDivisionError", format!("{}1/0", "x = 1;".repeat(200_000))),
        ("SyntaxError", "x = 1\0".to_owned()),
        ("SyntaxError", format!("x = {}", "1".repeat(1_000_000))),
        ("", format!("x = 0x{}", "f".repeat(1_000_000))),
        ("", format!("{}x = 1", "\n".repeat(500_000))),
        ("IndentationError", (0..200).map(|i| format!("{}if 1:\n", " ".repeat(i))).collect()),
        ("", format!("x = f'{}'", "{1}".repeat(100_000))),
        ("SyntaxError", format!("f'{}", "{".repeat(1000))),
        ("", format!("#{}", long(10_000_000))),
        ("", format!("x = 1{}", " ".repeat(10_000_000))),
    ];
    for (expected, source) in cases {
        let head: String = source.chars().take(30).collect();
        let request = Request {
            source: source.as_bytes().to_vec(),
            filename: "bad.py".to_owned(),
            limits: Limits { heap_bytes: Some(1 << 30), ..Limits::default() },
            ..Request::default()
        };
        let response = typhon_vm::execute(&request, &Quiet, &Cancel::new());
        assert_eq!(exception(&response), *expected, "{head}: {:?}", response.outcome.reason);
    }
    for source in [
        &b"x = '\xff'"[..],
        b"# coding: nonsense\n",
        b"\xff\xfex\0=\0",
        b"# coding: utf-16\nx",
        b"\xef\xbb\xbf# coding: latin-1\n",
    ] {
        let request = Request { source: source.to_vec(), filename: "bad.py".to_owned(), ..Request::default() };
        let response = typhon_vm::execute(&request, &Quiet, &Cancel::new());
        assert_eq!(exception(&response), "SyntaxError", "{}", source.escape_ascii());
        assert_eq!(response.outcome.reason, TerminationReason::CompileError);
    }
}
