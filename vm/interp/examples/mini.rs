//! Runs one file with a handful of builtins: for work on the run loop without the library.
#![expect(clippy::print_stdout, reason = "a program")]

use typhon_object::args::Args;
use typhon_object::dict::Dict;
use typhon_object::native::{self, MethodDef};
use typhon_object::thread::{Hooks, Thread};
use typhon_object::types::{self, exceptions};
use typhon_object::{Res, Value, names, ops, strs, type_of};

static PRINT: MethodDef = native::raw("print", "", print, "");
static LEN: MethodDef =
    native::def("len", "($module, obj, /)", |t, a| Ok(typhon_object::convert::from_usize(ops::len(t, &a[0])?)), "");
static BUILD_CLASS: MethodDef = native::raw("__build_class__", "", build_class, "");

fn build_class(t: &Thread, args: Args<'_>) -> Res {
    let ns = Dict::create(t);
    typhon_interp::call::run_code(t, &args.values[0], Some(&ns))?;
    let bases = typhon_object::tuple::new(t, &args.values[2..])?;
    let meta = types::type_::TYPE.ty().value();
    typhon_object::call::call(t, &meta, &[args.values[1].clone(), bases, ns])
}

fn print(t: &Thread, args: Args<'_>) -> Res {
    let texts = args.values.iter().map(|v| Ok(strs::display(&ops::str(t, v)?))).collect::<Res<Vec<_>>>()?;
    println!("{}", texts.join(" "));
    Ok(Value::NONE)
}

fn main() {
    let path = std::env::args().nth(1).expect("a file");
    std::thread::Builder::new()
        .stack_size(256 << 20)
        .spawn(move || run(&path))
        .expect("a thread")
        .join()
        .expect("no panic");
}

fn run(path: &str) {
    typhon_interp::set_up();
    let hooks = Hooks {
        on_breaker: |_| Ok(()),
        unraisable: |_, e, text, _| println!("{text} {e:?}"),
        warn: |_, _, _, _| Ok(()),
        import: |t, name| Err(typhon_object::error::runtime_error(t, format_args!("no imports: {name}"))),
        handled: |t| typhon_interp::frame::interp(t).handled(),
        super_frame: typhon_interp::query::super_frame,
        globals: typhon_interp::query::globals,
    };
    let t = Thread::new(hooks, 8 << 30);
    t.attach(200 << 20, |t| {
        let _started = typhon_interp::start(t);
        let builtins = Dict::create(t);
        let b = Dict::of(&builtins);
        for def in [&PRINT, &LEN, &BUILD_CLASS] {
            let f = native::new_function(t, def, Value::ABSENT, Value::NONE).expect("small");
            b.set_str(t, &names::intern_text(t, def.name), f).expect("small");
        }
        let classes: &[&typhon_object::TypeDef] = &[
            &types::range::RANGE,
            &types::list_::LIST,
            &types::dict_::DICT,
            &types::int::INT,
            &types::str_::STR,
            &types::tuple_::TUPLE,
            &types::object::OBJECT,
            &types::float::FLOAT,
            &types::type_::TYPE,
            &types::set_::SET,
        ];
        for def in classes.iter().chain(exceptions::ALL) {
            b.set_str(t, &names::intern_text(t, def.name), def.ty().value()).expect("small");
        }
        t.builtins().set(builtins.header().expect("a dict"), builtins.clone());
        let source = std::fs::read_to_string(path).expect("readable");
        let options = typhon_compiler::Options::new(typhon_compiler::Mode::Exec, path);
        let compiled = typhon_compiler::compile(&source, &options).unwrap_or_else(|e| panic!("{e:?}"));
        let globals = Dict::create(t);
        let name = strs::new(t, "__main__").expect("small");
        Dict::of(&globals).set_str(t, names::n::__name__(), name).expect("small");
        let code = typhon_interp::code::new_code(t, &compiled.code).expect("small");
        let f = typhon_interp::function::new(t, &code, &globals, &builtins).expect("small");
        if let Err(e) = typhon_interp::call::run_code(t, &f, Some(&globals)) {
            println!(
                "{}: {}",
                type_of(e.value()).name(),
                ops::str(t, e.value()).map(|s| strs::display(&s)).unwrap_or_default()
            );
            std::process::exit(1);
        }
    });
    t.close();
}
