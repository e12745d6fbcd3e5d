"""Makes table.txt: run it with CPython 3.14 and the path of CPython's test package's folder.

    python3.14 tests/make_table.py FOLDER > tests/table.txt

Lines: `P groups word...` is a pattern (words in hex), `# ...` shows it; `R op pos endpos subject result` runs it.
A subject is the hex of its characters joined by dots. Ops: s search, m match, f fullmatch, a all searches of a
scanner, c all matches of a scanner. A result is `-` or start,end,lastindex[,gstart,gend]..., several joined by `;`.
"""
import ast, random, re, signal, sys, unittest, warnings
from re import _compiler, _parser

warnings.simplefilter("ignore")
sys.path.insert(0, sys.argv[1])
rows = {}          # (pattern, flags) -> [(op, pos, endpos, subject)]


def add(pattern, flags, subject, ops="smfa", pos=0, endpos=None):
    if not isinstance(subject, (str, bytes)) or isinstance(subject, str) != isinstance(pattern, str):
        return
    if len(subject) > 400:
        return
    known = rows.setdefault((pattern, int(flags)), [])
    for op in ops:
        item = (op, pos, len(subject) if endpos is None else endpos, subject)
        if item not in known:
            known.append(item)


def show(m):
    if m is None:
        return "-"
    out = [m.start(), m.end(), m.lastindex or 0]
    for g in range(1, m.re.groups + 1):
        out.extend(m.span(g))
    return ",".join(map(str, out))


def run(p, op, pos, endpos, subject):
    if op in "ac":
        scanner = p.scanner(subject, pos, endpos)
        step = scanner.search if op == "a" else scanner.match
        out = []
        while (m := step()) is not None:
            out.append(show(m))
        return ";".join(out) or "-"
    return show({"s": p.search, "m": p.match, "f": p.fullmatch}[op](subject, pos, endpos))


def harvest_tests():
    """CPython's own tests: what they compile and what they run it on."""
    from test.re_tests import tests
    for t in tests:
        add(t[0], 0, t[1])
        add(t[0], re.I, t[1], "s")
    real = re._compile

    class Proxy:
        def __init__(self, p): self._p = p
        def __getattr__(self, name):
            value = getattr(self._p, name)
            if name in ("match", "search", "fullmatch", "findall", "finditer", "split", "sub", "subn", "scanner"):
                def call(*args, **kw):
                    subject = kw.get("string", args[0] if args else None)
                    if name in ("sub", "subn") and len(args) > 1:
                        subject = args[1]
                    span = args[1:3] if name in ("match", "search", "fullmatch", "findall") else ()
                    try:
                        add(self._p.pattern, self._p.flags & 0x15E, subject)
                        if span:
                            add(self._p.pattern, self._p.flags & 0x15E, subject, "smfa", *span)
                    except TypeError:
                        pass
                    return value(*args, **kw)
                return call
            return value

    re._compile = lambda pattern, flags: (
        real(pattern, flags) if isinstance(pattern, Proxy) or int(flags) & re.DEBUG else Proxy(real(pattern, flags)))
    from test import test_re
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(test_re.ReTests)
    signal.signal(signal.SIGALRM, lambda *a: (_ for _ in ()).throw(TimeoutError()))
    for test in suite:
        if any(word in test._testMethodName for word in ("large", "memory", "stack", "locale", "regression_gh94675")):
            continue
        signal.alarm(5)
        try:
            test.run(unittest.TestResult())
        except BaseException:
            pass
        signal.alarm(0)
    re._compile = real


