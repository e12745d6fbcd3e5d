//! Exceptions made without an interpreter: constructors, fields, texts, groups.

use typhon_object::args::Args;
use typhon_object::error::Res;
use typhon_object::thread::{Hooks, Thread};
use typhon_object::ty::TypeDef;
use typhon_object::types::exceptions as exc;
use typhon_object::{Value, attr, call, names, ops, process, strs, tuple, type_of};

fn with_thread<R>(f: impl FnOnce(&Thread) -> R) -> R {
    process::set_up();
    let hooks = Hooks {
        on_breaker: |_| Ok(()),
        unraisable: |_, _, _, _| {},
        warn: |_, _, _, _| Ok(()),
        import: |t, _| Err(typhon_object::error::system_error(t, "no imports here")),
        handled: |_| Value::ABSENT,
        super_frame: |t| Err(typhon_object::error::runtime_error(t, "super(): no current frame")),
        globals: |_| Value::ABSENT,
    };
    let t = Thread::new(hooks, 64 << 20);
    let out = t.attach(4 << 20, f);
    t.close();
    out
}

fn make(t: &Thread, def: &'static TypeDef, args: &[Value]) -> Res {
    call::call(t, &def.ty().value(), args)
}

fn s(t: &Thread, text: &str) -> Value {
    strs::new(t, text).unwrap()
}

fn shown(t: &Thread, v: &Value) -> String {
    strs::display(&ops::str(t, v).unwrap())
}

#[test]
fn an_errno_chooses_the_subclass_and_files_leave_the_arguments() {
    with_thread(|t| {
        let args = [Value::small(2), s(t, "No such file"), Value::small(7), Value::NONE, Value::small(8)];
        let e = make(t, &exc::OS_ERROR, &args).unwrap();
        assert_eq!(type_of(&e).name(), "FileNotFoundError");
        assert_eq!(shown(t, &e), "[Errno 2] No such file: 7 -> 8");
        assert_eq!(attr::get_text(t, &e, "errno").unwrap().as_small(), Some(2));
        let args = attr::get_text(t, &e, "args").unwrap();
        assert_eq!(args.downcast::<tuple::Tuple>().unwrap().len(), 2);
        let e = make(t, &exc::OS_ERROR, &[s(t, "just a text")]).unwrap();
        assert_eq!(type_of(&e).name(), "OSError");
        assert_eq!(shown(t, &e), "just a text");
        assert!(attr::get_text(t, &e, "filename").unwrap().is_none());
    });
}

#[test]
fn fields_come_from_arguments_and_keywords() {
    with_thread(|t| {
        let e = make(t, &exc::STOP_ITERATION, &[Value::small(4), Value::small(5)]).unwrap();
        assert_eq!(attr::get_text(t, &e, "value").unwrap().as_small(), Some(4));
        let name = names::intern_text(t, "name");
        let args = Args { values: &[s(t, "msg"), s(t, "mod")], names: &[name] };
        let e = call::call_args(t, &exc::IMPORT_ERROR.ty().value(), args).unwrap();
        assert_eq!(shown(t, &attr::get_text(t, &e, "name").unwrap()), "mod");
        assert_eq!(shown(t, &e), "msg");
        let wrong = Args { values: &[Value::NONE], names: &[names::intern_text(t, "nope")] };
        let refused = call::call_args(t, &exc::NAME_ERROR.ty().value(), wrong).unwrap_err();
        assert_eq!(shown(t, refused.value()), "NameError() got an unexpected keyword argument 'nope'");
        let key = make(t, &exc::SYSTEM_EXIT, &[Value::small(1), Value::small(2)]).unwrap();
        assert!(attr::get_text(t, &key, "code").unwrap().downcast::<tuple::Tuple>().is_some());
    });
}

#[test]
fn a_syntax_error_says_where() {
    with_thread(|t| {
        let info = [s(t, "/a/b.py"), Value::small(3), Value::small(1), s(t, "x =")];
        let e = make(t, &exc::SYNTAX_ERROR, &[s(t, "bad"), tuple::new(t, &info).unwrap()]).unwrap();
        assert_eq!(shown(t, &e), "bad (b.py, line 3)");
        let short = tuple::new(t, &info[..3]).unwrap();
        let refused = make(t, &exc::SYNTAX_ERROR, &[s(t, "bad"), short]).unwrap_err();
        assert_eq!(shown(t, refused.value()), "function takes at least 4 arguments (3 given)");
    });
}

#[test]
fn groups_split_by_type() {
    with_thread(|t| {
        let a = make(t, &exc::VALUE_ERROR, &[Value::small(1)]).unwrap();
        let b = make(t, &exc::TYPE_ERROR, &[Value::small(2)]).unwrap();
        let list = typhon_object::list::List::from_slice(t, &[a.clone(), b.clone()]).unwrap();
        let g = make(t, &exc::BASE_EXCEPTION_GROUP, &[s(t, "eg"), list]).unwrap();
        assert_eq!(type_of(&g).name(), "ExceptionGroup");
        assert!(type_of(&g).is_subtype(exc::EXCEPTION.ty()));
        assert_eq!(shown(t, &g), "eg (2 sub-exceptions)");
        let (yes, no) = exc::split_group(t, &g, &exc::VALUE_ERROR.ty().value()).unwrap();
        let (yes, no) = (yes.unwrap(), no.unwrap());
        assert_eq!(shown(t, &yes), "eg (1 sub-exception)");
        let members = attr::get_text(t, &no, "exceptions").unwrap();
        assert!(members.downcast::<tuple::Tuple>().unwrap().items()[0].is(&b));
        let back = exc::group_projection(t, &g, &[yes]).unwrap().unwrap();
        let members = attr::get_text(t, &back, "exceptions").unwrap();
        assert!(members.downcast::<tuple::Tuple>().unwrap().items()[0].is(&a));
        let exit = make(t, &exc::KEYBOARD_INTERRUPT, &[]).unwrap();
        let list = typhon_object::list::List::from_slice(t, &[exit]).unwrap();
        let refused = make(t, &exc::EXCEPTION_GROUP, &[s(t, "eg"), list]).unwrap_err();
        assert_eq!(shown(t, refused.value()), "Cannot nest BaseExceptions in an ExceptionGroup");
    });
}

#[test]
fn causes_are_checked() {
    with_thread(|t| {
        let e = make(t, &exc::VALUE_ERROR, &[]).unwrap();
        let set = |name: &str, v: Option<&Value>| match attr::set(t, &e, &names::intern_text(t, name), v) {
            Ok(()) => String::new(),
            Err(e) => shown(t, e.value()),
        };
        assert_eq!(
            set("__cause__", Some(&Value::small(1))),
            "exception cause must be None or derive from BaseException"
        );
        assert_eq!(set("__context__", None), "__context__ may not be deleted");
        assert_eq!(set("__traceback__", Some(&Value::small(1))), "__traceback__ must be a traceback or None");
        assert_eq!(set("__cause__", Some(&make(t, &exc::KEY_ERROR, &[Value::small(1)]).unwrap())), "");
        assert!(attr::get_text(t, &e, "__suppress_context__").unwrap().is_true());
        let u = [s(t, "ascii"), s(t, "a\u{20ac}"), Value::small(1), Value::small(2), s(t, "not in range")];
        let u = make(t, &exc::UNICODE_ENCODE_ERROR, &u).unwrap();
        assert_eq!(shown(t, &u), "'ascii' codec can't encode character '\\u20ac' in position 1: not in range");
    });
}
