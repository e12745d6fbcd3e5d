//! What `site` would find to do in a `python`-like process. Mostly nothing, and then it need not run.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::command::{Command, Program};

/// Whether importing `site` changes more than a few builtins: there is a virtual environment, a folder of packages, a
/// customization, or an entry of `sys.path` to make absolute; or a prompt, which `site` prepares.
pub(crate) fn has_work(command: &Command) -> bool {
    let flags = &command.flags;
    if flags.inspect || flags.verbose > 0 || command.program == Program::Prompt {
        return true;
    }
    let bin = command.executable.parent();
    let venv = [bin, bin.and_then(Path::parent)].into_iter().flatten().any(|folder| folder.join("pyvenv.cfg").exists());
    let user = !(flags.no_user_site || flags.isolated) && user_folders(flags.ignore_environment).any(|f| f.is_dir());
    let repeated = (1..command.path.len()).any(|at| command.path[..at].contains(&command.path[at]));
    venv || user || repeated || command.path.iter().any(|entry| entry.is_relative() || is_custom(entry))
}

fn user_folders(ignore_environment: bool) -> impl Iterator<Item = PathBuf> {
    let chosen = std::env::var_os("PYTHONUSERBASE").filter(|base| !ignore_environment && base != OsStr::new(""));
    let base = chosen.map(PathBuf::from).or_else(|| std::env::home_dir().map(|home| home.join(".local")));
    base.map(|base| base.join("lib/python3.14t/site-packages")).into_iter()
}

/// An archive may hold anything; a folder shows what it holds.
fn is_custom(entry: &Path) -> bool {
    let names = ["sitecustomize", "sitecustomize.py", "usercustomize", "usercustomize.py"];
    entry.is_file() || names.iter().any(|name| entry.join(name).exists())
}
