# A name that the process learns after this program has used it stays the same name.
class C:
    pass


c = C()
c.pattern = 1
c.lastgroup = 2
import re

exec("print(c.pattern, c.lastgroup)")
print(getattr(c, "".join(["pat", "tern"])), getattr(c, "".join(["last", "group"])))
print(re.compile("x").pattern)
