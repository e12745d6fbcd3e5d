"""The profiler for programs: `_lsprof` with the interface of the `profile` module."""

__all__ = ["run", "runctx", "Profile"]

import _lsprof
import profile as _profile


def run(statement, filename=None, sort=-1):
    """Run a statement in the main module's namespace, and print its statistics or write them to a file."""
    return _profile._Utils(Profile).run(statement, filename, sort)


def runctx(statement, globals, locals, filename=None, sort=-1):
    """The same in given namespaces."""
    return _profile._Utils(Profile).runctx(statement, globals, locals, filename, sort)


class Profile(_lsprof.Profiler):
    """Profile(timer=None, timeunit=0.0, subcalls=True, builtins=True)

    What functions take, and who calls them. A timer that gives ints goes with a timeunit: how many seconds each is.
    """

    def print_stats(self, sort=-1):
        import pstats

        keys = sort if isinstance(sort, tuple) else (sort,)
        pstats.Stats(self).strip_dirs().sort_stats(*keys).print_stats()

    def dump_stats(self, file):
        import marshal

        self.create_stats()
        with open(file, "wb") as out:
            marshal.dump(self.stats, out)

    def create_stats(self):
        self.disable()
        self.snapshot_stats()

    def snapshot_stats(self):
        """Set `stats`, as `pstats` reads it: for each function its calls, times and callers."""
        entries = self.getstats()
        callers = {id(entry.code): {} for entry in entries}
        self.stats = {
            label(entry.code): (*_times(entry), callers[id(entry.code)]) for entry in entries
        }
        for entry in entries:
            caller = label(entry.code)
            for called in entry.calls or ():
                known = callers.get(id(called.code))
                if known is None:
                    continue
                first, calls, own, total = _times(called)
                # Functions of one name at one place are one in the statistics.
                before = known.get(caller, (0, 0, 0, 0))
                known[caller] = before[0] + calls, before[1] + first, before[2] + own, before[3] + total

    def run(self, cmd):
        import __main__

        return self.runctx(cmd, __main__.__dict__, __main__.__dict__)

    def runctx(self, cmd, globals, locals):
        # Not by `with`: that would be in the statistics.
        self.enable()
        try:
            exec(cmd, globals, locals)
        finally:
            self.disable()
        return self

    def runcall(self, func, /, *args, **kw):
        self.enable()
        try:
            return func(*args, **kw)
        finally:
            self.disable()

    def __enter__(self):
        self.enable()
        return self

    def __exit__(self, *exc_info):
        self.disable()


def _times(entry):
    """Calls that are not recursive, all calls, seconds by itself, seconds with what it calls."""
    return entry.callcount - entry.reccallcount, entry.callcount, entry.inlinetime, entry.totaltime


def label(code):
    """A function as statistics name it: file, line and name."""
    if isinstance(code, str):
        return "~", 0, code
    return code.co_filename, code.co_firstlineno, code.co_name


def _options():
    import argparse
    import pstats

    parser = argparse.ArgumentParser(
        prog="python -m cProfile",
        usage="%(prog)s [-o output_file_path] [-s sort] [-m module | scriptfile] [arg] ...",
        description="Profile a program and print what its functions took.",
    )
    parser.add_argument("-o", "--outfile", help="write the statistics to this file instead of printing them")
    orders = sorted(set(pstats.Stats.sort_arg_dict_default))
    parser.add_argument("-s", "--sort", default=2, metavar="SORT", help="what to sort by; see pstats.Stats")
    parser.add_argument("-m", dest="module", action="store_true", help="profile a module, found as imports are")
    parser.add_argument("program", nargs=argparse.REMAINDER, help="the script, or with -m the module, and its arguments")
    options = parser.parse_args()
    if options.sort != 2 and options.sort not in orders:
        choices = ", ".join(map(repr, orders))
        parser.error(f"option -s: invalid choice: {options.sort!r} (choose from {choices})")
    if not options.program:
        parser.print_usage()
        raise SystemExit(2)
    return options


def main():
    import io
    import os
    import sys
    import types

    options = _options()
    # The program may go to another folder.
    outfile = options.outfile and os.path.abspath(options.outfile)
    sys.argv[:] = options.program
    if options.module:
        code = "run_module(modname, run_name='__main__')"
        import runpy

        namespace = {"run_module": runpy.run_module, "modname": options.program[0]}
    else:
        path = options.program[0]
        sys.path.insert(0, os.path.dirname(path))
        with io.open_code(path) as file:
            code = compile(file.read(), path, "exec")
        # What the program finds as its main module is where it runs; without a spec, it is a program's file, as it is without
        # a profiler, to processes that it starts.
        module = types.ModuleType("__main__")
        module.__file__ = path
        namespace = module.__dict__
        sys.modules["__main__"] = module
    try:
        runctx(code, namespace, None, outfile, options.sort)
    except BrokenPipeError as e:
        # Nobody reads any more, and nobody is to be told so when the program ends.
        sys.stdout = None
        sys.exit(e.errno)


if __name__ == "__main__":
    main()
