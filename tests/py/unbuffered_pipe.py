# An unbuffered standard output is a pipe's raw stream: it takes a text of any length whole.
import subprocess
import sys

for count in (1, 2047, 2048, 2049, 10_000, 100_000):
    code = f"import sys; sys.stdout.write('y\\n' * {count}); sys.stderr.write('z' * {count})"
    ran = subprocess.run([sys.executable, "-u", "-c", code], capture_output=True)
    print(count, len(ran.stdout), len(ran.stderr), ran.returncode)
