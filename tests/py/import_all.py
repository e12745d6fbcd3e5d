"""Imports each module of the library that ordinary programs use, and does one ordinary thing with it."""

import importlib


def use_abc(m):
    class Shape(m.ABC):
        @m.abstractmethod
        def area(self): ...
    try:
        Shape()
    except TypeError as e:
        return e


def use_argparse(m):
    p = m.ArgumentParser(prog="x")
    p.add_argument("--n", type=int, default=1)
    p.add_argument("names", nargs="*")
    return p.parse_args(["--n", "3", "a", "b"])


def use_array(m):
    a = m.array("i", [3, 1, 2])
    a.append(9)
    return a, a.tobytes()[:4], sorted(a)


def use_ast(m):
    return m.dump(m.parse("x = 1 + y")), m.literal_eval("{'a': [1, 2.5, None]}")


def use_asyncio(m):
    async def work(n):
        await m.sleep(0.001 * n)
        return n * n

    async def main():
        q = m.Queue()
        for i in range(3):
            q.put_nowait(i)
        got = [await q.get() for _ in range(3)]
        async with m.timeout(5):
            return await m.gather(*map(work, range(4))), got
    return m.run(main())


def use_base64(m):
    return m.b64encode(b"hello"), m.b32decode("NBSWY3DP"), m.b85encode(b"hi there")


def use_bisect(m):
    a = [1, 3, 5]
    m.insort(a, 4)
    return a, m.bisect_left(a, 3)


def use_calendar(m):
    return m.monthrange(2024, 2), m.month(2025, 2)


def use_cmath(m):
    return m.sqrt(-4), m.phase(1j)


def use_collections(m):
    d = m.defaultdict(list)
    d["a"].append(1)
    P = m.namedtuple("P", "x y")
    return d, P(1, 2), m.Counter("abca").most_common(1), m.deque([1, 2], maxlen=2), m.ChainMap({1: 2}, {3: 4})[3], m.OrderedDict(a=1)


def use_collections_abc(m):
    return isinstance([], m.Sequence), isinstance({}, m.Mapping), issubclass(int, m.Hashable)


def use_colorsys(m):
    return m.rgb_to_hsv(0.5, 0.25, 0.0)


def use_concurrent_futures(m):
    f = m.Future()
    f.set_result(7)
    return f.result(), f.done(), [x.result() for x in m.as_completed([f])]


def use_configparser(m):
    c = m.ConfigParser()
    c.read_string("[a]\nx = 1\ny = %(x)s2\n")
    return c["a"]["y"], c.getint("a", "x"), c.sections()


def use_contextlib(m):
    @m.contextmanager
    def cm():
        yield 5
    with cm() as x, m.suppress(KeyError), m.ExitStack() as stack:
        stack.callback(lambda: None)
        {}[1]
    return x


def use_contextvars(m):
    v = m.ContextVar("v", default=1)
    c = m.copy_context()
    c.run(v.set, 2)
    return v.get(), c[v]


def use_copy(m):
    a = [[1], {2: 3}]
    b = m.deepcopy(a)
    b[0].append(2)
    return a, b, m.copy(a) == a


def use_csv(m):
    import io
    f = io.StringIO()
    w = m.writer(f)
    w.writerow(["a", 'b "q"', 3])
    return f.getvalue(), list(m.DictReader(["x,y", "1,2"]))


def use_dataclasses(m):
    @m.dataclass(order=True)
    class P:
        x: int
        y: int = 2
    return P(1), m.asdict(P(3)), P(1) < P(2), m.replace(P(1), y=9)


def use_datetime(m):
    d = m.datetime(2024, 2, 28, 12, 30, tzinfo=m.timezone.utc) + m.timedelta(days=2, seconds=5)
    return d, d.isoformat(), d.strftime("%Y/%m/%d %H:%M"), m.date.fromisoformat("2020-01-02").weekday()


