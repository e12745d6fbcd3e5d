//! The hostile suite: programs of tests/hostile, and how each must end.
//!
//! A file holds many. `#: NAME | END or END ... | OPTION ...` begins one; an END is a termination reason, for EXCEPTION with
//! the class. What stands before a line `#: go` is preparation: it runs without a tight limit where that can be told apart.

use std::path::Path;
use std::time::Duration;

use typhon_proto::v1;

#[derive(Clone, Debug)]
pub struct Program {
    /// The file it is from.
    pub group: String,
    pub name: String,
    pub prepare: String,
    pub text: String,
    /// Any of these is right.
    pub ends: Vec<String>,
    pub options: Options,
}

/// What its request says besides.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub wall: Option<Duration>,
    pub cpu: Option<Duration>,
    pub threads: Option<i32>,
    /// Output that overflows stops the program.
    pub stop: bool,
    /// Wants `repr()` of its last value.
    pub repr: bool,
    /// Means something only in an isolate that ends with it.
    pub fresh: bool,
}

const MARK: &str = "#: ";
const GO: &str = "#: go";

impl Program {
    /// All of it, as one program.
    pub fn whole(&self) -> String {
        format!("{}{}", self.prepare, self.text)
    }

    /// Whether nothing but its time ends it.
    pub fn is_timed(&self) -> bool {
        self.ends.first().is_some_and(|end| end == "WALL_TIME")
    }

    pub fn allows(&self, end: &str) -> bool {
        self.ends.iter().any(|right| right == end)
    }
}

/// How an execution ended, as the suite writes it.
pub fn end(response: &v1::ExecuteResponse) -> String {
    let Some(outcome) = &response.outcome else { return "nothing".to_owned() };
    let reason = outcome.reason().as_str_name().trim_start_matches("TERMINATION_REASON_").to_owned();
    match &outcome.detail {
        Some(v1::outcome::Detail::Exception(exception)) if reason == "EXCEPTION" => {
            let class = exception.r#type.as_ref().map_or("", |class| class.qualname.as_str());
            format!("EXCEPTION {}", class.rsplit('.').next().unwrap_or_default())
        }
        _ => reason,
    }
}

/// All programs of a folder's files, in the order of their names.
pub fn read(folder: &Path) -> Result<Vec<Program>, String> {
    let told = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(told)? {
        let path = entry.map_err(told)?.path();
        if path.extension().is_some_and(|extension| extension == "py") {
            files.push(path);
        }
    }
    files.sort();
    let mut programs = Vec::new();
    for file in files {
        let group = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&file).map_err(told)?;
        parse(&group, &text, &mut programs).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    Ok(programs)
}

fn parse(group: &str, text: &str, programs: &mut Vec<Program>) -> Result<(), String> {
    let first = programs.len();
    for line in text.split_inclusive('\n') {
        let bare = line.trim_end();
        match programs.get_mut(first..).and_then(<[Program]>::last_mut) {
            Some(program) if bare == GO => program.prepare = std::mem::take(&mut program.text),
            _ if bare.starts_with(MARK) => programs.push(begin(group, bare)?),
            Some(program) => program.text.push_str(line),
            None if bare.is_empty() => {}
            None => return Err(format!("{bare:?} belongs to no program")),
        }
    }
    Ok(())
}

fn begin(group: &str, line: &str) -> Result<Program, String> {
    let mut parts = line.trim_start_matches(MARK).split('|').map(str::trim);
    let (Some(name), Some(ends)) = (parts.next(), parts.next()) else { return Err(format!("{line:?} has no end")) };
    let mut options = Options::default();
    for word in parts.next().unwrap_or_default().split_whitespace() {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        let millis = || value.parse().map(|millis| Some(Duration::from_millis(millis)));
        let bad = |_| format!("{word:?} of {name:?}");
        match key {
            "wall" => options.wall = millis().map_err(bad)?,
            "cpu" => options.cpu = millis().map_err(bad)?,
            "threads" => options.threads = Some(value.parse().map_err(bad)?),
            "stop" => options.stop = true,
            "repr" => options.repr = true,
            "fresh" => options.fresh = true,
            _ => return Err(format!("{word:?} of {name:?} is no option")),
        }
    }
    Ok(Program {
        group: group.to_owned(),
        name: name.to_owned(),
        prepare: String::new(),
        text: String::new(),
        ends: ends.split(" or ").map(|end| end.trim().to_owned()).collect(),
        options,
    })
}