HAND = [
    (r"(?i)\u212a", "k K \u212a"), (r"(?i)[\u212a]", "k K \u212a"), (r"(?i)k", "k K \u212a"), (r"(?i)s+", "sS\u017f"),
    (r"(?i)[^s]+", "abS\u017fs"), (r"(?ia)[a-z]+", "ABc\u212a"), (r"(?i)\xe9", "\xc9\xe9"), (r"(?ia)\xe9", "\xc9\xe9"),
    (r"(?i)[\u0430-\u044f]+", "\u041f\u0440\u0438\u0432\u0435\u0442"), (r"[\u0430-\u044f\u0401]+", "\u041f\u0440\u0438\u0451\u0401"),
    (r"(?i)[\U00010400-\U00010410]+", "\U00010428\U00010400x"), (r"(?i)\U00010400", "\U00010428"),
    (r"[\U00010400-\U00010410a-c\u3042]+", "ab\u3042\U00010401z"), (r"(?i)(\U00010400)\1", "\U00010428\U00010400"),
    (r"[abcxyz\u0100\u0200\u0300\u0400-\u0450]+", "ax\u0300\u0410Q"), (r"[^abcxyz\u0100\u0200\u0300\u0400-\u0450]+", "ax\u0300\u0410Q\u9999"),
    (r"\w+", "a\xb5\u0660_\u4e2d-\u00b2"), (r"\W+", "a \u2028-\u4e2d"), (r"\d+", "12\u0663\xb2"), (r"\s+", "\x1c\x85\xa0\u2003 a"),
    (r"(?a)\w+", "a\xb5\u0660_"), (r"(?a)\s+", "\x1c \t"), (r"\b\w+\b", "foo \u4e2d\u6587 bar"), (r"\B", ""), (r"\B", "ab"), (r"(?a)\B\w", "\xe9a"),
    (r"(?L)\w+", b"ab\xe9_1"), (r"(?iL)abc", b"ABC abc"), (r"(?iL)[a-c]+", b"ABCabcd"), (r"(?iL)[^a]", b"A"), (r"(?iL)(a)\1", b"aA"),
    (r"(?iL)[^a]x", b"Axbx"), (r"(?L)\bA\b", b"A \xe9A"), (r"(?L)\BA", b"A \xe9AA"), (r"(?iL)a+", b"aAa"), (r"(?iL)a*?b", b"aAB"), (r"(?iL)[^\x00-z]", b"{\xe9"),
    (r"(a)(?(1)b|c)", "ab ac"), (r"(?:(a)|x)(?(1)b|c)", "ab xc xb"), (r"(a)?(?(1)b)", "ab b a"), (r"(?P<q>['\"])?\w+(?(q)(?P=q))", "'ab' \"cd' ef"),
    (r"((a)x*(?(1)b|c))d", "axcd"), (r"(?:a|b)*?c", "ababc"), (r"(?:(a)|b)*", "abab"), (r"(?:(a)|(b))*", "abba"), (r"(?:(a)|(b))*?c", "abbac"),
    (r"(?:(a)|b){2,3}", "abab"), (r"(?:(a)|b){2,3}?b", "ababb"), (r"(a*)*", "aab"), (r"(a*)+", "aab"), (r"(a*?)*", "aab"), (r"(?:a*){2,}b", "aab"), (r"(a|)*b", "aab"),
    (r"(?:a?)*?b", "aab"), (r"(?:){3}", "x"), (r"(?:a?){3}", "aaaa"), (r"(?:a{2,3}){2}", "aaaaaa"), (r"(?:(a{2})|a)+b", "aaaaab"), (r"(?:ab){0}c", "abc"),
    (r"(?:ab){1}c", "abc"), (r"(?:ab){,2}c", "abababc"), (r"(?:ab)??c", "abc"), (r"(?:(ab))?c", "abcc"), (r"(?:(ab))??c", "abcc"),
    (r"(?>a*)b", "aab"), (r"(?>a*)ab", "aab"), (r"(?>a*?)b", "aab"), (r"(?>a|ab)c", "abc"), (r"(?>(a)|b)*c", "abc"), (r"(?>(?:a|ab)*)c", "aabc"), (r"((?>a+)b)+", "aabab"),
    (r"a*+b", "aab"), (r"a*+a", "aab"), (r"a++a", "aaa"), (r"a?+a", "a aa"), (r"a{1,2}+a", "aaa"), (r"(?:ab)*+a", "ababa"), (r"(?:ab)*+ab", "abab"), (r"(?:ab)++c", "ababc"), (r"(?:ab)?+c", "abc"),
    (r"(?:(a)|b)*+c", "abac"), (r"(?:a?)*+b", "aab"), (r"(?:a|b?){2,4}+c", "abac"), (r"(?:(a)(?:b|(c)))*+", "abacab"), (r"(?:a*+b)*+c", "aabbc"), (r"[^\s\S]*a", "a"), (r"[\s\S]+", "a\n"), (r"x|[^\s\S]", "x"),
    (r"(?=a)\w", "ba"), (r"(?=(a+))a*b\1", "aaabaaab"), (r"(?=(a+))", "baa"), (r"(?!a)\w", "ab"), (r"(?!(a)b)a", "acab"), (r"(?<=a)b", "bab"), (r"(?<!a)b", "bab"), (r"(?<=ab|cd)e", "abecde"),
    (r"(?<=(.))b", "ab"), (r"(?<!(.)x)b", "axbb"), (r"(?<=^a)b", "abab"), (r"(?<![a-z])\d", "a1 2"), (r"(?<=\b)a", "a ba"), (r"(?:(?=(\w))\1)+", "abc"), (r"(?:(?!b).)*", "aab"), (r"((?!\1)a|b)*", "ab"), (r"(?!)a|b", "ab"), (r"(?<!)a", "a"),
    (r"^a", "a\na"), (r"(?m)^a", "a\na\nba"), (r"a$", "a\na\n"), (r"(?m)a$", "a\na\n"), (r"a\Z", "a\na"), (r"\Aa", "a\na"), (r"(?m)^$", "\n\n"), (r"(?m)^", "a\nb\n"), (r"$", "a\n"), (r"(?m)$", "a\n\n"), (r"\Z", "a\n"), (r"a\z", "ba"),
    (r".*", "ab\ncd"), (r"(?s).*", "ab\ncd"), (r".*?b", "aab\nb"), (r"(?s).*?d", "ab\ncd"), (r".+?", "abc"), (r"a.{2,4}?c", "abcbcbc"), (r"a.{2,}b", "axxbxb"), (r"(?s).+\n", "a\nb\nc"), (r"a.*c.*b", "acbcb"),
    (r"[^,]*,", "ab,cd,"), (r"[^,]*?,", "ab,cd,"), (r"\w+@\w+\.com", "me@x.com you@y.org z@w.com"), (r"[\w.]+@[\w.]+\.\w+", "a.b@c.d.e x@y"), (r"(\w+)\s\1", "the the cat cat"), (r"(?i)(\w+)\s\1", "The tHE cat Cat"), (r"(?ia)(\w+)\s\1", "The tHE"),
    (r"(a+)(b*)(c?)", "aabbc ab"), (r"(a)|(b)|(c)", "abc"), (r"((a)|(b))+", "abba"), (r"(a(b)?)+", "aba"), (r"((a)?b)*", "abb"), (r"(([ab])+?)+c", "abac"), (r"(?:x(a)?)*y", "xaxy"), (r"(a)?b\1", "bab aba"), (r"(a)?\1b", "b aab"), (r"(?:(a)|b\1)+", "aba"),
    (r"abc", "xxabcabc"), (r"aab", "aaab"), (r"abab", "abaabab"), (r"(ab)c", "ababc"), (r"a(bc)d", "abcabcd"), (r"ab|ac|ad", "xadac"), (r"(?:ab|ac|ad)+z", "abacadz"), (r"a|b|c|d|e|f|g|hh|ii|j|", "hij"), (r"|a", "a"), (r"a|", "a"), (r"(|a)+", "aa"), (r"(a|b|ab)*c", "abac"),
    (r"[a-c]x", "xaxcx"), (r"[ab]", "xxb"), (r"[abc]", "xxc"), (r"[abcd\u4e00]", "xx\u4e00d"), (r"[^a]", "aab"), (r"[^\n]", "\nb"), (r"\x00", "a\0"), (r"", "ab"), (r"x*", "axb"), (r"x*?", "xx"), (r"(x*)", "axb"), (r"(?:x|y*)", "xyyx"), (r"\b", "ab cd"), (r"(?=b)|a", "ab"), (r"a*", "baac"),
    (r"(?s:.)a", "\na"), (r"(?i:a)b", "Ab AB"), (r"(?-i:a)b", "ab AB"), (r"\ud800", "\ud800x"), (r"[\ud800-\udfff]+", "a\udc00\ud800"), (r".", "\U0001f600"), (r"\U0001f600+", "a\U0001f600\U0001f600"), (r"[^\U0001f600]+", "a\U0001f600b"), (r"(?i)[^\u0130i]+", "\u0130\u0131iI"), (r"(?i)\u0130", "i\u0130\u0307"), (r"(?i)\u0131", "I\u0131"), (r"(?i)\xdf", "\u1e9e\xdf"), (r"(?i)\ufb05", "\ufb06"), (r"(?i)[\u01c4]", "\u01c5\u01c6"),
    (r"(?i)[a-z\xc0-\xde]+", "\xe9\xc9Zz\xd7"), (r"(?i)[\u0370-\u03ff]+", "\u03c2\u03a3\u03c3\u00b5"), (r"(?i)\u03c2", "\u03a3\u03c3"), (r"(?i)[^\u03c2]", "\u03a3\u03c3x"), (r"(?i)[A-Z]", "\u017f\u212a"), (r"(?i)a[^b]c", "aBcaxC"), (r"(?i)a*b+?c", "AaBbC"), (r"(?i)[ab]*?c", "aBC"), (r"(?i)(?:ab|cd)+e", "aBCdE"), (r"(?ia)[^a]+", "abA"), (r"(?ia)a{2}", "aAa"), (r"(?i)[^a]{2}", "AbCd"),
    (r"(a+)+$", "aab"), (r"(?:a?){60}a{60}", "aa"), (r"\w+", "ab"), (r"[^,]*,", "a,"),
    ("|".join("w%02d" % i for i in range(150)), "w00 w99 w149 w63 w64 w62"), ("(" + ")|(".join("k%d" % i for i in range(70)) + ")", "k69 k0 k5"), ("(?:" * 60 + "a" + ")*" * 60, "aaa"), ("a?" * 12 + "a" * 12, "a" * 12), ("(?:a?){12}a{12}", "a" * 12), (r"(?:[a-z]+\s?){2,4}x", "ab cd ef x"),
    (r"([\"'])(?:\\.|(?!\1).)*\1", r"""x 'a\'b' "c'd" """), (r"\s*(?:(\d+)|(\w+)|(.))", "12 ab + cd"), (r"(?x) ( \d+ ) (?: \. ( \d+ ) )?", "3.14 15"), (r"<(\w+)[^>]*>.*?</\1>", "<b x=1>bold</b><i>it</b></i>"), (r"(?m)^(\s*)(\w+)\s*=\s*(.*?)\s*$", "a = 1\n  b=  two \n#"), (r"(?:(\d+)-)?(\d+)", "1-2 3 4-"), (r"(\d{1,3})(?=(?:\d{3})+\b)", "1234567"), (r"(?<!\d)\d{2}(?!\d)", "1 22 333 44"),
]