def use_decimal(m):
    m.getcontext().prec = 20
    return m.Decimal(1) / 7, m.Decimal("1.10") + m.Decimal("2.2"), m.Decimal("2").sqrt()


def use_difflib(m):
    return list(m.unified_diff("a\nb".split(), "a\nc".split(), lineterm="")), m.get_close_matches("appel", ["ape", "apple"])


def use_dis(m):
    return m.opname[m.opmap["RETURN_VALUE"]], callable(m.dis)


def use_email(m):
    msg = m.message_from_string("Subject: hi\nTo: a@b.c\n\nbody\n")
    from email.message import EmailMessage
    e = EmailMessage()
    e["Subject"] = "grüße"
    e.set_content("text")
    return msg["subject"], msg.get_payload(), e.as_string()


def use_enum(m):
    class C(m.Enum):
        A = 1
        B = m.auto()
    class F(m.Flag):
        X = 1
        Y = 2
    return C.A, C(2), list(C), F.X | F.Y


def use_errno(m):
    return m.ENOENT, m.errorcode[13]


def use_fnmatch(m):
    return m.fnmatch("a.py", "*.py"), m.translate("a*"), m.filter(["a", "b"], "[!a]")


def use_fractions(m):
    return m.Fraction(3, 6) + 1, m.Fraction("0.125"), m.Fraction(3.14159).limit_denominator(100)


def use_functools(m):
    @m.lru_cache
    def fib(n):
        return n if n < 2 else fib(n - 1) + fib(n - 2)
    return fib(50), m.reduce(lambda a, b: a * b, range(1, 6)), m.partial(int, base=2)("101"), fib.cache_info()


def use_gc(m):
    return m.isenabled(), m.collect() >= 0


def use_getopt(m):
    return m.getopt(["-a", "--bc=1", "x"], "a", ["bc="])


def use_glob(m):
    import os, tempfile
    with tempfile.TemporaryDirectory() as d:
        for n in "b.txt", "a.txt", "c.py":
            open(os.path.join(d, n), "w").close()
        return sorted(map(os.path.basename, m.glob(d + "/*.txt"))), m.escape("a[1]")


def use_graphlib(m):
    return list(m.TopologicalSorter({"d": {"b", "c"}, "b": {"a"}, "c": {"b"}}).static_order())


def use_gzip(m):
    return m.decompress(m.compress(b"data" * 10)) == b"data" * 10


def use_hashlib(m):
    return m.sha256(b"x").hexdigest(), m.md5(b"").hexdigest(), m.new("sha3_256", b"a").hexdigest()[:16], m.blake2b(b"q", digest_size=4).hexdigest()


def use_heapq(m):
    h = [5, 2, 8]
    m.heapify(h)
    m.heappush(h, 1)
    return [m.heappop(h) for _ in range(4)], m.nlargest(2, [1, 4, 3]), list(m.merge([1, 4], [2, 3]))


def use_hmac(m):
    return m.new(b"k", b"m", "sha256").hexdigest()[:16], m.compare_digest("a", "a")


def use_html(m):
    return m.escape("<a & 'b'>"), m.unescape("&lt;&eacute;&#x41;")


def use_http(m):
    from http import cookies, client
    c = cookies.SimpleCookie("a=1; b=2")
    return m.HTTPStatus.NOT_FOUND, m.HTTPStatus(200).phrase, m.HTTPMethod.GET, c["b"].value, client.responses[404]


def use_inspect(m):
    def f(a, b=2, *args, c, **kw): ...
    return str(m.signature(f)), m.isfunction(f), list(m.signature(f).bind(1, c=3).arguments)


def use_io(m):
    t = m.TextIOWrapper(m.BytesIO(b"a\r\nb\n"), newline=None)
    s = m.StringIO("x\ny")
    return t.readlines(), s.readline(), m.BytesIO(b"abc").getbuffer()[1]


