//! The overlay: where the packed library's text must differ from the crate it comes from.
//!
//! `rustpython-pylib` carries CPython's library with a few lines changed for RustPython. Each edit here takes one such
//! change back. An edit that no longer finds its line fails the build, so that an update of the crate is noticed.

pub struct Edit {
    pub file: &'static str,
    /// The first line to replace, without its indentation. It must occur exactly once.
    pub line: &'static str,
    /// How many lines go.
    pub count: usize,
    /// What comes in their place, with indentation.
    pub put: &'static str,
}

pub const EDITS: &[Edit] = &[
    Edit { file: "_compat_pickle.py", line: "# NOTE: RUSTPYTHON exceptions", count: 8, put: "" },
    Edit { file: "json/decoder.py", line: "# RUSTPYTHON SPECIFIC", count: 14, put: "" },
    Edit {
        file: "io.py",
        line: "open, open_code, BytesIO, StringIO, BufferedReader,",
        count: 1,
        put: "                 open, open_code, FileIO, BytesIO, StringIO, BufferedReader,\n",
    },
    Edit { file: "io.py", line: "# XXX: RUSTPYTHON; FileIO needs host_env, optional without it", count: 6, put: "" },
    Edit {
        file: "io.py",
        line: "if FileIO is not None:  # XXX: RUSTPYTHON; see the try/except above",
        count: 2,
        put: "RawIOBase.register(FileIO)\n",
    },
    Edit {
        file: "site.py",
        line: "return 'RustPython' # XXX: RUSTPYTHON; for site-packages",
        count: 1,
        put: "    return 'Python'\n",
    },
    Edit {
        file: "site.py",
        line: "# XXX: RUSTPYTHON",
        count: 2,
        put: "    return f'{userbase}/lib/python{version[0]}.{version[1]}{abi_thread}/site-packages'\n",
    },
    Edit {
        file: "sysconfig/__init__.py",
        line: "return 'RustPython'  # XXX: RUSTPYTHON; For site-packages",
        count: 1,
        put: "    return 'Python'\n",
    },
    Edit { file: "platform.py", line: "# XXX: RUSTPYTHON support", count: 5, put: "        name = 'CPython'\n" },
    // Not RustPython's: a fix of 3.14 that is younger than the crate (two patterns have the line).
    Edit {
        file: "configparser.py",
        line: "(?:\\s+(?:(?!{delim})\\S)+)*)    # optionally more words",
        count: 1,
        put: "            (?:(?:(?!{delim})\\s)+          # optionally more\n             (?:(?!{delim})\\S)+)*)         #   space-separated words\n",
    },
    Edit {
        file: "configparser.py",
        line: "(?:\\s+(?:(?!{delim})\\S)+)*)    # optionally more words",
        count: 1,
        put: "            (?:(?:(?!{delim})\\s)+          # optionally more\n             (?:(?!{delim})\\S)+)*)         #   space-separated words\n",
    },
    // Not RustPython's: without a system's database and without the tzdata package there is still our own.
    Edit {
        file: "zoneinfo/_common.py",
        line: "raise ZoneInfoNotFoundError(f\"No time zone found with key {key}\")",
        count: 1,
        put: "        import io, sys, _tzdb\n        data = _tzdb.get(key) if sys.modules.get(\"tzdata\", _tzdb) is not None else None\n        if data is not None:\n            return io.BytesIO(data)\n        raise ZoneInfoNotFoundError(f\"No time zone found with key {key}\")\n",
    },
    Edit {
        file: "zoneinfo/_tzpath.py",
        line: "except (ImportError, FileNotFoundError):",
        count: 2,
        put: "    except (ImportError, FileNotFoundError):\n        import sys, _tzdb\n        if sys.modules.get(\"tzdata\", _tzdb) is not None:\n            valid_zones.update(_tzdb.names())\n",
    },
    Edit { file: "unittest/__init__.py", line: "# XXX: RUSTPYTHON", count: 21, put: "" },
    // Of a later 3.14 than the crate's: an instance without a __class__.
    Edit {
        file: "_py_abc.py",
        line: "subclass = instance.__class__",
        count: 1,
        put: "        try:\n            subclass = instance.__class__\n        except AttributeError:\n            subclass = type(instance)\n",
    },
    // Not RustPython's: our modules fill themselves on first use, so walking over them may import others.
    Edit {
        file: "importlib/_bootstrap.py",
        line: "for name, module in sys.modules.items():",
        count: 1,
        put: "    for name, module in list(sys.modules.items()):\n",
    },
];

/// Files of the crate that CPython does not have, and parts that need a window or the network to install.
pub const LEFT_OUT: &[&str] = &[
    "idlelib",
    "tkinter",
    "turtledemo",
    "turtle.py",
    "ensurepip",
    "lib2to3",
    "_pycodecs.py",
    "_dummy_os.py",
    "_dummy_thread.py",
    "dummy_threading.py",
];
