//! Doors: machine code beside traces, by which they are entered, and by which they call helpers where they seldom come.
//!
//! A call may change most of the machine's registers, and all that hold floats. A trace has a hundred places where one may be called if an
//! object dies or a float needs one; the code generator would have values lie in memory for their sake, in loops that never come
//! there. Such calls go through a door, which keeps all registers. It has no result: it leaves that in memory.

use super::exit::slot_flags;
use super::{Function, LowerError, Lowerer, beside, machine_type, signature};
use crate::code_memory::{Arena, Block};
use crate::executor::NoExecutor;
use crate::runtime::Runtime;
use cranelift_codegen::CodegenError;
use cranelift_codegen::ir::{self, AbiParam, InstBuilder, Signature, UserFuncName, types};
use cranelift_codegen::isa::CallConv;
use cranelift_frontend::FunctionBuilder;
use std::sync::Arc;
use typhon_jit_ir::{Helper, Ty};

/// The helpers that are called through doors.
const ASIDE: [Helper; 7] =
    [Helper::Alloc, Helper::Float, Helper::Retain, Helper::RetainAll, Helper::Release, Helper::End, Helper::Quiet];

/// The doors of a runtime.
pub struct Doors {
    enter: Block,
    aside: Vec<Aside>,
}

struct Aside {
    helper: Helper,
    to: usize,
    code: Block,
}

impl Doors {
    /// What enters traces.
    pub fn enter(&self) -> *const u8 {
        self.enter.start()
    }

    fn are_of(&self, runtime: &Runtime) -> bool {
        self.aside.iter().all(|door| door.to == runtime.address(door.helper))
    }
}

impl Lowerer {
    /// The doors of a runtime, in memory.
    pub fn doors_in(&mut self, arena: &Arc<Arena>, runtime: &Runtime) -> Result<Arc<Doors>, NoExecutor> {
        if let Some(made) = self.doors.as_ref().filter(|doors| doors.are_of(runtime)) {
            return Ok(made.clone());
        }
        let enter = arena.place(&self.enter()?)?;
        let aside = ASIDE.iter().map(|helper| {
            let to = runtime.address(*helper);
            Ok(Aside { helper: *helper, to, code: arena.place(&self.aside(*helper, to)?)? })
        });
        let aside = aside.collect::<Result<_, NoExecutor>>()?;
        let made = Arc::new(Doors { enter, aside });
        self.doors = Some(made.clone());
        Ok(made)
    }

    /// What enters traces: by C's calling convention, and theirs has tail calls.
    fn enter(&mut self) -> Result<Vec<u8>, LowerError> {
        self.door(signature(CallConv::SystemV, 4), |b, given| {
            let callee = b.import_signature(signature(CallConv::Tail, 3));
            let call = b.ins().call_indirect(callee, given[0], &given[1..]);
            let number = b.inst_results(call).to_vec();
            b.ins().return_(&number);
        })
    }

    /// What calls a helper and keeps all registers.
    fn aside(&mut self, helper: Helper, to: usize) -> Result<Vec<u8>, LowerError> {
        self.door(by_door(helper), |b, given| {
            let callee = b.import_signature(by_c(helper));
            let address = b.ins().iconst(types::I64, to.cast_signed() as i64);
            let call = b.ins().call_indirect(callee, address, &given[..helper.params().len()]);
            if let (Some(told), Some(at)) = (b.inst_results(call).first().copied(), given.last()) {
                let wide = helper.ty() != Ty::Bool;
                let told = if wide { told } else { b.ins().uextend(types::I64, told) };
                b.ins().store(slot_flags(), told, *at, 0);
            }
            b.ins().return_(&[]);
        })
    }

    fn door(
        &mut self,
        signature: Signature,
        fill: impl FnOnce(&mut FunctionBuilder<'_>, &[ir::Value]),
    ) -> Result<Vec<u8>, LowerError> {
        self.context.clear();
        let function = &mut self.context.func;
        function.name = UserFuncName::user(0, 1);
        function.signature = signature;
        let mut b = FunctionBuilder::new(function, &mut self.builder);
        let entry = b.create_block();
        b.append_block_params_for_function_params(entry);
        b.switch_to_block(entry);
        let given = b.block_params(entry).to_vec();
        fill(&mut b, &given);
        b.seal_all_blocks();
        b.finalize(self.isa.frontend_config());
        let failed = |e: CodegenError| LowerError::Codegen(e.to_string());
        let code = self.context.compile(&*self.isa, &mut self.plane).map_err(|e| failed(e.inner))?;
        Ok(code.code_buffer().to_vec())
    }
}

/// How a helper is called.
pub(super) fn by_c(helper: Helper) -> Signature {
    let mut signature = Signature::new(CallConv::SystemV);
    signature.params = helper.params().iter().map(|ty| AbiParam::new(machine_type(*ty))).collect();
    if helper.ty() != Ty::Unit {
        signature.returns = vec![AbiParam::new(machine_type(helper.ty()))];
    }
    signature
}

/// How its door is: with the address for what it tells.
fn by_door(helper: Helper) -> Signature {
    let mut signature = by_c(helper);
    signature.call_conv = CallConv::PreserveAll;
    if signature.returns.pop().is_some() {
        signature.params.push(AbiParam::new(types::I64));
    }
    signature
}

impl Function<'_> {
    /// Calls a helper where the trace seldom comes: by its door, if it has one.
    pub(super) fn call_aside(&mut self, helper: Helper, args: &[ir::Value]) -> Option<ir::Value> {
        let door = self.doors.as_ref().and_then(|doors| doors.aside.iter().find(|door| door.helper == helper));
        let Some(address) = door.map(|door| door.code.start() as i64) else { return self.call(helper, args) };
        let tells = helper.ty() != Ty::Unit;
        let mut args = args.to_vec();
        if tells {
            args.push(self.b.ins().iadd_imm_s(self.left?, -8 * beside::TOLD as i64));
        }
        let signature = *self.asides.entry(helper).or_insert_with(|| self.b.import_signature(by_door(helper)));
        let address = self.b.ins().iconst(types::I64, address);
        self.b.ins().call_indirect(signature, address, &args);
        if !tells {
            return None;
        }
        let told = self.noted(beside::TOLD).ok()?;
        Some(if helper.ty() == Ty::Bool { self.b.ins().ireduce(types::I8, told) } else { told })
    }
}