def use_ipaddress(m):
    return m.ip_network("10.0.0.0/30").num_addresses, list(m.ip_network("10.0.0.0/30").hosts()), m.ip_address("::1").is_loopback


def use_itertools(m):
    return list(m.chain("ab", "c")), list(m.combinations(range(3), 2)), list(m.batched("abcde", 2)), [(k, len(list(g))) for k, g in m.groupby("aab")]


def use_json(m):
    return m.dumps({"a": [1, None, True, 1.5, "é"]}, sort_keys=True), m.loads('{"x": [1, 2e3]}'), m.dumps([1, {"k": 2}], indent=1)


def use_keyword(m):
    return m.iskeyword("for"), m.softkwlist


def use_linecache(m):
    return m.getline("/nonexistent", 1)


def use_locale(m):
    return m.setlocale(m.LC_ALL, "C"), m.atof("1.5"), m.format_string("%d", 1234567), m.localeconv()["decimal_point"]


def use_logging(m):
    import io
    f = io.StringIO()
    log = m.Logger("x")
    h = m.StreamHandler(f)
    h.setFormatter(m.Formatter("%(levelname)s:%(name)s:%(message)s"))
    log.addHandler(h)
    log.warning("hi %d", 3)
    return f.getvalue()


def use_math(m):
    return m.factorial(20), m.isclose(0.1 + 0.2, 0.3), m.gcd(12, 18), m.fsum([0.1] * 10), m.comb(5, 2)


def use_numbers(m):
    return isinstance(1, m.Integral), isinstance(1.0, m.Rational)


def use_operator(m):
    return m.itemgetter(1)([1, 2]), m.attrgetter("real")(3), m.methodcaller("upper")("a")


def use_os(m):
    r, w = m.pipe()
    m.write(w, b"x")
    got = m.read(r, 5)
    m.close(r), m.close(w)
    return got, m.path.join("a", "b"), m.sep, m.path.splitext("x.tar.gz"), "PATH" in m.environ, m.cpu_count() > 0


def use_pathlib(m):
    import tempfile
    with tempfile.TemporaryDirectory() as d:
        p = m.Path(d) / "x" / "y.txt"
        p.parent.mkdir()
        p.write_text("hello")
        return p.read_text(), p.suffix, p.exists(), [q.name for q in m.Path(d).rglob("*.txt")], m.PurePosixPath("/a/../b").parts


def use_pickle(m):
    return m.loads(m.dumps({"a": (1, [2.5, "x", b"y", None, {3}])})), m.dumps([1])


def use_pkgutil(m):
    return m.resolve_name("os.path:join").__name__


def use_platform(m):
    return m.system(), m.python_version_tuple()[:2], m.python_implementation() != ""


def use_pprint(m):
    return m.pformat({"b": list(range(30)), "a": {"x": "y" * 50}})


def use_queue(m):
    q = m.PriorityQueue()
    for n in 3, 1, 2:
        q.put(n)
    s = m.SimpleQueue()
    s.put(5)
    return [q.get() for _ in range(3)], s.get(), q.empty()


def use_random(m):
    r = m.Random(42)
    return r.random(), r.randint(1, 10), r.sample(range(100), 3), r.choice("abc"), r.gauss(0, 1)


def use_re(m):
    return m.findall(r"(\w)(\d+)", "a12 b3"), m.sub(r"(?P<x>\d)", r"<\g<x>>", "a1b2"), m.split(r"[,;]\s*", "a, b;c"), m.fullmatch("(?i)ABC", "abc")


def use_reprlib(m):
    return m.repr(list(range(20)))


def use_secrets(m):
    return len(m.token_bytes(8)), len(m.token_hex(8)), m.randbelow(1)


def use_select(m):
    import os
    r, w = os.pipe()
    os.write(w, b"x")
    got = m.select([r], [], [], 1)[0] == [r]
    p = m.poll()
    p.register(r, m.POLLIN)
    again = p.poll(0) == [(r, m.POLLIN)]
    os.close(r), os.close(w)
    return got, again


