# Regular expressions: matching, substitution, splitting, scanners and error texts.
import re


def tr(f):
    try:
        print(f())
    except BaseException as e:
        print(type(e).__name__, e)


p = re.compile(r"(?P<word>\w+)\s+(\d+)?", re.I | re.M)
tr(lambda: p)
m = p.search("say hello 42 times")
tr(lambda: m)
tr(lambda: (m.group(), m.group(1, 2), m["word"], m.groups(), m.groupdict()))
m = re.search(r"(?P<a>x)(y)?(?P<b>z)", "..xz..")
tr(lambda: (m.span(), m.span("a"), m.span(2), m.regs, m.lastindex, m.lastgroup, m.pos, m.endpos, m.string))
tr(lambda: (m.start("b"), m.end("b"), m.expand(r"<\1\2\g<b>>"), m.groups("-"), m.groupdict(0)))
for bad in (3, "q", -1, []):
    tr(lambda: m.group(bad))
tr(lambda: re.findall(r"a(b)?", "ab a"))
tr(lambda: re.findall(r"(a)(b)?", "ab a"))
tr(lambda: re.findall(r"\b", "ab cd"))
tr(lambda: re.split(r"(,)|;", "a,b;c"))
tr(lambda: re.split(r"x*", "axbc", maxsplit=2))
tr(lambda: re.sub(r"(\w)(\w)", r"\2\1", "abcdé"))
tr(lambda: re.sub("a*", "-", "baac"))
tr(lambda: re.subn("b", lambda m: m.group().upper() * 2, "abcb", count=1))
tr(lambda: re.sub(b"a", b"\\\\", b"bab"))
tr(lambda: re.sub("a", lambda m: 3, "xa"))
tr(lambda: re.compile("a").sub(b"c", "a"))
tr(lambda: re.compile("a").match(b"a"))
tr(lambda: re.compile(b"a").match("a"))
tr(lambda: re.compile("a").match(3))
tr(lambda: re.compile("a").match())
tr(lambda: [m.span() for m in re.finditer("a|$", "baa")])
tr(lambda: re.compile("b").search("abab", 2).span())
tr(lambda: re.compile("b").search("abab", 2, 3))
tr(lambda: re.fullmatch("a|ab", "ab"))
tr(lambda: re.match("\U0001f600+", "\U0001f600\U0001f600").span())
tr(lambda: re.compile("x") == re.compile("x"))
tr(lambda: re.compile("x") < re.compile("y"))
tr(lambda: re.compile(b"x", 8192))
tr(lambda: re.compile("a" * 300))
tr(lambda: re.match(".*", "a" * 100))
tr(lambda: re.Pattern[str])
tr(lambda: re.compile("("))
s = re.compile("a").scanner("aab")
tr(lambda: (s.match().span(), s.match().span(), s.match(), s.search()))
tr(lambda: re.Scanner([(r"\d+", lambda s, t: int(t)), (r"\s+", None)]).scan("1 22 x"))
