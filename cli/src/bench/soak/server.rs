//! A server in a process of its own, and what it and its worker processes hold.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};

/// Settings under which what is kept for a while is full, or gone, in the first minutes.
const SETTINGS: &[(&str, &str)] = &[
    ("listen", "127.0.0.1:0"),
    ("isolation_least", "in_process"),
    ("compiled_bytes_max", "8MiB"),
    ("programs_bytes_max", "8MiB"),
    ("executions_bytes_max", "16MiB"),
    ("execution_ttl", "1s"),
    ("snapshots_bytes_max", "64MiB"),
    ("log", "warn"),
];
/// The same for machine code, which the environment tells worker processes as well.
const CODE: &[(&str, &str)] = &[("TYPHON_JIT_CODE_BYTES", "4194304"), ("TYPHON_JIT_CACHE_BYTES", "4194304")];
/// By this, in the environment, its worker processes are found, those that are copies of others and whose parents are gone among them.
const MARK: &str = "TYPHON_SOAK";
/// How often it is looked at while it works.
const LOOK: Duration = Duration::from_millis(500);
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Server {
    process: Child,
    pub url: String,
    mark: Vec<u8>,
}

/// What it holds at one time.
#[derive(Clone, Copy, Debug, Default)]
pub struct State {
    /// Bytes in memory, of the server and of its worker processes.
    pub server: u64,
    pub workers: u64,
    pub processes: usize,
    /// Of all processes.
    pub threads: usize,
    pub descriptors: usize,
}

impl State {
    pub fn of_server(&self) -> u64 {
        self.server
    }

    pub fn of_workers(&self) -> u64 {
        self.workers
    }

    pub fn of_threads(&self) -> u64 {
        self.threads as u64
    }

    pub fn of_descriptors(&self) -> u64 {
        self.descriptors as u64
    }
}

impl Server {
    pub fn start() -> anyhow::Result<Server> {
        let mark = std::process::id().to_string();
        let flags = SETTINGS.iter().map(|(name, value)| format!("--{}={value}", name.replace('_', "-")));
        let mut process = Command::new("/proc/self/exe")
            .arg("serve")
            .args(flags)
            .envs(CODE.iter().copied())
            .env(MARK, &mark)
            .stdout(Stdio::piped())
            .spawn()
            .context("a server")?;
        let mut said = String::new();
        BufReader::new(process.stdout.take().context("its words")?).read_line(&mut said)?;
        let url = said.trim().rsplit(' ').next().filter(|word| word.starts_with("http://"));
        let url = url.with_context(|| format!("it does not serve: {said}"))?.to_owned();
        Ok(Server { process, url, mark: format!("{MARK}={mark}").into_bytes() })
    }

    /// The most that all of it held while something was done, as far as looking now and then can tell.
    pub async fn peak_while(&self, what: impl Future<Output = ()>) -> anyhow::Result<u64> {
        let mut most = 0;
        tokio::pin!(what);
        loop {
            tokio::select! {
                () = &mut what => return Ok(most),
                () = tokio::time::sleep(LOOK) => {
                    let state = self.state()?;
                    most = most.max(state.server + state.workers);
                }
            }
        }
    }

    pub fn state(&self) -> anyhow::Result<State> {
        let mut state = State::default();
        for entry in std::fs::read_dir("/proc")? {
            let path = entry?.path();
            // Of others' processes it is not ours to know, and one that is gone by now holds nothing.
            let Ok(environment) = std::fs::read(path.join("environ")) else { continue };
            if !environment.split(|byte| *byte == 0).any(|word| word == self.mark) {
                continue;
            }
            let Some((memory, threads)) = status(&path) else { continue };
            match path.file_name() == Some(&OsString::from(self.process.id().to_string())) {
                true => state.server += memory,
                false => state.workers += memory,
            }
            state.processes += 1;
            state.threads += threads;
            state.descriptors += std::fs::read_dir(path.join("fd")).map_or(0, Iterator::count);
        }
        (state.server > 0).then_some(state).context("the server is gone")
    }

    /// Asks it to drain.
    pub async fn end(&mut self) -> anyhow::Result<ExitStatus> {
        kill_process(Pid::from_child(&self.process), Signal::TERM)?;
        let asked = std::time::Instant::now();
        loop {
            if let Some(status) = self.process.try_wait()? {
                return Ok(status);
            }
            anyhow::ensure!(asked.elapsed() < PATIENCE, "the server does not end");
            tokio::time::sleep(LOOK).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that has ended is not there to be killed.
        let _killed = self.process.kill();
        let _ended = self.process.wait();
    }
}

/// Bytes in memory, and threads.
fn status(process: &Path) -> Option<(u64, usize)> {
    let text = std::fs::read_to_string(process.join("status")).ok()?;
    let number = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()
    };
    Some((number("VmRSS:")? * 1024, usize::try_from(number("Threads:")?).ok()?))
}