def use_selectors(m):
    import socket
    a, b = socket.socketpair()
    with m.DefaultSelector() as s, a, b:
        s.register(a, m.EVENT_READ, "data")
        b.send(b"x")
        return [(k.data, e) for k, e in s.select(1)]


def use_shlex(m):
    return m.split("a 'b c' \"d\\\"e\""), m.quote("it's"), m.join(["a b", "c"])


def use_shutil(m):
    import os, tempfile
    with tempfile.TemporaryDirectory() as d:
        os.mkdir(d + "/a")
        with open(d + "/a/f", "w") as f:
            f.write("x" * 100)
        m.copytree(d + "/a", d + "/b")
        m.move(d + "/b/f", d + "/g")
        m.rmtree(d + "/a")
        return sorted(os.listdir(d)), os.path.getsize(d + "/g"), m.which("sh") is not None


def use_signal(m):
    got = []
    old = m.signal(m.SIGALRM, lambda n, f: got.append(n))
    m.setitimer(m.ITIMER_REAL, 0.001)
    while not got:
        pass
    m.signal(m.SIGALRM, old)
    return got, m.getsignal(m.SIGINT) is m.default_int_handler, m.strsignal(9)


def use_socket(m):
    with m.create_server(("127.0.0.1", 0)) as server:
        with m.create_connection(server.getsockname()) as c:
            s, peer = server.accept()
            with s:
                c.sendall(b"ping")
                c.shutdown(m.SHUT_WR)
                with s.makefile("rb") as f:
                    return f.read(), peer[0], s.family, m.inet_aton("1.2.3.4"), m.getaddrinfo("127.0.0.1", 80, type=m.SOCK_STREAM)


def use_stat(m):
    return m.filemode(0o100644), m.S_ISDIR(0o40755)


def use_statistics(m):
    return m.mean([1, 2, 4]), m.median([1, 3, 2]), m.stdev([1, 2, 3, 4]), m.mode("aab"), m.quantiles([1, 2, 3, 4])


def use_string(m):
    return m.Template("$a ${b}").substitute(a=1, b=2), m.ascii_lowercase, m.capwords("ab cd")


def use_struct(m):
    return m.pack("<IhB", 1, -2, 3), m.unpack(">d", bytes(8)), m.calcsize("@iq")


def use_subprocess(m):
    import sys
    done = m.run([sys.executable, "-c", "import sys; print(sys.stdin.read().upper()); sys.exit(3)"], input="abc", capture_output=True, text=True)
    return done.stdout, done.returncode, m.check_output(["echo", "hi"]), m.call("exit 4", shell=True)


def use_sys(m):
    return m.version_info[:2], m.maxsize, m.byteorder, m.getrecursionlimit()


def use_tempfile(m):
    with m.NamedTemporaryFile("w+") as f:
        f.write("abc")
        f.seek(0)
        s = m.SpooledTemporaryFile()
        s.write(b"q")
        s.seek(0)
        return f.read(), s.read()


def use_textwrap(m):
    return m.fill("the quick brown fox jumps", 10), m.dedent("  a\n   b"), m.indent("a\nb", "> "), m.shorten("hello big world", 12)


def use_threading(m):
    lock = m.RLock()
    with lock, m.Lock():
        local = m.local()
        local.x = 1
    e = m.Event()
    e.set()
    return m.current_thread().name, e.is_set(), m.active_count(), local.x, m.main_thread() is m.current_thread()


def use_time(m):
    a = m.perf_counter()
    m.sleep(0.001)
    return m.perf_counter() > a, m.strftime("%Y-%m-%d", m.gmtime(0)), m.gmtime(86400).tm_mday, m.strptime("2020-02-03", "%Y-%m-%d")[:3]


def use_timeit(m):
    return m.timeit("x + 1", "x = 1", number=10) >= 0


