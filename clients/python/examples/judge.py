"""One program over many cases at once, with verdicts as they come.

    typhon serve &
    python examples/judge.py
"""

from typhon_client import Case, Client, Limits

SOLUTION = """
a, b = map(int, input().split())
print(a // b)
"""

CASES = [
    Case("small", stdin="6 3\n", expected_stdout="2"),
    Case("large", stdin=f"{10**50} 7\n", expected_stdout=str(10**50 // 7)),
    Case("zero", stdin="1 0\n", expected_stdout="error"),
]

with Client() as typhon:
    for case in typhon.batch(SOLUTION, CASES, limits=Limits(wall_time=1), max_parallel=2):
        why = case.result.exception if case.result and case.result.exception else ""
        print(f"{case.id}: {case.verdict} {why}")
