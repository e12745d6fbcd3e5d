//! Names and pages, as every service reads them.

use crate::error::Refusal;

const PAGE: usize = 100;
const PAGE_MAX: usize = 1000;

/// How many a page may hold.
pub fn page_size_of(asked: i32) -> Result<usize, Refusal> {
    match usize::try_from(asked) {
        Ok(0) => Ok(PAGE),
        Ok(size) => Ok(size.min(PAGE_MAX)),
        Err(_) => Err(Refusal::invalid("page_size", "is negative")),
    }
}

/// A page token is the name that the page before ended with.
pub fn token(token: &str, prefix: &str) -> Result<(), Refusal> {
    if token.is_empty() || token.starts_with(prefix) {
        Ok(())
    } else {
        Err(Refusal::invalid("page_token", "is not from a response"))
    }
}

/// The token of the page after one that ended with `last`.
pub fn next(last: Option<&str>, more: bool) -> String {
    last.filter(|_| more).unwrap_or_default().to_owned()
}

/// A resource's name, of the form `prefix/{id}`.
pub fn named(name: String, prefix: &str) -> Result<String, Refusal> {
    match name.strip_prefix(prefix) {
        Some(id) if !id.is_empty() => Ok(name),
        _ => Err(Refusal::invalid("name", format!("is not of the form {prefix}{{id}}"))),
    }
}