def use_token(m):
    return m.tok_name[m.NAME], m.EXACT_TOKEN_TYPES["->"] == m.RARROW


def use_tokenize(m):
    import io
    return [(t.type, t.string) for t in m.generate_tokens(io.StringIO("x = f'{y}'\n").readline)]


def use_tomllib(m):
    return m.loads('a = 1\n[b]\nc = [1.5, "x"]\nd = 2020-01-02')


def use_traceback(m):
    try:
        1 / 0
    except ZeroDivisionError as e:
        return m.format_exception_only(e), len(m.extract_tb(e.__traceback__))


def use_types(m):
    return m.SimpleNamespace(a=1), m.MappingProxyType({1: 2}), m.new_class("X").__name__, isinstance(use_types, m.FunctionType)


def use_typing(m):
    class T(m.TypedDict):
        x: int
    return m.Optional[int], m.get_type_hints(T), m.get_args(dict[str, int]), m.cast(int, "x")


def use_unicodedata(m):
    return m.name("é"), m.normalize("NFD", "é") == "e\u0301", m.category("A"), m.east_asian_width("漢")


def use_unittest(m):
    class T(m.TestCase):
        def test_a(self):
            self.assertEqual(1, 1)
        def test_b(self):
            self.assertIn(1, [2])
    r = m.TestResult()
    m.defaultTestLoader.loadTestsFromTestCase(T).run(r)
    from unittest import mock
    x = mock.Mock(return_value=3)
    return r.testsRun, len(r.failures), x(1), x.call_args


def use_urllib_parse(m):
    return m.urlparse("http://u@h:80/p;x?q=1#f"), m.quote("a b/é"), m.parse_qs("a=1&a=2"), m.urljoin("http://a/b/c", "../d"), m.urlencode({"x": "y z"})


def use_uuid(m):
    return m.uuid5(m.NAMESPACE_DNS, "python.org"), m.UUID(int=1).hex, m.uuid4().version


def use_warnings(m):
    with m.catch_warnings(record=True) as w:
        m.simplefilter("always")
        m.warn("careful", UserWarning)
    return [str(x.message) for x in w]


def use_weakref(m):
    class X: ...
    x = X()
    r = m.ref(x)
    d = m.WeakValueDictionary(k=x)
    m.finalize(x, print, "finalized")
    alive = r() is x, len(d)
    del x
    return alive, r(), len(d)


def use_xml_etree(m):
    from xml.etree import ElementTree as ET
    root = ET.fromstring("<a x='1'><b>t</b><b/></a>")
    return root.attrib, [b.text for b in root.iter("b")], ET.tostring(root)


def use_zipfile(m):
    import io
    f = io.BytesIO()
    with m.ZipFile(f, "w", m.ZIP_DEFLATED) as z:
        z.writestr("a/b.txt", "hello" * 20)
    with m.ZipFile(f) as z:
        return z.namelist(), z.read("a/b.txt")[:5], z.testzip()


def use_zlib(m):
    c = m.compressobj()
    data = c.compress(b"abc" * 100) + c.flush()
    return m.decompress(data) == b"abc" * 100, m.crc32(b"abc"), m.adler32(b"abc")


def use_zoneinfo(m):
    import datetime
    z = m.ZoneInfo("Europe/Berlin")
    return datetime.datetime(2024, 7, 1, tzinfo=z).utcoffset(), datetime.datetime(2024, 1, 1, tzinfo=z).tzname()


for use in [v for k, v in list(globals().items()) if k.startswith("use_")]:
    name = use.__name__[4:]
    for package in "collections", "concurrent", "urllib", "xml":
        if name.startswith(package + "_"):
            name = package + "." + name[len(package) + 1:]
    try:
        print(name, use(importlib.import_module(name)), flush=True)
    except BaseException as e:
        print(name, "FAILED", type(e).__name__, e, flush=True)
