//! Expressions as text, for annotations kept as strings.

use crate::source::SourceMap;
use ruff_python_ast::Expr;
use ruff_text_size::Ranged;
use std::sync::Arc;
use typhon_isa::Const;

/// The text of an annotation.
pub(crate) fn unparse(e: &Expr, map: &SourceMap) -> Arc<[u8]> {
    map.slice(e.range()).as_bytes().into()
}

/// The `repr` of a constant.
pub(crate) fn repr(value: &Const) -> String {
    format!("{value:?}")
}
