//! What `typhon --help` teaches.

pub const TEXT: &str = "\
Typhon: Python 3.14 on all cores.

usage:
  typhon [options] FILE [args]     run a program, as python does (also: typhon run ...)
  typhon -c CODE | -m MODULE | -   run a string, a module, or standard input
  typhon                           talk to it: a prompt with history and completion
  typhon eval FILE                 run a program over gRPC and show its result
  typhon serve                     offer that service to others
  typhon mcp                       offer it to an agent, as its Python tool (Model Context Protocol)
  typhon config check              show the settings it would run with, and where each comes from
  typhon dis FILE                  show the bytecode a program becomes
  typhon trace FILE                run a program and show what its loops are compiled to
  typhon bench                     measure the service against an empty gRPC call

try:
  typhon -c 'print(sum(range(10)))'
  typhon eval hello.py --input name='\"world\"'
  typhon serve --listen 127.0.0.1:50451 &
  typhon eval hello.py --server http://127.0.0.1:50451

python's options (typhon [options] FILE; environment variables in brackets):
  -b            warn when bytes are compared with str; -bb makes it an error
  -B            write no .pyc files (never done; sets the flag) [PYTHONDONTWRITEBYTECODE]
  -d            parser debugging flag [PYTHONDEBUG]
  -E            ignore PYTHON* environment variables
  -i            go to the prompt after the program [PYTHONINSPECT]
  -I            isolated: -E, -P and -s
  -O, -OO       without asserts; without docstrings too [PYTHONOPTIMIZE]
  -P            no unsafe first entry in sys.path [PYTHONSAFEPATH]
  -q            no banner at the prompt
  -s, -S        without the user's site folder; without site at all [PYTHONNOUSERSITE]
  -u            unbuffered output [PYTHONUNBUFFERED]
  -v            say what is imported [PYTHONVERBOSE]
  -V, -VV       the version
  -W ACTION     warning filter [PYTHONWARNINGS]
  -x            leave out the file's first line
  -X OPT        implementation option: dev, int_max_str_digits=N
and PYTHONPATH, PYTHONHASHSEED as in CPython.

TYPHON_THREADS=turns lets threads run one at a time, in turns; without it they run at the same time.
TYPHON_VERIFY=1 looks at all of memory after each collection, and ends the process if something is wrong.
Hot loops and functions are compiled to machine code in the background; TYPHON_JIT=0 turns that off, sync does it at once, for tests.

`typhon eval --help`, and so on for each command, says more.
";
