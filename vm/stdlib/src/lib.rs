//! builtins, sys and the modules that need the interpreter.
