//! Memory: loads, stores, new objects, and counting references.

use super::{Function, machine_type};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{self, AliasRegionData, InstBuilder, MemFlagsData, types};
use typhon_jit_ir::trace::{Imm, Inst};
use typhon_jit_ir::word::{COUNT_OFFSET, OWNER_OFFSET};
use typhon_jit_ir::{Alias, Arg, Form, Helper, Op, Ty, Width};

impl Function<'_> {
    /// How memory of a class is touched: it is there, and classes do not overlap. Loads are not free to move: a guard before
    /// them may be what makes the address one.
    pub(super) fn flags(&mut self, class: Alias) -> MemFlagsData {
        let number = class as u32;
        let region = *self.regions.entry(number).or_insert_with(|| {
            let description = class.name().into();
            self.b.func.dfg.alias_regions.insert(AliasRegionData { user_id: number, description })
        });
        MemFlagsData::new().with_notrap().with_aligned().with_alias_region(Some(region))
    }

    pub(super) fn load(&mut self, inst: &Inst, args: &[ir::Value]) -> Option<ir::Value> {
        let Imm::Mem(class, offset) = inst.imm else { return None };
        let base = self.address(inst, args)?;
        let flags = self.flags(class);
        if class.is_volatile() {
            // Somebody else writes: the load is carried out each time, even if no store of this function comes between.
            let at = self.b.ins().iadd_imm_s(base, i64::from(offset));
            let ty = if inst.op == Op::Load32 { types::I32 } else { types::I64 };
            let word = self.b.ins().atomic_load(ty, flags, at);
            return Some(if ty == types::I32 { self.b.ins().uextend(types::I64, word) } else { word });
        }
        Some(match inst.op {
            Op::Load32 => self.b.ins().uload32(flags, base, offset),
            Op::LoadX32 => self.b.ins().sload32(flags, base, offset),
            Op::LoadX8 => self.b.ins().uload8(types::I64, flags, base, offset),
            _ => self.b.ins().load(machine_type(inst.ty), flags, base, offset),
        })
    }

    pub(super) fn store(&mut self, inst: &Inst, args: &[ir::Value]) -> Option<()> {
        let Imm::Mem(class, offset) = inst.imm else { return None };
        let base = self.address(inst, args)?;
        let flags = self.flags(class);
        let value = *args.last()?;
        match inst.op {
            Op::Store32 | Op::StoreX32 => self.b.ins().istore32(flags, value, base, offset),
            Op::StoreX8 => self.b.ins().istore8(flags, value, base, offset),
            _ => self.b.ins().store(flags, value, base, offset),
        };
        Some(())
    }

    fn address(&mut self, inst: &Inst, args: &[ir::Value]) -> Option<ir::Value> {
        let base = *args.first()?;
        if inst.op.form() != Form::Index {
            return Some(base);
        }
        let scaled = match inst.op.width() {
            Width::Word => self.b.ins().ishl_imm_u(*args.get(1)?, 3),
            Width::Half => self.b.ins().ishl_imm_u(*args.get(1)?, 2),
            Width::Byte => *args.get(1)?,
        };
        Some(self.b.ins().iadd(base, scaled))
    }

    pub(super) fn new_object(&mut self, inst: &Inst, thread: ir::Value, shape: u32, size: u32) -> Option<ir::Value> {
        let shape = self.b.ins().iconst(types::I64, i64::from(shape));
        let size = self.b.ins().iconst(types::I64, i64::from(size));
        let made = self.call(Helper::Alloc, &[thread, shape, size])?;
        self.made(inst, made)?;
        Some(made)
    }

    /// Whether a release runs no code: asked of the helper for objects with one reference only. Nobody else counts in that
    /// word but the object's owner, and he takes away one for each that he has put there.
    pub(super) fn quiet(&mut self, value: ir::Value) -> Option<ir::Value> {
        let [object, last, done] = [(); 3].map(|()| self.b.create_block());
        self.b.set_cold_block(last);
        let answer = self.b.append_block_param(done, types::I8);
        let yes = self.b.ins().iconst(types::I8, 1);
        let is_object = self.is_object(value);
        self.b.ins().brif(is_object, object, &[], done, &[yes.into()]);
        self.b.switch_to_block(object);
        let flags = self.flags(Alias::Count);
        let count = self.b.ins().uload32(flags, value, COUNT_OFFSET);
        let others = self.b.ins().icmp_imm_u(IntCC::UnsignedGreaterThan, count, 1);
        self.b.ins().brif(others, done, &[yes.into()], last, &[]);
        self.b.switch_to_block(last);
        let told = self.call_aside(Helper::Quiet, &[value])?;
        self.b.ins().jump(done, &[told.into()]);
        self.b.switch_to_block(done);
        Some(answer)
    }

    /// Counts a reference, if the value is one.
    pub(super) fn count(&mut self, op: Op, value: ir::Value) {
        self.count_by(op, value, if op == Op::Retain { Helper::Retain } else { Helper::Release });
    }

    /// Gives up a reference. Who has been asked about it, with nothing given up since by anybody, need not be asked again.
    pub(super) fn release(&mut self, arg: Arg, value: ir::Value) {
        let helper = if self.asked.contains(&arg) { Helper::End } else { Helper::Release };
        self.asked.clear();
        self.count_by(Op::Release, value, helper);
    }

    /// Keeps in mind who has been asked whether he ends quietly, until somebody ends.
    pub(super) fn note_asked(&mut self, inst: &Inst) {
        match inst.op {
            Op::Quiet => self.asked.extend(inst.args.first()),
            Op::Call => {
                let effects = inst.effects();
                let ends = effects.releases() || [Alias::Count, Alias::Frame].iter().any(|c| effects.writes.has(*c));
                if ends {
                    self.asked.clear();
                }
            }
            _ => {}
        }
    }

    fn count_by(&mut self, op: Op, value: ir::Value, helper: Helper) {
        debug_assert_eq!(helper.ty(), Ty::Unit);
        let [object, slow, on] = [(); 3].map(|()| self.b.create_block());
        let is_object = self.is_object(value);
        self.b.ins().brif(is_object, object, &[], on, &[]);
        self.b.switch_to_block(object);
        match self.tag() {
            Some(mine) => self.count_own(op, value, mine, slow, on),
            None => {
                self.b.ins().jump(slow, &[]);
            }
        }
        self.b.switch_to_block(slow);
        self.call_aside(helper, &[value]);
        self.b.ins().jump(on, &[]);
        self.b.switch_to_block(on);
    }

    /// The running thread's tag.
    fn tag(&mut self) -> Option<ir::Value> {
        let offset = self.runtime.tag?;
        let thread = self.value((*self.trace.inputs.first()?).into()).ok()?;
        // Nobody writes to it while the thread runs.
        let flags = MemFlagsData::new().with_notrap().with_aligned().with_readonly();
        Some(self.b.ins().uload16(types::I64, flags, thread, offset))
    }

    /// The owner counts by plain arithmetic, up to where an object dies or the count is full (`typhon_rc`).
    fn count_own(&mut self, op: Op, value: ir::Value, mine: ir::Value, slow: ir::Block, on: ir::Block) {
        self.b.set_cold_block(slow);
        let flags = self.flags(Alias::Count);
        let owner = self.b.ins().uload16(types::I64, flags, value, OWNER_OFFSET);
        let own = self.b.ins().icmp(IntCC::Equal, owner, mine);
        let [mine, write] = [(); 2].map(|()| self.b.create_block());
        self.b.ins().brif(own, mine, &[], slow, &[]);
        self.b.switch_to_block(mine);
        let count = self.b.ins().uload32(flags, value, COUNT_OFFSET);
        let (limit, by) = if op == Op::Retain { (i64::from(u32::MAX), 1) } else { (1, -1) };
        let inside = self.b.ins().icmp_imm_u(IntCC::NotEqual, count, limit);
        self.b.ins().brif(inside, write, &[], slow, &[]);
        self.b.switch_to_block(write);
        let count = self.b.ins().iadd_imm_s(count, by);
        self.b.ins().istore32(flags, count, value, COUNT_OFFSET);
        self.b.ins().jump(on, &[]);
    }
}
