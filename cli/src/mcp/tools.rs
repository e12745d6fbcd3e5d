//! The tools an agent finds: their names, what they take and what they say of themselves.

use std::sync::Arc;

use rmcp::handler::server::common::{schema_for_input, schema_for_output};
use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use rmcp::schemars::{self, JsonSchema};
use serde::Deserialize;

use super::outcome::Ran;

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunPython {
    /// The program. When its last statement is an expression, the value of that is returned.
    pub code: String,
    /// Any name: globals, imports and functions stay under it for later calls with the same name. A name that is new
    /// begins with an empty session. Without a name nothing is kept.
    #[serde(default)]
    pub session: Option<String>,
    /// Globals to set before the program starts: names and JSON values.
    #[serde(default)]
    pub inputs: JsonObject,
    /// What the program reads from standard input.
    #[serde(default)]
    pub stdin: String,
    /// What the program finds in sys.argv after its own name.
    #[serde(default)]
    pub argv: Vec<String>,
    /// Wall time the program may take. The server has a limit that this can only shorten.
    #[serde(default)]
    pub timeout_seconds: Option<f64>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionName {
    /// The name given to run_python.
    pub session: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// What one of the tools is asked to do.
#[derive(Debug)]
pub enum Asked {
    Run(RunPython),
    List,
    Reset(String),
    Delete(String),
}

/// Why the arguments, or the name, make no call.
#[derive(Debug)]
pub enum Misuse {
    NoSuchTool,
    Arguments(String),
}

/// Reads a call. `stateless` hides what has to do with sessions.
pub fn parse(name: &str, arguments: Option<JsonObject>, stateless: bool) -> Result<Asked, Misuse> {
    match name {
        "run_python" => {
            let run: RunPython = read(arguments)?;
            if stateless && run.session.is_some() {
                return Err(Misuse::Arguments("unknown field `session`: this server keeps nothing".into()));
            }
            Ok(Asked::Run(run))
        }
        "list_sessions" if !stateless => read(arguments).map(|Nothing {}| Asked::List),
        "reset_session" if !stateless => read(arguments).map(|SessionName { session }| Asked::Reset(session)),
        "delete_session" if !stateless => read(arguments).map(|SessionName { session }| Asked::Delete(session)),
        _ => Err(Misuse::NoSuchTool),
    }
}

fn read<T: serde::de::DeserializeOwned>(arguments: Option<JsonObject>) -> Result<T, Misuse> {
    serde_json::from_value(serde_json::Value::Object(arguments.unwrap_or_default()))
        .map_err(|error| Misuse::Arguments(error.to_string()))
}

pub fn list(stateless: bool) -> Vec<Tool> {
    let run = Tool::new("run_python", RUN, run_schema(stateless))
        .with_title("Run Python")
        .with_raw_output_schema(schema_for_output::<Ran>())
        .with_annotations(closed().destructive(false));
    if stateless {
        return vec![run];
    }
    let list = Tool::new("list_sessions", "Lists this conversation's sessions.", schema_of::<Nothing>())
        .with_title("List sessions")
        .with_annotations(closed().read_only(true));
    let reset = Tool::new("reset_session", "Empties a session: all that it keeps is lost.", schema_of::<SessionName>())
        .with_title("Reset a session")
        .with_annotations(closed().destructive(true).idempotent(true));
    let delete = Tool::new("delete_session", "Ends a session and what runs in it.", schema_of::<SessionName>())
        .with_title("Delete a session")
        .with_annotations(closed().destructive(true));
    vec![run, list, reset, delete]
}

const RUN: &str = "\
Runs Python 3.14 in a sandbox: the standard library is there, packages, network and this machine's files are not. \
Returns what the program printed, the value of its last expression, and the traceback of an exception. Use it to compute, \
to check code, and to work on data given as inputs. Give a session name to build on earlier calls.";

/// Nothing a program does reaches beyond its sandbox.
fn closed() -> ToolAnnotations {
    ToolAnnotations::new().open_world(false)
}

fn schema_of<T: JsonSchema + 'static>() -> Arc<JsonObject> {
    // An error is a type that is no object, and ours are.
    schema_for_input::<T>().unwrap_or_default()
}

fn run_schema(stateless: bool) -> Arc<JsonObject> {
    let mut schema = schema_of::<RunPython>();
    if stateless
        && let Some(properties) = Arc::make_mut(&mut schema).get_mut("properties").and_then(|p| p.as_object_mut())
    {
        properties.remove("session");
    }
    schema
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(json: serde_json::Value) -> Option<JsonObject> {
        json.as_object().cloned()
    }

    #[test]
    fn every_listed_tool_can_be_called_and_no_other() {
        for stateless in [false, true] {
            let names: Vec<_> = list(stateless).into_iter().map(|tool| tool.name).collect();
            for name in ["run_python", "list_sessions", "reset_session", "delete_session", "rm"] {
                let known = !matches!(parse(name, None, stateless), Err(Misuse::NoSuchTool));
                assert_eq!(known, names.iter().any(|listed| listed == name), "{name}");
            }
        }
    }

    #[test]
    fn schemas_name_what_the_tools_take() {
        for (stateless, count) in [(false, 6), (true, 5)] {
            let schema = run_schema(stateless);
            assert_eq!(schema["properties"].as_object().map(serde_json::Map::len), Some(count), "{schema:?}");
            assert_eq!(schema["required"], json!(["code"]));
            assert_eq!(schema["additionalProperties"], json!(false));
        }
    }

    #[test]
    fn arguments_that_nobody_knows_are_refused() {
        let run = |json, stateless| parse("run_python", object(json), stateless);
        assert!(matches!(run(json!({"code": "1", "inputs": {"n": [1]}}), false), Ok(Asked::Run(_))));
        assert!(matches!(run(json!({"code": "1", "kode": ""}), false), Err(Misuse::Arguments(_))));
        assert!(matches!(run(json!({"code": "1", "session": "a"}), true), Err(Misuse::Arguments(_))));
        assert!(matches!(run(json!({}), false), Err(Misuse::Arguments(_))));
        assert!(matches!(parse("reset_session", None, false), Err(Misuse::Arguments(_))));
    }
}
