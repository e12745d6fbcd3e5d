//! The console: a page that the server gives to browsers, and that calls it by HTTP like any other client.

use tonic::body::Body;
use tonic::codegen::Bytes;
use tonic::codegen::http::{HeaderValue, Method, Response, header};

/// Path, kind and content.
const FILES: [(&str, &str, &str); 3] = [
    ("/console", "text/html; charset=utf-8", include_str!("console/index.html")),
    ("/console/console.js", "text/javascript; charset=utf-8", include_str!("console/console.js")),
    ("/console/console.css", "text/css; charset=utf-8", include_str!("console/console.css")),
];

/// The page is its own scripts and styles and speaks to its own server; nobody may frame it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'none'; \
                      base-uri 'none'; frame-ancestors 'none'";

/// The file at this path, if one is.
pub fn file(method: &Method, path: &str) -> Option<Response<Body>> {
    let (_, kind, content) = FILES.iter().find(|(at, ..)| *at == path.strip_suffix('/').unwrap_or(path))?;
    if *method != Method::GET && *method != Method::HEAD {
        return None;
    }
    let content = Bytes::from_static(if *method == Method::GET { content.as_bytes() } else { b"" });
    let mut response = Response::new(Body::new(http_body_util::Full::new(content)));
    for (name, value) in [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, &POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, &"nosniff"),
        (header::REFERRER_POLICY, &"no-referrer"),
        (header::CACHE_CONTROL, &"no-cache"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    Some(response)
}
