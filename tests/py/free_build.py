"""What tells a build without the GIL from others says the same everywhere."""

import _sysconfig
import platform
import site
import sys
import sysconfig

free = not sys._is_gil_enabled()
flag = "t" if free else ""
print(bool(sysconfig.get_config_var("Py_GIL_DISABLED")) is free, ("t" in sys.abiflags) is free)
print(("free-threading build" in sys.version) is free, platform.python_version_tuple()[:2])
print(sysconfig.get_config_var("abi_thread") == flag, sysconfig.get_config_var("abiflags") == flag)
print(sysconfig.get_path("purelib", "posix_prefix").endswith(f"/python3.14{flag}/site-packages"))
print(site.getusersitepackages().endswith(f"/python3.14{flag}/site-packages"))
print(f"-314{flag}-" in sysconfig.get_config_var("EXT_SUFFIX"), f"-314{flag}-" in sysconfig.get_config_var("SOABI"))
print(bool(sys.flags.thread_inherit_context) is free, bool(sys.flags.context_aware_warnings) is free)
print(bool(_sysconfig.config_vars()["Py_GIL_DISABLED"]) is free)
# An object's header is twice as large then, and the collector keeps nothing in front of it.
print(sys.getsizeof("") == (57 if free else 41), sys.getsizeof(object()) == (32 if free else 16), sys.getsizeof([]))
