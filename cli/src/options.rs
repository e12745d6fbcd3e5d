//! Python's own command line: single letters that may be joined, and `-c`, `-m`, a file or `-` that ends them.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use typhon_vm::{Flags, Program};

/// What a command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Asked {
    Run {
        /// `None`: a prompt, or standard input when that is not a terminal.
        program: Option<Program>,
        args: Vec<OsString>,
        flags: Box<Flags>,
        path: Vec<PathBuf>,
    },
    /// `-V`, counted.
    Version(u8),
    Help,
}

/// Why the command line cannot be followed, in CPython's words.
#[derive(Debug, PartialEq, Eq)]
pub enum Misuse {
    /// The usage follows.
    Usage(String),
    /// A setting that makes no sense.
    Fatal(String),
}

/// Reads `args` (without the program's own name); `env` looks up the environment.
pub fn parse(args: &[OsString], env: impl Fn(&str) -> Option<OsString>) -> Result<Asked, Misuse> {
    let mut reader = Reader { flags: Flags::default(), warnings: Vec::new(), version: 0, help: false };
    let mut program = None;
    let mut at = 0;
    while program.is_none() {
        let Some(arg) = args.get(at) else { break };
        at += 1;
        let bytes = arg.as_bytes();
        match bytes {
            b"-" => program = Some(Program::Stdin),
            b"--" => break,
            b"--help" => reader.help = true,
            b"--version" => reader.version += 1,
            b"--check-hash-based-pycs" => at += 1,
            [b'-', b'-', ..] => return Err(Misuse::Usage(format!("Unknown option: {}", arg.display()))),
            [b'-', letters @ ..] => program = reader.letters(letters, args, &mut at)?,
            _ => program = Some(Program::File(PathBuf::from(arg))),
        }
    }
    if reader.help {
        return Ok(Asked::Help);
    }
    if reader.version > 0 {
        return Ok(Asked::Version(reader.version));
    }
    if program.is_none()
        && let Some(file) = args.get(at)
    {
        // After `--`.
        program = Some(if file == "-" { Program::Stdin } else { Program::File(PathBuf::from(file)) });
        at += 1;
    }
    let path = reader.environment(env)?;
    let args = args.get(at..).unwrap_or_default().to_vec();
    Ok(Asked::Run { program, args, flags: Box::new(reader.flags), path })
}

struct Reader {
    flags: Flags,
    /// From `-W`; they weigh more than the environment's.
    warnings: Vec<String>,
    version: u8,
    help: bool,
}

impl Reader {
    fn letters(&mut self, letters: &[u8], args: &[OsString], at: &mut usize) -> Result<Option<Program>, Misuse> {
        let flags = &mut self.flags;
        for (index, letter) in letters.iter().enumerate() {
            match letter {
                b'b' => flags.bytes_warning = flags.bytes_warning.saturating_add(1),
                b'B' => flags.dont_write_bytecode = true,
                b'd' => flags.debug = true,
                b'E' => flags.ignore_environment = true,
                b'h' | b'?' => self.help = true,
                b'i' => flags.inspect = true,
                b'I' => {
                    flags.isolated = true;
                    flags.ignore_environment = true;
                    flags.safe_path = true;
                    flags.no_user_site = true;
                }
                b'O' => flags.optimize = flags.optimize.saturating_add(1),
                b'P' => flags.safe_path = true,
                b'q' => flags.quiet = true,
                // Hash randomization is on unless PYTHONHASHSEED says otherwise.
                b'R' => {}
                b's' => flags.no_user_site = true,
                b'S' => flags.no_site = true,
                b'u' => flags.unbuffered = true,
                b'v' => flags.verbose = flags.verbose.saturating_add(1),
                b'x' => flags.skip_first_line = true,
                b'V' => self.version = self.version.saturating_add(1),
                b'c' | b'm' | b'W' | b'X' => {
                    let value = argument(*letter, &letters[index + 1..], args, at)?;
                    let text = value.to_string_lossy().into_owned();
                    match letter {
                        b'c' => return Ok(Some(Program::Code(text))),
                        b'm' => return Ok(Some(Program::Module(text))),
                        b'W' => self.warnings.push(text),
                        _ => flags.x_options.push(match text.split_once('=') {
                            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                            None => (text, None),
                        }),
                    }
                    return Ok(None);
                }
                other => return Err(Misuse::Usage(format!("Unknown option: -{}", char::from(*other)))),
            }
        }
        Ok(None)
    }