def hand():
    for pattern, subject in HAND:
        if isinstance(subject, bytes):
            pattern = pattern.encode("latin-1")
        add(pattern, 0, subject, "smfac")
        n = len(subject)
        for pos, endpos in ((1, n), (0, n - 1), (2, n - 1), (n, n)):
            add(pattern, 0, subject, "smfa", pos, max(endpos, 0))


def rand_pattern(r, depth, groups):
    def atom():
        k = r.randrange(30)
        if k < 10 or depth <= 0:
            return r.choice(["a", "b", "c", "A", r"\n", "_", "1", ".", "[ab]", "[^a]", r"\w", r"\W", r"\d", r"[a-c1]", r"[^\w]", r"[b-cB_\xe9]", r"\s", "\xe9", "\u0416", r"[\u0410-\u044fa]"])
        if k < 12:
            return r.choice([r"\b", r"\B", "^", "$", r"\A", r"\Z"])
        if k < 18:
            groups[0] += 1
            return "(" + rand_pattern(r, depth - 1, groups) + ")"
        if k < 21:
            return "(?:" + rand_pattern(r, depth - 1, groups) + ")"
        if k < 23:
            return r.choice(["(?=", "(?!", "(?>"]) + rand_pattern(r, depth - 1, groups) + ")"
        if k < 24:
            return r.choice(["(?<=", "(?<!"]) + r.choice(["a", "b", "ab", r"\w", "a|b", "(?:a|b)c", "[ab]."]) + ")"
        if k < 26 and groups[0]:
            return "\\%d" % r.randint(1, groups[0]) + "(?:)"
        if k < 28 and groups[0]:
            return "(?(%d)%s|%s)" % (r.randint(1, groups[0]), r.choice("abc"), rand_pattern(r, 0, groups))
        return r.choice("abc")
    ways = []
    for _ in range(r.choice([1, 1, 1, 2, 2, 3])):
        seq = []
        for _ in range(r.randint(0 if depth else 1, 4)):
            seq.append(atom() + r.choice(["", "", "", "", "*", "+", "?", "*?", "+?", "??", "{2}", "{1,2}", "{0,2}?", "{2,}", "*+", "++", "?+", "{1,2}+"]))
        ways.append("".join(seq))
    return "|".join(ways)


