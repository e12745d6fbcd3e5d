//! One agent's conversation: the handler of its calls, and the sessions that it has named.

use std::collections::BTreeMap;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorData, Implementation, ListToolsResult,
    PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::RequestContext;
use rmcp::{RoleServer, ServerHandler};
use serde_json::json;
use tokio::sync::Mutex;
use typhon_client::Error;

use super::backend::{Backend, is_gone, refusal};
use super::call::{Call, End};
use super::tools::{self, Asked, Misuse, RunPython};

pub struct Agent {
    backend: Backend,
    stateless: bool,
    /// The server's names of sessions, by the agent's own.
    sessions: Mutex<BTreeMap<String, String>>,
}

/// Past this a name is data.
const NAME_MAX: usize = 200;

impl Agent {
    pub fn new(backend: Backend, stateless: bool) -> Agent {
        Agent { backend, stateless, sessions: Mutex::default() }
    }

    /// Deletes the sessions and ends the server in this process.
    pub async fn end(&self) {
        for name in std::mem::take(&mut *self.sessions.lock().await).into_values() {
            // One that is gone already, or a server that is, needs no deleting.
            let _deleted = self.backend.session(name).delete().await;
        }
        self.backend.close().await;
    }

    async fn run(&self, run: RunPython, context: &RequestContext<RoleServer>) -> Result<CallToolResult, ErrorData> {
        let asked = match run.timeout_seconds {
            None => self.backend.budget.wall_time,
            Some(seconds) => match std::time::Duration::try_from_secs_f64(seconds) {
                Ok(time) if !time.is_zero() => time.min(self.backend.budget.wall_time),
                _ => return Err(ErrorData::invalid_params("timeout_seconds: must be positive", None)),
            },
        };
        let session = match run.session.clone() {
            None => None,
            Some(own) => match self.find_or_create(&own).await? {
                Ok(name) => Some((own, name)),
                Err(error) => return Ok(failed(refusal(&error))),
            },
        };
        match Call::new(&self.backend, run, asked, session.clone()).follow(context).await {
            Ok(End::Ran(ran)) => Ok((*ran).into()),
            Ok(End::Cancelled) => Err(ErrorData::internal_error("cancelled", None)),
            Err(error) => Ok(self.explain(&error, session.map(|(own, _)| own)).await),
        }
    }

    /// The server's name of a session; a new one for a name that is new.
    async fn find_or_create(&self, own: &str) -> Result<Result<String, Error>, ErrorData> {
        if own.is_empty() || own.len() > NAME_MAX {
            return Err(ErrorData::invalid_params(format!("session: a name has 1 to {NAME_MAX} bytes"), None));
        }
        // Held while the session is made, so that two calls with a new name share one.
        let mut sessions = self.sessions.lock().await;
        if let Some(name) = sessions.get(own) {
            return Ok(Ok(name.clone()));
        }
        Ok(match self.backend.create_session().await {
            Ok(name) => {
                sessions.insert(own.to_owned(), name.clone());
                Ok(name)
            }
            Err(error) => Err(error),
        })
    }

    /// A refusal, in words that say what to do about it.
    async fn explain(&self, error: &Error, own: Option<String>) -> CallToolResult {
        let Some(own) = own else { return failed(refusal(error)) };
        if is_gone(error) {
            self.sessions.lock().await.remove(&own);
            let text = "what it kept is lost; the next call with this name begins an empty one";
            return failed(format!("session {own:?} is gone: {} ({text})", refusal(error)));
        }
        if error.reason() == Some("SESSION_FAILED") {
            return failed(format!("session {own:?} is broken: {} (call reset_session)", refusal(error)));
        }
        failed(refusal(error))
    }

    async fn list(&self) -> CallToolResult {
        let known: Vec<_> = self.sessions.lock().await.clone().into_iter().collect();
        let mut sessions = Vec::new();
        for (own, name) in known {
            match self.backend.session(name).get().await {
                Ok(session) => sessions.push(json!({
                    "session": own,
                    "state": session.state().as_str_name().trim_start_matches("STATE_"),
                    "executions": session.execution_count,
                    "heap_bytes": session.heap_bytes,
                })),
                Err(error) if is_gone(&error) => {
                    self.sessions.lock().await.remove(&own);
                }
                Err(error) => return failed(refusal(&error)),
            }
        }
        CallToolResult::structured(json!({ "sessions": sessions }))
    }

    async fn reset(&self, own: &str) -> CallToolResult {
        let Some(name) = self.sessions.lock().await.get(own).cloned() else { return unknown(own) };
        match self.backend.session(name).reset().await {
            Ok(()) => CallToolResult::success(vec![ContentBlock::text(format!("session {own:?} is empty"))]),
            Err(error) => self.explain(&error, Some(own.to_owned())).await,
        }
    }

    async fn delete(&self, own: &str) -> CallToolResult {
        let Some(name) = self.sessions.lock().await.remove(own) else { return unknown(own) };
        match self.backend.session(name).delete().await {
            Err(error) if !is_gone(&error) => failed(refusal(&error)),
            _ => CallToolResult::success(vec![ContentBlock::text(format!("session {own:?} is deleted"))]),
        }
    }
}

impl ServerHandler for Agent {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("typhon", env!("CARGO_PKG_VERSION")))
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(tools::list(self.stateless)))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        tools::list(self.stateless).into_iter().find(|tool| tool.name == name)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let asked = tools::parse(&request.name, request.arguments, self.stateless).map_err(|misuse| match misuse {
            Misuse::NoSuchTool => ErrorData::invalid_params(format!("no tool {:?}", request.name), None),
            Misuse::Arguments(problem) => ErrorData::invalid_params(problem, None),
        })?;
        let result = match asked {
            Asked::Run(run) => self.run(run, &context).await?,
            Asked::List => self.list().await,
            Asked::Reset(session) => self.reset(&session).await,
            Asked::Delete(session) => self.delete(&session).await,
        };
        Ok(result.into())
    }
}

fn failed(text: String) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(text)])
}

fn unknown(own: &str) -> CallToolResult {
    failed(format!("there is no session {own:?}"))
}
