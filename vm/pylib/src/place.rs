//! Where the library's files seem to lie. Shared with the build script, which puts the names into code.

/// The library's folder on `sys.path`.
pub const FOLDER: &str = "/typhon/lib/python3.14";

/// The file name that a library file's code bears. importlib's two halves have CPython's names for them.
pub fn filename(path: &str) -> String {
    match path {
        "importlib/_bootstrap.py" => "<frozen importlib._bootstrap>".to_owned(),
        "importlib/_bootstrap_external.py" => "<frozen importlib._bootstrap_external>".to_owned(),
        _ => format!("{FOLDER}/{path}"),
    }
}
