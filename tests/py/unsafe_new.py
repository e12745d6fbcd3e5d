# No base's __new__ makes an instance of a type whose payload it does not know.
import sys
import types


def generator():
    yield


for base, kind in (
    (object, types.GeneratorType),
    (object, types.FrameType),
    (object, types.BuiltinFunctionType),
    (tuple, type(sys.flags)),
    (tuple, type(sys.version_info)),
    (object, type(generator())),
    (object, list),
    (int, bool),
):
    try:
        base.__new__(kind, ())
    except TypeError as e:
        print(e)
    else:
        print(base.__name__, kind.__name__, "made")
