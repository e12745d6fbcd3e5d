//! Unicode 16.0 as CPython 3.14 sees it.
