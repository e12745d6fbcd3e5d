//! Functions of _codecs, _string, binascii and unicodedata against a table of CPython 3.14's answers
//! (`text_cases.txt`): `module.function(arguments)`, tab, what `ascii()` gave or the exception.

#[path = "../../object/tests/literal/mod.rs"]
#[expect(dead_code, reason = "shared with the tests of typhon-object, which call methods")]
mod literal;

use literal::{Reader, hooks, show, shown};
use typhon_object::args::Args;
use typhon_object::list::List;
use typhon_object::thread::Thread;
use typhon_object::{Value, call, native, ops, process, type_of};

#[test]
fn text_modules_answer_as_cpython() {
    process::set_up();
    let modules = ["_codecs", "_string", "binascii", "unicodedata"];
    for module in typhon_native::MODULES.iter().filter(|m| modules.contains(&m.name)) {
        process::ensure_types(&module.types.iter().map(|(_, def)| *def).collect::<Vec<_>>());
    }
    let t = Thread::new(hooks(), 256 << 20);
    t.attach(1 << 20, |t| {
        let (mut wrong, mut cases) = (Vec::new(), 0);
        for line in include_str!("text_cases.txt").lines() {
            let Some((expression, expected)) = line.split_once('\t') else { continue };
            cases += 1;
            let mut reader = Reader { t, text: expression.chars().collect(), at: 0 };
            let module = reader.identifier();
            assert!(reader.take('.'));
            let name = reader.identifier();
            let (values, names) = reader.arguments();
            let module = typhon_native::MODULES.iter().find(|m| m.name == module).expect("a known module");
            let def = module.functions.iter().find(|f| f.name == name).expect("a known function");
            let f = native::new_function(t, def, Value::ABSENT, Value::ABSENT).unwrap();
            let made = call::call_args(t, &f, Args { values: &values, names: &names });
            // Iterators are shown as the list of their items.
            let made = made.and_then(|v| match type_of(&v).name().ends_with("iterator") {
                true => List::from_vec(t, ops::collect(t, &v)?),
                false => Ok(v),
            });
            let got = match made {
                Ok(v) => show(t, &v),
                Err(e) => shown(t, &e),
            };
            if got != expected {
                wrong.push(format!("{expression}\n    expected {expected}\n    got      {got}"));
            }
        }
        assert!(wrong.is_empty(), "{} of {cases} cases differ:\n{}", wrong.len(), wrong.join("\n"));
    });
    t.close();
}
