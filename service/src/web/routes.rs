//! Paths and the calls they stand for: one table, in the manner of AIP-127.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use tonic::codegen::http::Method;

use super::reply::Failure;

/// Which part of the message the request's body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whole {
    /// All of it, but for what the path says.
    Message,
    /// This field; the others are in the query.
    Field(&'static str),
    /// Nothing: the fields are in the query.
    Nothing,
}

/// A path is a collection, maybe the name of one in it, and maybe a verb of our own.
struct Route {
    method: Method,
    collection: &'static str,
    one: bool,
    verb: &'static str,
    rpc: &'static str,
    body: Whole,
}

const fn on(method: Method, collection: &'static str, verb: &'static str, rpc: &'static str, body: Whole) -> Route {
    Route { method, collection, one: false, verb, rpc, body }
}

const fn one(method: Method, collection: &'static str, verb: &'static str, rpc: &'static str, body: Whole) -> Route {
    Route { method, collection, one: true, verb, rpc, body }
}

use Whole::{Field, Message, Nothing};

const ROUTES: &[Route] = &[
    on(Method::POST, "executions", "execute", "ExecutionService/Execute", Message),
    on(Method::POST, "executions", "stream", "ExecutionService/StreamExecute", Field("request")),
    on(Method::POST, "executions", "", "ExecutionService/StartExecution", Field("request")),
    on(Method::GET, "executions", "", "ExecutionService/ListExecutions", Nothing),
    one(Method::GET, "executions", "", "ExecutionService/GetExecution", Nothing),
    one(Method::GET, "executions", "attach", "ExecutionService/AttachExecution", Nothing),
    one(Method::POST, "executions", "cancel", "ExecutionService/CancelExecution", Message),
    one(Method::DELETE, "executions", "", "ExecutionService/DeleteExecution", Nothing),
    on(Method::POST, "sessions", "", "SessionService/CreateSession", Field("session")),
    on(Method::GET, "sessions", "", "SessionService/ListSessions", Nothing),
    one(Method::GET, "sessions", "", "SessionService/GetSession", Nothing),
    one(Method::POST, "sessions", "interrupt", "SessionService/InterruptSession", Message),
    one(Method::POST, "sessions", "reset", "SessionService/ResetSession", Message),
    one(Method::POST, "sessions", "fork", "SessionService/ForkSession", Message),
    one(Method::DELETE, "sessions", "", "SessionService/DeleteSession", Nothing),
    on(Method::POST, "programs", "", "ProgramService/CreateProgram", Message),
    on(Method::GET, "programs", "", "ProgramService/ListPrograms", Nothing),
    on(Method::POST, "programs", "check", "ProgramService/CheckSource", Message),
    one(Method::GET, "programs", "", "ProgramService/GetProgram", Nothing),
    one(Method::DELETE, "programs", "", "ProgramService/DeleteProgram", Nothing),
    on(Method::POST, "templates", "", "TemplateService/CreateTemplate", Message),
    on(Method::GET, "templates", "", "TemplateService/ListTemplates", Nothing),
    one(Method::GET, "templates", "", "TemplateService/GetTemplate", Nothing),
    one(Method::DELETE, "templates", "", "TemplateService/DeleteTemplate", Nothing),
    on(Method::POST, "snapshots", "", "SnapshotService/CreateSnapshot", Message),
    on(Method::GET, "snapshots", "", "SnapshotService/ListSnapshots", Nothing),
    one(Method::GET, "snapshots", "", "SnapshotService/GetSnapshot", Nothing),
    one(Method::DELETE, "snapshots", "", "SnapshotService/DeleteSnapshot", Nothing),
    on(Method::GET, "capabilities", "", "RuntimeService/GetCapabilities", Nothing),
];

/// Where a request goes.
#[derive(Debug, PartialEq, Eq)]
pub struct Found<'p> {
    /// `Service/Method`
    pub rpc: &'p str,
    /// What the path says of the field `name`.
    pub name: Option<String>,
    pub body: Whole,
}

/// Every method is also at its own name, `POST /typhon.v1.Service/Method`, as in the Connect protocol.
const PACKAGE: &str = "/typhon.v1.";

pub fn find<'p>(method: &Method, path: &'p str) -> Result<Found<'p>, Failure> {
    if let Some(rpc) = path.strip_prefix(PACKAGE) {
        return match *method {
            Method::POST => Ok(Found { rpc, name: None, body: Message }),
            _ => Err(Failure::WrongMethod { allowed: "POST".into() }),
        };
    }
    let rest = path.strip_prefix("/v1/").ok_or(Failure::NoSuchPath)?;
    let (resource, verb) = rest.split_once(':').unwrap_or((rest, ""));
    let (collection, id) = match resource.split_once('/') {
        Some((collection, id)) => {
            (collection, Some(percent_decode_str(id).decode_utf8().map_err(|_| Failure::NoSuchPath)?))
        }
        None => (resource, None),
    };
    let here = |route: &&Route| (route.collection, route.one, route.verb) == (collection, id.is_some(), verb);
    if let Some(route) = ROUTES.iter().filter(here).find(|route| route.method == *method) {
        let name = id.map(|id| format!("{collection}/{id}"));
        return Ok(Found { rpc: route.rpc, name, body: route.body });
    }
    let allowed: Vec<_> = ROUTES.iter().filter(here).map(|route| route.method.as_str()).collect();
    if allowed.is_empty() {
        Err(Failure::NoSuchPath)
    } else {
        Err(Failure::WrongMethod { allowed: allowed.join(", ") })
    }
}

/// The fields in a query.
pub fn query(text: &str) -> Vec<(String, String)> {
    let plain = |part: &str| {
        let spaced = Cow::from(part.replace('+', " "));
        percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
    };
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (plain(name), plain(value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_found_by_its_path_and_documented() {
        let page = include_str!("../../../docs/http.md");
        for route in ROUTES {
            let (id, shown) = if route.one { ("/x", "/{id}") } else { ("", "") };
            let verb = if route.verb.is_empty() { String::new() } else { format!(":{}", route.verb) };
            let path = format!("/v1/{}{id}{verb}", route.collection);
            let found = find(&route.method, &path).expect("a route");
            assert_eq!((found.rpc, found.name.is_some()), (route.rpc, route.one), "{path}");
            let method = route.rpc.split_once('/').expect("a method").1;
            let row = format!("| `{} /v1/{}{shown}{verb}` | {method} |", route.method, route.collection);
            assert!(page.contains(&row), "docs/http.md lacks {row}");
        }
    }

    #[test]
    fn other_paths_and_methods_are_told_apart() {
        for path in ["/", "/v1", "/v1/", "/v1/session", "/v1/sessions:fly", "/v2/sessions", "/metrics"] {
            assert_eq!(find(&Method::GET, path), Err(Failure::NoSuchPath), "{path}");
        }
        let allowed = |allowed: &str| Err(Failure::WrongMethod { allowed: allowed.into() });
        assert_eq!(find(&Method::PUT, "/v1/sessions/a"), allowed("GET, DELETE"));
        assert_eq!(find(&Method::GET, "/typhon.v1.A/B"), allowed("POST"));
        let found = find(&Method::GET, "/v1/sessions/a%2Fb").expect("a route");
        assert_eq!(found.name.as_deref(), Some("sessions/a/b"));
    }

    #[test]
    fn a_query_is_decoded() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            query("page_size=5&page_token=a%2Bb+c&x"),
            [pair("page_size", "5"), pair("page_token", "a+b c"), pair("x", "")]
        );
        assert!(query("").is_empty());
    }
}
