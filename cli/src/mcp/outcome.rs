//! What came of a program, for an agent: as text to read and as data to use.

use rmcp::model::{CallToolResult, ContentBlock};
use rmcp::schemars::{self, JsonSchema};
use serde::Serialize;
use typhon_proto::v1;

use crate::show;

/// What came of a program.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct Ran {
    /// COMPLETED, EXCEPTION, EXIT, COMPILE_ERROR, or the limit that was hit: WALL_TIME, CPU_TIME, MEMORY, STACK, OUTPUT,
    /// THREADS, RESULT_SIZE; INTERRUPTED, SERVER_DRAIN, WORKER_CRASH.
    pub outcome: String,
    /// What the program wrote to standard output.
    pub stdout: String,
    pub stderr: String,
    /// Bytes that the program wrote and that are not in stdout and stderr, because they were too many.
    pub dropped_bytes: i64,
    /// The value of the last expression, as Python prints it. Absent when that is None or there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_repr: Option<String>,
    /// The same as JSON. Where JSON has no form for a part of it, that part is a string.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exception: Option<Exception>,
    /// The status the program exited with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
    /// The session it ran in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// What the session kept is lost: reset it before it is used again.
    pub session_lost: bool,
    pub usage: Used,
    pub warnings: Vec<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct Exception {
    /// The class, with its module unless that is builtins.
    pub r#type: String,
    pub message: String,
    pub traceback: String,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct Limit {
    /// WALL_TIME, HEAP_BYTES and so on.
    pub name: String,
    /// Nanoseconds for times, else the limit's own unit.
    pub limit: i64,
    pub used: i64,
}

#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct Used {
    pub wall_seconds: f64,
    pub cpu_seconds: f64,
    pub peak_heap_bytes: i64,
}

impl Ran {
    /// From the answer and the output that came before it; `session` is the agent's own name for it.
    pub fn new(response: v1::ExecuteResponse, stdout: &[u8], stderr: &[u8], session: Option<String>) -> Ran {
        use v1::outcome::Detail;
        let outcome = response.outcome.unwrap_or_default();
        let produced = |output: Option<v1::Output>| output.unwrap_or_default().produced_bytes;
        let kept = i64::try_from(stdout.len() + stderr.len()).unwrap_or(i64::MAX);
        let usage = response.usage.unwrap_or_default();
        let mut ran = Ran {
            outcome: outcome.reason().as_str_name().trim_start_matches("TERMINATION_REASON_").into(),
            stdout: String::from_utf8_lossy(stdout).into_owned(),
            stderr: String::from_utf8_lossy(stderr).into_owned(),
            dropped_bytes: (produced(response.stdout) + produced(response.stderr) - kept).max(0),
            session_lost: session.is_some() && !outcome.session_survives,
            session,
            usage: Used {
                wall_seconds: seconds(usage.wall_time),
                cpu_seconds: seconds(usage.cpu_time),
                peak_heap_bytes: usage.peak_heap_bytes,
            },
            warnings: response.warnings,
            ..Ran::default()
        };
        if let Some(value) = response.result.filter(|value| !show::is_none(value)) {
            ran.value_repr = Some(show::repr(&value));
            ran.value = Some(show::to_json(&value));
        }
        match outcome.detail {
            Some(Detail::Exception(exception)) => ran.exception = Some(Exception::new(&exception)),
            Some(Detail::ExitCode(code)) => ran.exit_code = Some(code),
            Some(Detail::Limit(hit)) => {
                let name = hit.which().as_str_name().trim_start_matches("LIMIT_NAME_").into();
                ran.limit = Some(Limit { name, limit: hit.limit, used: hit.used });
            }
            Some(Detail::Crash(crash)) => ran.warnings.push(crash.message),
            Some(Detail::Completed(_) | Detail::Cancelled(_)) | None => {}
        }
        ran
    }

    fn went_well(&self) -> bool {
        self.outcome == "COMPLETED" || self.exit_code == Some(0)
    }

    /// What an agent reads first.
    fn text(&self) -> String {
        let mut parts = Vec::new();
        let mut part = |title: &str, text: &str| {
            let text = text.trim_end_matches('\n');
            if !text.is_empty() {
                parts.push(if title.is_empty() { text.to_owned() } else { format!("[{title}]\n{text}") });
            }
        };
        part("", &self.stdout);
        part("stderr", &self.stderr);
        if self.dropped_bytes > 0 {
            part("", &format!("[{} more bytes of output were dropped]", self.dropped_bytes));
        }
        part("value", self.value_repr.as_deref().unwrap_or_default());
        if let Some(exception) = &self.exception {
            part("exception", &exception.traceback);
        } else if !self.went_well() {
            part("", &self.end());
        }
        self.warnings.iter().for_each(|warning| part("warning", warning));
        if self.session_lost {
            part("", "[the session's state is lost: call reset_session before using it again]");
        }
        if parts.is_empty() { "[no output, no value]".into() } else { parts.join("\n") }
    }

    fn end(&self) -> String {
        let more = match (&self.limit, self.exit_code) {
            (Some(Limit { name, limit, .. }), _) if name.ends_with("_TIME") => {
                format!(": the limit is {} seconds", *limit as f64 / 1e9)
            }
            (Some(Limit { name, limit, .. }), _) => format!(": {name} is limited to {limit}"),
            (None, Some(code)) => format!(" {code}"),
            (None, None) => String::new(),
        };
        format!("[ended with {}{more}]", self.outcome)
    }
}

impl Exception {
    fn new(exception: &v1::PyException) -> Exception {
        let mut traceback = show::exception(exception);
        if !exception.hint.is_empty() && !traceback.contains(&exception.hint) {
            traceback = format!("{}\nHint: {}", traceback.trim_end(), exception.hint);
        }
        let r#type = exception.r#type.as_ref().map(show::type_name).unwrap_or_default();
        Exception { r#type, message: exception.message.clone(), traceback }
    }
}

/// A result with both forms. An exception, a limit or a status other than 0 is marked as an error.
impl From<Ran> for CallToolResult {
    fn from(ran: Ran) -> CallToolResult {
        let text = vec![ContentBlock::text(ran.text())];
        let mut result = if ran.went_well() { CallToolResult::success(text) } else { CallToolResult::error(text) };
        // No type in there can fail to become JSON: its maps have strings for keys.
        result.structured_content = serde_json::to_value(&ran).ok();
        result
    }
}

fn seconds(time: Option<prost_types::Duration>) -> f64 {
    time.map_or(0.0, |time| time.seconds as f64 + f64::from(time.nanos) / 1e9)
}
