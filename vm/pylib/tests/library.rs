//! The embedded library is whole, can be found, and is CPython's.

use typhon_pylib::{Entry, Name, find, list, paths, size, source};

#[test]
fn every_file_unpacks_to_its_size() {
    let mut count = 0;
    for path in paths() {
        assert_eq!(source(path).map(|text| text.len()), size(path), "{path}");
        count += 1;
    }
    assert!(count > 450, "{count} files");
}

#[test]
fn modules_are_found_by_their_dotted_names() {
    assert_eq!(find("os"), Some(Entry { path: "os.py", is_package: false }));
    assert_eq!(find("json"), Some(Entry { path: "json/__init__.py", is_package: true }));
    assert_eq!(find("json.decoder"), Some(Entry { path: "json/decoder.py", is_package: false }));
    assert_eq!(find("xml.etree.ElementTree").map(|entry| entry.is_package), Some(false));
    for absent in ["", "json.nothing", "os.path", "../os", "json/decoder", "idlelib", "test"] {
        assert_eq!(find(absent), None, "{absent}");
    }
}

#[test]
fn folders_list_what_is_in_them() {
    let json = list("json");
    let decoder = Name { name: "decoder.py", is_folder: false };
    assert!(json.contains(&decoder) && json.contains(&Name { name: "__init__.py", is_folder: false }), "{json:?}");
    assert_eq!(json, list("json/"));
    assert!(list("").contains(&Name { name: "json", is_folder: true }));
    assert!(list("").contains(&Name { name: "os.py", is_folder: false }));
    assert!(list("os.py").is_empty() && list("nothing").is_empty());
}

#[test]
fn edits_of_rustpython_are_taken_back() {
    let text = |path| String::from_utf8(source(path).expect("the file is packed")).expect("UTF-8");
    assert!(text("site.py").contains("def _get_implementation():\n    return 'Python'\n"));
    assert!(text("platform.py").contains("        name = 'CPython'\n        if builddate is None:\n"));
    assert!(text("io.py").contains("    __doc__ = _io._TextIOBase.__doc__\n\nRawIOBase.register(FileIO)\n\n"));
    assert!(text("io.py").contains("TextIOWrapper)\n\n# for seek()\n"));
    assert!(text("json/decoder.py").contains("    \"\"\"\n    # Note that this exception is used from _json\n"));
    assert!(text("_compat_pickle.py").contains("(\"WindowsError\",)\n\nfor excname in PYTHON2_EXCEPTIONS:\n"));
    assert!(!text("unittest/__init__.py").contains("expectedFailureIf"));
}
