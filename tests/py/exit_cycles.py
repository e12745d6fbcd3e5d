# What only cycles hold when the program ends is finalized: a module's own, too, which another module still names.
import sys
import types


class Ending:
    def __init__(self):
        self.me = self

    def __del__(self):
        # In no order that could be relied on.
        print("the end of a cycle")


first = types.ModuleType("first")
exec("def made():\n    return ending", first.__dict__)
first.ending = Ending()
sys.modules["first"] = first
second = types.ModuleType("second")
second.first, second.Ending = first, Ending
exec("ending = Ending()\ndef made():\n    return first", second.__dict__)
sys.modules["second"] = second
ending = Ending()