def rand(count):
    r = random.Random(20230612)
    made = 0
    while made < count:
        pattern = rand_pattern(r, 3, [0])
        flags = r.choice([0, 0, 0, re.I, re.I, re.A, re.M, re.S, re.I | re.A, re.I | re.M | re.S])
        try:
            p = re.compile(pattern, flags)
        except (re.PatternError, OverflowError, RecursionError):
            continue
        if len(pattern) > 80:
            continue
        made += 1
        for _ in range(2):
            subject = "".join(r.choice("aaabbbccA_1\n \xe9\u0416") for _ in range(r.randint(0, 9)))
            for op in r.sample("smfac", 2):
                add(pattern, flags, subject, op)


def main():
    if len(sys.argv) > 2:
        rand(int(sys.argv[2]))
    else:
        harvest_tests()
        hand()
        rand(400)
    signal.signal(signal.SIGALRM, lambda *a: (_ for _ in ()).throw(TimeoutError()))
    out = sys.stdout
    for (pattern, flags), items in rows.items():
        try:
            p = re.compile(pattern, flags)
            tree = _parser.parse(pattern, flags)
            code = _compiler._code(tree, flags)
        except (re.PatternError, OverflowError, ValueError):
            continue
        if len(code) > 3000:
            continue
        lines = []
        for op, pos, endpos, subject in items:
            signal.alarm(2)
            try:
                result = run(p, op, pos, endpos, subject)
            except TimeoutError:
                continue
            finally:
                signal.alarm(0)
            text = ".".join("%x" % (c if isinstance(c, int) else ord(c)) for c in subject)
            lines.append("R %s %d %d %s %s" % (op, pos, endpos, text or "-", result))
        if lines:
            print("#", ascii(pattern), flags, file=out)
            print("P", p.groups, *("%x" % w for w in code), file=out)
            print("\n".join(lines), file=out)


main()
