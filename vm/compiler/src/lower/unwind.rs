//! Leaving blocks early: what break, continue and return do on their way out.

use super::{Block, BlockKind, Compiler, Done};
use crate::emit::{Cover, Loc, Val};
use ruff_python_ast::{self as ast, name::Name};
use typhon_isa::{Const, Opcode};

impl<'a> Compiler<'a> {
    /// Whether leaving the blocks runs code of this function, which might rebind a local.
    pub(crate) fn runs_code_on_exit(&self) -> bool {
        self.unit_ref()
            .blocks
            .iter()
            .any(|b| matches!(b.kind, BlockKind::FinallyTry { .. } | BlockKind::HandlerCleanup { name: Some(_), .. }))
    }

    /// Leaves every block for `return`. A value that is to be returned stays in its temporary. The caller emits the
    /// return outside all handlers, then puts back the answered handler for what follows.
    pub(crate) fn unwind_all(&mut self, mut loc: Loc, value: Option<Val>) -> Result<Cover, crate::SyntaxError> {
        let blocks = self.unit().blocks.clone();
        let cover = self.e().cover;
        let top = self.top();
        self.at(loc);
        while let Some(block) = self.unit().blocks.pop() {
            if matches!(block.kind, BlockKind::GroupHandler) {
                return Err(self.group_error(loc));
            }
            self.unwind(block, value, &mut loc)?;
        }
        self.at(loc);
        self.unit().blocks = blocks;
        self.set_top(top);
        Ok(cover)
    }

    fn group_error(&self, loc: Loc) -> crate::SyntaxError {
        let range = ruff_text_size::TextRange::new(loc.start, loc.end);
        self.error(range, "'break', 'continue' and 'return' cannot appear in an except* block")
    }

    pub(crate) fn break_(&mut self, s: &'a ast::StmtBreak) -> Done {
        self.leave_loop(s.range.into(), true, "'break' outside loop")
    }

    pub(crate) fn continue_(&mut self, s: &'a ast::StmtContinue) -> Done {
        self.leave_loop(s.range.into(), false, "'continue' not properly in loop")
    }

    fn leave_loop(&mut self, mut loc: Loc, is_break: bool, message: &str) -> Done {
        let blocks = self.unit().blocks.clone();
        let cover = self.e().cover;
        let top = self.top();
        self.at(loc);
        self.e().mark();
        let range = ruff_text_size::TextRange::new(loc.start, loc.end);
        loop {
            let Some(block) = self.unit().blocks.pop() else {
                return Err(self.error(range, message));
            };
            match block.kind {
                BlockKind::GroupHandler => return Err(self.group_error(range.into())),
                BlockKind::While { start, end } => {
                    self.at(loc);
                    if is_break {
                        self.e().jump(end)
                    } else {
                        self.e().jump_back(start)
                    }
                    break;
                }
                BlockKind::For { start, end, iter } => {
                    self.at(loc);
                    if is_break {
                        self.e().clear(iter);
                        self.e().jump(end);
                    } else {
                        self.e().jump_back(start);
                    }
                    break;
                }
                _ => self.unwind(block, None, &mut loc)?,
            }
        }
        self.unit().blocks = blocks;
        self.e().cover = cover;
        self.set_top(top);
        Ok(())
    }

    /// Leaves one block, which is no longer on the stack of blocks. What runs after code of the block's own belongs to no
    /// line: it is to look as if that code came last.
    fn unwind(&mut self, block: Block<'a>, value: Option<Val>, loc: &mut Loc) -> Done {
        match block.kind {
            BlockKind::While { .. } | BlockKind::TryExcept | BlockKind::Handler | BlockKind::GroupHandler => {}
            BlockKind::For { iter, .. } => self.e().clear(iter),
            BlockKind::FinallyTry { body } => {
                self.e().cover = block.outer;
                if let Some(value) = value.filter(|v| v.temp) {
                    self.push_block(BlockKind::Kept { reg: value.reg })?;
                }
                self.stmts(body)?;
                if value.is_some_and(|v| v.temp) {
                    self.unit().blocks.pop();
                }
                *loc = Loc::NONE;
                self.at(*loc);
            }
            BlockKind::FinallyEnd { exc } => {
                self.e().op1(Opcode::PopExc, exc);
            }
            BlockKind::Kept { reg } => self.e().clear(reg),
            BlockKind::With { exit, is_async } => {
                self.e().cover = block.outer;
                self.at(block.loc);
                self.exit_normally(exit, is_async)?;
                *loc = Loc::NONE;
                self.at(*loc);
            }
            BlockKind::HandlerCleanup { exc, name } => {
                self.e().op1(Opcode::PopExc, exc);
                self.e().cover = block.outer;
                if let Some(name) = name {
                    self.unbind(name)?;
                    *loc = Loc::NONE;
                    self.at(*loc);
                }
            }
        }
        self.e().cover = block.outer;
        Ok(())
    }

    /// `name = None; del name` at the end of a handler.
    pub(crate) fn unbind(&mut self, name: &Name) -> Done {
        if let Some(reg) = self.fast(name) {
            self.e().clear(reg);
            return Ok(());
        }
        let base = self.top();
        let none = self.constant(Const::None, super::expr::Want::Top);
        self.store_name(name, none)?;
        self.set_top(base);
        self.delete_name(name)
    }
}
