"""Times workloads of regular expressions in CPython and in the engine, and prints the ratios.

    python3.14 examples/bench.py BENCHMARKS ENGINE [WIDTH [WORKLOAD...]]

BENCHMARKS is pyperformance's folder of benchmarks, ENGINE the built example `bench`. Both sides run the same calls on
the same subjects: search, match, and all searches of finditer; the best of some rounds counts.
"""
import importlib.util, os, re, subprocess, sys, tempfile, time, types
from re import _compiler, _parser

ROUNDS = 7


def load(folder, name):
    fake = types.ModuleType("pyperf")
    fake.perf_counter = time.perf_counter
    sys.modules["pyperf"] = fake
    path = os.path.join(folder, "bm_" + name, "run_benchmark.py")
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def record(folder):
    work = {}

    def calls_of(name, thunk):
        calls = []
        real = re._compile

        class Proxy:
            def __init__(self, p): self.p = p
            def note(self, op, subject): calls.append((self.p, op, subject))
            def search(self, s): self.note("s", s); return self.p.search(s)
            def match(self, s): self.note("m", s); return self.p.match(s)
            def findall(self, s): self.note("a", s); return self.p.findall(s)
            def sub(self, r, s, count=0): self.note("s" if count == 1 else "a", s); return self.p.sub(r, s, count)
            def split(self, s, maxsplit=0): self.note("a", s); return self.p.split(s, maxsplit)

        re._compile = lambda p, flags: p if isinstance(p, Proxy) else Proxy(real(p, flags))
        thunk(calls)
        re._compile = real
        work[name] = calls

    def effbot(calls):
        module = load(folder, "regex_effbot")
        for n in (0, 5, 50, 250, 1000, 5000, 10000):
            for p, s in zip(module.gen_regex_table(), module.gen_string_table(n)):
                p.search(s)

    def v8(calls):
        module = load(folder, "regex_v8")
        calls.clear()
        for n in range(12):
            getattr(module, "block%d" % n)()
        seen = {}
        for p, op, s in calls:
            seen[(p, op, s)] = seen.get((p, op, s), 0) + 1
        calls[:] = [(p, op, s) for (p, op, s), n in seen.items() for _ in range(min(n, 20))]

    def dna(calls):
        module = load(folder, "regex_dna")
        module.run_benchmarks(module.init_benchmarks(100000, 42))

    calls_of("regex_effbot", effbot)
    calls_of("regex_v8", v8)
    calls_of("regex_dna", dna)
    lorem = "lorem ipsum dolor sit amet consectetur 12345 adipiscing elit sed do " * 15000 + "joe@example.com"
    one = lambda p, op, s: [(re.compile(p), op, s)]
    work["e-mail, 1 MB"] = one(r"([\w.+-]+)@([\w-]+\.[\w.-]+)", "s", lorem)
    work["e-mail, 1 MB, wide"] = one(r"([\w.+-]+)@([\w-]+\.[\w.-]+)", "s", lorem + "\u4e00")
    work["words, 1 MB"] = one(r"\b\w+\b", "a", lorem)
    work["words, 1 MB, wide"] = one(r"\w+", "a", lorem + "\u4e00")
    work["tokens, 1 MB"] = one(r"\s*(?:(?P<n>\d+(?:\.\d+)?)|(?P<w>[^\W\d]\w*)|(?P<o>.))", "a", lorem)
    work["ignore case, 1 MB"] = one(r"(?i)consec\w+|ADIPISC", "a", lorem)
    work["groups in a loop"] = one(r"(?:(\w)(\w*)\s?)+", "m", lorem[:60000])
    work["lazy"] = one(r"l(.*?)(\d+)\s", "a", lorem)
    work["strings"] = one(r"\"(?:[^\"\\]|\\.)*\"", "a", ("say \"hello \\\" there\" and \"x\" " * 20000))
    work["nested repeats"] = one(r"(a+)+$", "s", "a" * 20 + "b")
    work["alternation loop"] = one(r"(?:ab|ac|b|c)+d", "s", "abcabc" * 100)
    work["csv"] = one(r"([^,\n]*)(?:,|\n|$)", "a", "one,two,three,,five\n" * 30000)
    work["back reference"] = one(r"\b(\w+)\s+\1\b", "a", lorem)
    work["lookahead"] = one(r"\w+(?=\s\d)", "a", lorem)
    return work


def time_calls(calls):
    def run():
        for function, subject in bound:
            function(subject)

    def exhaust(p):
        def function(s):
            for _ in p.finditer(s):
                pass
        return function

    bound = [({"s": p.search, "m": p.match}.get(op) or exhaust(p), s) for p, op, s in calls]
    best = float("inf")
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - begin)
    return best


def main():
    folder, engine = sys.argv[1:3]
    width_min = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    only = sys.argv[4:]
    work = {name: calls for name, calls in record(folder).items() if not only or name in only}
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as out:
        for name, calls in work.items():
            print("W", name, file=out)
            subjects, programs = {}, {}
            for p, op, s in calls:
                if p not in programs:
                    programs[p] = len(programs)
                    tree = _parser.parse(p.pattern, p.flags & 0x15E)
                    print("P", p.groups, *map(int, _compiler._code(tree, p.flags)), file=out)
                if s not in subjects:
                    subjects[s] = len(subjects)
                    codes = list(s) if isinstance(s, bytes) else list(map(ord, s))
                    width = 1 if max(codes, default=0) < 256 else 2 if max(codes) < 65536 else 4
                    print("S", max(width, width_min), *codes, file=out)
                print("C", op, programs[p], subjects[s], file=out)
        out.flush()
        lines = subprocess.run([engine, out.name, str(ROUNDS)], check=True, stdout=subprocess.PIPE, text=True).stdout
    ours = {name: float(seconds) for name, seconds in (line.rsplit(" ", 1) for line in lines.splitlines())}
    for name, calls in work.items():
        cpython = time_calls(calls)
        print("%-22s CPython %9.3f ms  engine %9.3f ms  CPython/engine %8.2f" % (
            name, cpython * 1e3, ours[name] * 1e3, cpython / ours[name]))


main()
