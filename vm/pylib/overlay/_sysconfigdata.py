"""Build-time variables, as sysconfig expects them. Typhon is not configured by autoconf, so there are few."""
import sys as _sys

_arch = getattr(_sys.implementation, '_multiarch', '')
_tag = 'cpython-314' + _sys.abiflags

build_time_vars = {
    'ABIFLAGS': _sys.abiflags,
    'EXT_SUFFIX': f'.{_tag}-{_arch}.so',
    'HAVE_FORK': 1,
    'LDVERSION': '3.14' + _sys.abiflags,
    'MULTIARCH': _arch,
    'Py_DEBUG': 0,
    'Py_GIL_DISABLED': 1 if 't' in _sys.abiflags else 0,
    'SIZEOF_VOID_P': 8,
    'SOABI': f'{_tag}-{_arch}',
    'TZPATH': '/usr/share/zoneinfo:/usr/lib/zoneinfo:/usr/share/lib/zoneinfo:/etc/zoneinfo',
    'VERSION': '3.14',
    'WITH_DOC_STRINGS': 1,
    'WITH_MIMALLOC': 1,
}