    fn environment(&mut self, env: impl Fn(&str) -> Option<OsString>) -> Result<Vec<PathBuf>, Misuse> {
        let flags = &mut self.flags;
        let ignore = flags.ignore_environment;
        let get = |name: &str| if ignore { None } else { env(name).filter(|value| !value.is_empty()) };
        let is_set = |name: &str| get(name).is_some();
        flags.inspect |= is_set("PYTHONINSPECT");
        flags.unbuffered |= is_set("PYTHONUNBUFFERED");
        flags.dont_write_bytecode |= is_set("PYTHONDONTWRITEBYTECODE");
        flags.no_user_site |= is_set("PYTHONNOUSERSITE");
        flags.safe_path |= is_set("PYTHONSAFEPATH");
        flags.debug |= is_set("PYTHONDEBUG");
        // A number is a level, any other text counts as one; the larger of option and variable holds.
        let level = |name: &str, option: u8| match get(name) {
            Some(value) => option.max(value.to_str().and_then(|text| text.parse().ok()).unwrap_or(1)),
            None => option,
        };
        flags.optimize = level("PYTHONOPTIMIZE", flags.optimize);
        flags.verbose = level("PYTHONVERBOSE", flags.verbose);
        flags.verify = get("TYPHON_VERIFY").is_some_and(|on| on != "0");
        flags.turns = get("TYPHON_THREADS").is_some_and(|how| how == "turns");
        flags.hash_seed = match get("PYTHONHASHSEED") {
            None => None,
            Some(text) if text == "random" => None,
            Some(text) => Some(text.to_str().and_then(|text| text.parse().ok()).ok_or_else(|| {
                Misuse::Fatal(
                    "config_init_hash_seed: PYTHONHASHSEED must be \"random\" or an integer in range [0; 4294967295]"
                        .into(),
                )
            })?),
        };
        if is_set("PYTHONDEVMODE") && !flags.x_options.iter().any(|(name, _)| name == "dev") {
            flags.x_options.push(("dev".into(), None));
        }
        if flags.x_options.iter().any(|(name, _)| name == "dev") {
            flags.warn_options.push("default".into());
        }
        if let Some(options) = get("PYTHONWARNINGS") {
            flags.warn_options.extend(options.to_string_lossy().split(',').map(str::to_owned));
        }
        flags.warn_options.append(&mut self.warnings);
        if flags.bytes_warning > 0 {
            let action = if flags.bytes_warning > 1 { "error" } else { "default" };
            flags.warn_options.push(format!("{action}::BytesWarning"));
        }
        flags.int_max_str_digits = max_digits(flags, get("PYTHONINTMAXSTRDIGITS"))?;
        let path = get("PYTHONPATH").unwrap_or_default();
        Ok(path.as_bytes().split(|byte| *byte == b':').filter(|part| !part.is_empty()).map(to_path).collect())
    }
}

/// The option weighs more than the variable.
fn max_digits(flags: &Flags, variable: Option<OsString>) -> Result<Option<u32>, Misuse> {
    let option = flags.x_options.iter().rev().find(|(name, _)| name == "int_max_str_digits");
    let (place, text) = match (option, variable) {
        (Some((_, value)), _) => ("-X int_max_str_digits", value.clone().unwrap_or_default()),
        (None, Some(text)) => ("PYTHONINTMAXSTRDIGITS", text.to_string_lossy().into_owned()),
        (None, None) => return Ok(None),
    };
    match text.parse() {
        Ok(digits) if digits == 0 || digits >= 640 => Ok(Some(digits)),
        _ => Err(Misuse::Fatal(format!(
            "config_init_int_max_str_digits: {place}: invalid limit; must be >= 640 or 0 for unlimited."
        ))),
    }
}

fn to_path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes))
}

