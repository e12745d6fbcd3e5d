//! `from __future__ import ...`: which features, and whether the statements stand where they may.

use crate::error::SyntaxError;
use crate::mode::{Options, flag};
use crate::source::SourceMap;
use ruff_python_ast::{Mod, Stmt, StmtImportFrom};

/// The features in force: the caller's and the source's own.
pub(crate) fn features(ast: &Mod, map: &SourceMap, options: &Options) -> Result<u32, SyntaxError> {
    let mut features = options.flags & flag::FUTURE_MASK;
    let Mod::Module(module) = ast else { return Ok(features) };
    let mut begun = false;
    for (i, s) in module.body.iter().enumerate() {
        match s {
            Stmt::ImportFrom(import) if is_future(import) => {
                if begun {
                    let text = "from __future__ imports must occur at the beginning of the file";
                    return Err(map.error(import.range, text));
                }
                features |= import_features(import, map)?;
            }
            Stmt::Expr(e) if i == 0 && e.value.is_string_literal_expr() => {}
            _ => begun = true,
        }
    }
    Ok(features)
}

fn is_future(import: &StmtImportFrom) -> bool {
    import.level == 0 && import.module.as_ref().is_some_and(|m| m.as_str() == "__future__")
}

fn import_features(import: &StmtImportFrom, map: &SourceMap) -> Result<u32, SyntaxError> {
    let mut features = 0;
    for alias in &import.names {
        features |= match alias.name.as_str() {
            "nested_scopes" | "generators" | "division" | "absolute_import" | "with_statement" | "print_function"
            | "unicode_literals" | "generator_stop" => 0,
            "barry_as_FLUFL" => flag::FUTURE_BARRY,
            "annotations" => flag::FUTURE_ANNOTATIONS,
            "braces" => return Err(map.error(alias.range, "not a chance")),
            other => return Err(map.error(alias.range, format!("future feature {other} is not defined"))),
        };
    }
    Ok(features)
}