/// The rest of the word, or the next one.
fn argument(letter: u8, rest: &[u8], args: &[OsString], at: &mut usize) -> Result<OsString, Misuse> {
    if !rest.is_empty() {
        return Ok(OsString::from_vec(rest.to_vec()));
    }
    let next = args.get(*at).cloned();
    *at += 1;
    next.ok_or_else(|| Misuse::Usage(format!("Argument expected for the -{} option", char::from(letter))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(words: &str, env: &[(&str, &str)]) -> (Option<Program>, Vec<OsString>, Flags, Vec<PathBuf>) {
        let args: Vec<OsString> = words.split_whitespace().map(OsString::from).collect();
        let look = |name: &str| env.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value));
        match parse(&args, look) {
            Ok(Asked::Run { program, args, flags, path }) => (program, args, *flags, path),
            other => panic!("{words}: {other:?}"),
        }
    }

    fn misuse(words: &str) -> String {
        let args: Vec<OsString> = words.split_whitespace().map(OsString::from).collect();
        match parse(&args, |_| None).expect_err(words) {
            Misuse::Usage(text) | Misuse::Fatal(text) => text,
        }
    }

    #[test]
    fn letters_join_and_end_at_the_program() {
        let (program, args, flags, _) = run("-OBuc print(1) -O x", &[]);
        assert_eq!(program, Some(Program::Code("print(1)".into())));
        assert_eq!(args, ["-O", "x"]);
        assert!(flags.optimize == 1 && flags.dont_write_bytecode && flags.unbuffered);

        let (program, args, flags, _) = run("-IOO -Werror -X dev -Xint_max_str_digits=0 a.py -v", &[]);
        assert_eq!((program, args), (Some(Program::File("a.py".into())), vec!["-v".into()]));
        assert!(flags.isolated && flags.ignore_environment && flags.safe_path && flags.no_user_site);
        assert_eq!((flags.optimize, flags.warn_options), (2, vec!["default".to_owned(), "error".to_owned()]));
        assert_eq!(flags.x_options, [("dev".into(), None), ("int_max_str_digits".into(), Some("0".into()))]);

        assert_eq!(run("-mjson.tool x", &[]).0, Some(Program::Module("json.tool".into())));
        assert_eq!(run("-i -", &[]).0, Some(Program::Stdin));
        assert_eq!(run("-- -x.py", &[]).0, Some(Program::File("-x.py".into())));
        assert_eq!(run("-q", &[]).0, None);
    }

    #[test]
    fn the_environment_weighs_less_and_can_be_ignored() {
        let env = [
            ("PYTHONPATH", "/a::/b"),
            ("PYTHONOPTIMIZE", "2"),
            ("PYTHONWARNINGS", "ignore,default"),
            ("PYTHONHASHSEED", "7"),
            ("PYTHONVERBOSE", "yes"),
            ("PYTHONINSPECT", ""),
        ];
        let (_, _, flags, path) = run("-O -W error x", &env);
        assert_eq!(path, [PathBuf::from("/a"), PathBuf::from("/b")]);
        assert_eq!((flags.optimize, flags.verbose, flags.hash_seed, flags.inspect), (2, 1, Some(7), false));
        assert_eq!(flags.warn_options, ["ignore", "default", "error"]);
        let (_, _, flags, path) = run("-E x", &env);
        assert_eq!((flags, path), (Flags { ignore_environment: true, ..Flags::default() }, Vec::new()));
    }

    #[test]
    fn misuse_is_told_as_cpython_tells_it() {
        assert_eq!(misuse("-z"), "Unknown option: -z");
        assert_eq!(misuse("--nothing"), "Unknown option: --nothing");
        assert_eq!(misuse("-c"), "Argument expected for the -c option");
        assert_eq!(misuse("-Om"), "Argument expected for the -m option");
        let bad = parse(&["x".into()], |name| (name == "PYTHONHASHSEED").then(|| "-1".into()));
        assert!(bad.is_err());
    }

    #[test]
    fn version_and_help_win() {
        assert_eq!(parse(&["-VV".into(), "x".into()], |_| None), Ok(Asked::Version(2)));
        assert_eq!(parse(&["-Oh".into()], |_| None), Ok(Asked::Help));
    }
}
