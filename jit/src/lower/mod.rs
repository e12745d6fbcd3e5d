//! Lowering: a trace becomes one function of machine code, by Cranelift.
//!
//! The function is `fn(inputs, left, table) -> exit`: it loads its inputs, runs until the trace is left, stores what the snapshot
//! names at `left`, and returns the exit's number. One exit block per snapshot, however many guards share it. Where the
//! runtime says which input is the frame's registers, exits write those themselves, unless a value needs an object; and then they
//! go on to other machine code by themselves, where the table says so.

mod boxes;
mod doors;
mod exit;
mod ints;
mod memory;

pub use doors::Doors;

use crate::graft::{Target, Tree};
use crate::record::{BY_FRAME, RETURNED};
use crate::runtime::Runtime;
use crate::worth::Worth;
use cranelift_codegen::control::ControlPlane;
use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::{self, AbiParam, AliasRegion, Block, InstBuilder, Signature, UserFuncName, types};
use cranelift_codegen::isa::{CallConv, OwnedTargetIsa};
use cranelift_codegen::settings::{self, Configurable};
use cranelift_codegen::{CodegenError, Context};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
use rustc_hash::{FxHashMap, FxHashSet};
use std::cell::Cell;
use std::sync::Arc;
use typhon_jit_ir::trace::{Imm, Inst};
use typhon_jit_ir::{Arg, Const, End, Helper, Op, SnapId, Trace, Ty, Var};

/// Why a trace has no machine code.
#[derive(Debug, thiserror::Error)]
pub enum LowerError {
    /// This machine is not one that Cranelift knows.
    #[error("no code generator for this machine: {0}")]
    Machine(String),
    /// Cranelift gave up.
    #[error("the code generator gave up: {0}")]
    Codegen(String),
    /// The trace is not well formed.
    #[error("instruction {0} cannot be lowered")]
    Malformed(u32),
}

/// One way in which machine code returns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exit {
    /// Which part of the tree it is of.
    pub part: usize,
    /// What it is to that.
    pub snap: SnapId,
    /// Whose values it stores, in this order, unless it settles.
    pub values: Vec<Var>,
    /// It writes the frame's registers by itself, if every value fits a word.
    pub settles: bool,
    /// Where the frame on top goes on then, or one of [`BY_FRAME`] and [`RETURNED`]: where its record says.
    pub offset: u32,
    /// Where all frames stand, as a number ([`place_number`](typhon_jit_ir::snapshot::place_number)).
    pub place: u64,
    /// It goes to other machine code by itself, if it is linked to some.
    pub links: bool,
    /// What has been saved when it is come to, beside what the trunk has: at all, and in each round.
    pub saves: (i64, i64),
    /// Frames have no records yet: what these are to own is left in the words.
    pub unmade: bool,
}

impl Exit {
    /// Where the frame on top goes on, unless its record says so.
    pub fn goes_to(&self) -> Option<u32> {
        Some(self.offset).filter(|offset| ![BY_FRAME, RETURNED].contains(offset))
    }
}

/// What an exit is linked to. Machine code reads it: a table of them belongs to an instance, the first of which names that. The
/// second is for exits that have come nowhere, and those of the exits follow.
#[repr(C)]
#[derive(Debug)]
pub struct Link {
    /// Code to enter, or null.
    pub code: Cell<*const u8>,
    /// The table that the code is entered with.
    pub table: Cell<*const Link>,
    /// How often it is taken before somebody is asked whether what it leads to is to become a limb.
    pub left: Cell<u64>,
    /// What that was when somebody last looked how often links are taken. Machine code does not read it.
    pub seen: Cell<u64>,
}

impl Link {
    /// Which of the table's is for exits that have come nowhere.
    pub const ELSE: usize = 1;
    /// Which is the first exit's.
    pub const FIRST: usize = 2;

    /// To nothing.
    pub const fn none() -> Self {
        Self {
            code: Cell::new(std::ptr::null()),
            table: Cell::new(std::ptr::null()),
            left: Cell::new(0),
            seen: Cell::new(0),
        }
    }
}

/// Words in front of what exits leave, for what happened on the way: counted from the first value downwards.
pub mod beside {
    /// The table of the trace that was left.
    pub const TABLE: usize = 1;
    /// How often machine code went on by itself.
    pub const LINKED: usize = 2;
    /// The link that it took last.
    pub const FROM: usize = 3;
    /// The table that it is in.
    pub const OWNER: usize = 4;
    /// What the traces so left were worth.
    pub const WORTH: usize = 5;
    /// What a helper has told by its door.
    pub const TOLD: usize = 6;
    /// How many there are.
    pub const COUNT: usize = 6;
}

/// What lowering must know of a trace besides itself.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Where it begins, as [`Exit::place`]; `u64::MAX`: nowhere.
    pub start: u64,
    /// What running it saves.
    pub worth: Worth,
}

impl Plan {
    /// For a trace that was not recorded.
    pub const NONE: Self = Self { start: u64::MAX, worth: Worth { way: 0, round: 0, bridge: false } };
}

/// Set in an exit's number if it has not written the registers, though it mostly does.
pub const UNSETTLED: u64 = 1 << 32;
/// Slots of this frame are no registers: they are numbers and values that a settled exit leaves by number, as they are.
pub const COUNTERS: u8 = u8::MAX;
/// How many counters a snapshot has at most.
pub const COUNTERS_MAX: u16 = 26;

/// A trace's machine code.
#[derive(Debug)]
pub struct Machine {
    /// The bytes, which run anywhere.
    pub code: Vec<u8>,
    /// The exits, by number.
    pub exits: Vec<Exit>,
    /// The code as text, if the lowerer makes listings.
    pub listing: Option<String>,
}

/// What compiles traces, one after the other. Each worker has its own.
pub struct Lowerer {
    isa: OwnedTargetIsa,
    context: Context,
    builder: FunctionBuilderContext,
    plane: ControlPlane,
    doors: Option<Arc<Doors>>,
    /// Makes listings.
    pub lists: bool,
}

impl Lowerer {
    /// For the machine that this program runs on.
    pub fn new() -> Result<Self, LowerError> {
        let mut flags = settings::builder();
        let verify = if cfg!(debug_assertions) { "true" } else { "false" };
        for (name, value) in [
            // What Cranelift would find is found before: it would take a third longer, for the same code.
            ("opt_level", "none"),
            ("regalloc_algorithm", "backtracking"),
            ("enable_verifier", verify),
            ("preserve_frame_pointers", "true"),
            ("unwind_info", "false"),
            ("enable_probestack", "false"),
            ("enable_heap_access_spectre_mitigation", "false"),
            ("enable_table_access_spectre_mitigation", "false"),
        ] {
            flags.set(name, value).map_err(|e| LowerError::Machine(e.to_string()))?;
        }
        let machine = cranelift_native::builder().map_err(|e| LowerError::Machine(e.to_string()))?;
        let isa = machine.finish(settings::Flags::new(flags)).map_err(|e| LowerError::Machine(e.to_string()))?;
        Ok(Self {
            isa,
            context: Context::new(),
            builder: FunctionBuilderContext::new(),
            plane: ControlPlane::default(),
            doors: None,
            lists: false,
        })
    }

    /// Forgets a trace that was not finished.
    pub fn reset(&mut self) {
        self.context = Context::new();
        self.builder = FunctionBuilderContext::new();
    }

    /// The machine code of a verified trace and its limbs.
    pub fn lower(&mut self, tree: &Tree, plan: Plan, runtime: &Runtime) -> Result<Machine, LowerError> {
        self.context.clear();
        self.context.set_disasm(self.lists);
        let function = &mut self.context.func;
        function.name = UserFuncName::user(0, 0);
        function.signature = signature(CallConv::Tail, 3);
        let b = FunctionBuilder::new(function, &mut self.builder);
        let doors = self.doors.as_deref();
        let (b, exits) = Function::new(b, tree, plan, runtime, doors).build()?;
        b.finalize(self.isa.frontend_config());
        let failed = |e: CodegenError| LowerError::Codegen(e.to_string());
        let code = self.context.compile(&*self.isa, &mut self.plane).map_err(|e| failed(e.inner))?;
        if !code.buffer.relocs().is_empty() {
            return Err(LowerError::Codegen("the code refers to something outside of it".into()));
        }
        Ok(Machine { code: code.code_buffer().to_vec(), exits, listing: code.vcode.clone() })
    }
}

fn signature(convention: CallConv, params: usize) -> Signature {
    let mut signature = Signature::new(convention);
    signature.params = vec![AbiParam::new(types::I64); params];
    signature.returns = vec![AbiParam::new(types::I64)];
    signature
}

/// How a type lies in registers.
fn machine_type(ty: Ty) -> ir::Type {
    match ty {
        Ty::Flt => types::F64,
        Ty::Bool => types::I8,
        Ty::Val | Ty::Int | Ty::Ptr | Ty::Unit => types::I64,
    }
}

/// A function in the making.
struct Function<'f> {
    b: FunctionBuilder<'f>,
    tree: &'f Tree,
    plan: Plan,
    runtime: &'f Runtime,
    doors: Option<&'f Doors>,
    /// The part that is being lowered, its number, and the values of all.
    trace: &'f Trace,
    part: usize,
    values: Vec<Vec<Option<ir::Value>>>,
    /// Where the trunk begins, limbs that somebody comes back to, and the loops of all parts.
    begins: Vec<Option<Block>>,
    headers: Vec<Option<Block>>,
    /// Limbs that somebody goes on in, and where.
    limbs: Vec<(usize, Block)>,
    /// The trace's inputs.
    inputs: Option<ir::Value>,
    /// Where exits store what they hold.
    left: Option<ir::Value>,
    /// What exits are linked to.
    table: Option<ir::Value>,
    exits: Vec<(Exit, Block)>,
    exit_of: FxHashMap<(usize, SnapId), Block>,
    /// Where exits go that may be linked.
    on: Option<Block>,
    /// The same where the frame has returned.
    returned: Option<Block>,
    /// And who has come nowhere.
    nowhere: Option<Block>,
    /// Who has been asked whether he ends quietly.
    asked: FxHashSet<Arg>,
    /// How helpers are called, and by their doors.
    signatures: FxHashMap<Helper, ir::SigRef>,
    asides: FxHashMap<Helper, ir::SigRef>,
    regions: FxHashMap<u32, AliasRegion>,
}

impl<'f> Function<'f> {
    fn new(b: FunctionBuilder<'f>, tree: &'f Tree, plan: Plan, runtime: &'f Runtime, doors: Option<&'f Doors>) -> Self {
        let sizes = (0..=tree.limbs.len()).map(|part| tree.part(part).insts.len());
        Self {
            b,
            tree,
            plan,
            runtime,
            doors,
            trace: &tree.trunk,
            part: 0,
            values: sizes.map(|size| vec![None; size]).collect(),
            begins: vec![None; tree.limbs.len() + 1],
            headers: vec![None; tree.limbs.len() + 1],
            limbs: Vec::new(),
            inputs: None,
            left: None,
            table: None,
            exits: Vec::new(),
            exit_of: FxHashMap::default(),
            on: None,
            returned: None,
            nowhere: None,
            asked: FxHashSet::default(),
            signatures: FxHashMap::default(),
            asides: FxHashMap::default(),
            regions: FxHashMap::default(),
        }
    }

    fn build(mut self) -> Result<(FunctionBuilder<'f>, Vec<Exit>), LowerError> {
        let trace = &self.tree.trunk;
        let entry = self.b.create_block();
        self.b.append_block_params_for_function_params(entry);
        self.b.switch_to_block(entry);
        let given = self.b.block_params(entry).to_vec();
        let [inputs, left, table] = given[..] else { return Err(LowerError::Malformed(0)) };
        (self.inputs, self.left, self.table) = (Some(inputs), Some(left), Some(table));
        for (i, v) in trace.inputs.iter().enumerate() {
            let value = self.load_slot(trace.inst(*v).ty, inputs, i);
            self.values[0][v.index()] = Some(value);
        }
        if self.tree.limbs.iter().any(|limb| limb.to == Some(Target::Trunk)) {
            self.begin(0, &[])?;
        }
        self.part(None)?;
        while let Some((number, block)) = self.limbs.pop() {
            self.limb(number, block)?;
        }
        self.exits()?;
        self.b.seal_all_blocks();
        Ok((self.b, self.exits.into_iter().map(|(exit, _)| exit).collect()))
    }

    /// A block that somebody comes back to, with what a part is given.
    fn begin(&mut self, part: usize, given: &[ir::Value]) -> Result<(), LowerError> {
        let begin = self.b.create_block();
        for value in given {
            let ty = self.b.func.dfg.value_type(*value);
            self.b.append_block_param(begin, ty);
        }
        let args: Vec<ir::BlockArg> = given.iter().copied().map(Into::into).collect();
        self.b.ins().jump(begin, &args);
        self.b.switch_to_block(begin);
        self.begins[part] = Some(begin);
        Ok(())
    }

    /// The part that is turned to, from its inputs on, and where it ends.
    fn part(&mut self, to: Option<Target>) -> Result<(), LowerError> {
        let (trace, part) = (self.trace, self.part);
        self.list(&trace.head)?;
        if let Some(looped) = &trace.looped {
            let inits: Vec<Arg> = looped.params.iter().map(|(_, init)| *init).collect();
            let header = self.b.create_block();
            for (v, _) in &looped.params {
                self.b.append_block_param(header, machine_type(trace.inst(*v).ty));
            }
            self.jump(header, &inits)?;
            self.headers[part] = Some(header);
            self.b.switch_to_block(header);
            let carried = self.b.block_params(header).to_vec();
            for ((v, _), value) in looped.params.iter().zip(carried) {
                self.values[part][v.index()] = Some(value);
            }
            self.asked.clear();
            self.list(&looped.body)?;
        }
        let nowhere = LowerError::Malformed(u32::MAX);
        match &trace.end {
            End::Leave(id) => {
                let exit = self.exit(*id);
                self.b.ins().jump(exit, &[]);
            }
            End::Again(args) => self.jump(self.headers[part].ok_or(nowhere)?, args)?,
            End::Join(args) => {
                let block = match to {
                    Some(Target::Loop(part)) => self.headers.get(part).copied().flatten(),
                    Some(Target::Limb(part)) => self.begins.get(part).copied().flatten(),
                    _ => None,
                };
                self.jump(block.ok_or(nowhere)?, args)?;
            }
            End::Over(rounds) => {
                let rounds = self.value(*rounds)?;
                let (ways, more) = self.tree.saves(self.part, self.plan.worth.round);
                self.earn(rounds, ways, more)?;
                self.b.ins().jump(self.begins[0].ok_or(nowhere)?, &[]);
            }
        }
        Ok(())
    }

    /// Turns to a part of the tree.
    fn turn_to(&mut self, part: usize) {
        (self.trace, self.part) = (self.tree.part(part), part);
    }

    /// A limb, which its parent's exit goes on in.
    fn limb(&mut self, number: usize, block: Block) -> Result<(), LowerError> {
        let limb = number.checked_sub(1).and_then(|i| self.tree.limbs.get(i)).ok_or(LowerError::Malformed(0))?;
        self.turn_to(limb.parent);
        self.limb_from(limb.exit, block)?;
        let mut given = limb.given.iter().map(|arg| self.value(*arg)).collect::<Result<Vec<_>, _>>()?;
        self.turn_to(number);
        if self.tree.limbs.iter().any(|limb| limb.to == Some(Target::Limb(number))) {
            self.begin(number, &given)?;
            given = self.begins[number].map(|block| self.b.block_params(block).to_vec()).unwrap_or_default();
        }
        for (v, value) in limb.trace.inputs.iter().zip(given) {
            self.values[number][v.index()] = Some(value);
        }
        self.asked.clear();
        self.part(limb.to)
    }

    fn jump(&mut self, to: Block, args: &[Arg]) -> Result<(), LowerError> {
        let values = args.iter().map(|arg| self.value(*arg)).collect::<Result<Vec<_>, _>>()?;
        let values: Vec<ir::BlockArg> = values.into_iter().map(Into::into).collect();
        self.b.ins().jump(to, &values);
        Ok(())
    }

    fn list(&mut self, list: &[Var]) -> Result<(), LowerError> {
        for v in list {
            let inst = self.trace.inst(*v);
            let args = inst.args.iter().map(|arg| self.value(*arg)).collect::<Result<Vec<_>, _>>()?;
            self.note_asked(inst);
            let value = self.inst(inst, &args).ok_or(LowerError::Malformed(v.0))?;
            self.values[self.part][v.index()] = value;
        }
        Ok(())
    }

    /// The register of an operand. Constants are made where they are used; Cranelift makes one of equal ones.
    fn value(&mut self, arg: Arg) -> Result<ir::Value, LowerError> {
        match arg {
            Arg::Var(v) => self.values[self.part][v.index()].ok_or(LowerError::Malformed(v.0)),
            Arg::Const(Const::Flt(bits)) => Ok(self.b.ins().f64const(f64::from_bits(bits))),
            Arg::Const(Const::Bool(x)) => Ok(self.b.ins().iconst(types::I8, i64::from(x))),
            Arg::Const(c) => Ok(self.b.ins().iconst(types::I64, c.bits().cast_signed())),
        }
    }

    /// An instruction's code, and its result, if it has one. `None`: it is malformed.
    fn inst(&mut self, inst: &Inst, args: &[ir::Value]) -> Option<Option<ir::Value>> {
        match (inst.op, args, inst.imm) {
            (Op::Guard, [condition], _) => {
                self.guard(inst, *condition)?;
                Some(None)
            }
            (Op::Call, _, Imm::Call(helper)) => Some(self.call(helper, args)),
            _ if inst.is_load() => self.load(inst, args).map(Some),
            _ if inst.is_store() => self.store(inst, args).map(|()| None),
            (Op::New, [thread], Imm::New(shape, size)) => self.new_object(inst, *thread, shape, size).map(Some),
            (Op::Retain, [value], _) => {
                self.count(inst.op, *value);
                Some(None)
            }
            (Op::Release, [value], _) => {
                self.release(inst.args[0], *value);
                Some(None)
            }
            (_, [a], _) => self.unary(inst, *a).map(Some),
            (_, [a, b], _) => self.binary(inst, *a, *b).map(Some),
            _ => None,
        }
    }

    fn unary(&mut self, inst: &Inst, a: ir::Value) -> Option<ir::Value> {
        Some(match inst.op {
            Op::IToF => self.b.ins().fcvt_from_sint(types::F64, a),
            Op::FNeg => self.b.ins().fneg(a),
            Op::Not => self.b.ins().bxor_imm_u(a, 1),
            Op::IsNull => self.b.ins().icmp_imm_s(IntCC::Equal, a, 0),
            Op::IsInt => self.is_tagged(a, 3, 2),
            Op::IsObj => self.is_object(a),
            Op::Quiet => self.quiet(a)?,
            Op::IsBool => self.is_bool(a),
            Op::UnboxInt => self.b.ins().sshr_imm_u(a, 2),
            Op::BoxBool => self.box_bool(a),
            Op::BoxInt => self.box_int(inst, a)?,
            Op::IsFlt => self.is_float(a),
            Op::UnboxFlt => self.unbox_float(a),
            _ => return None,
        })
    }

    fn binary(&mut self, inst: &Inst, a: ir::Value, b: ir::Value) -> Option<ir::Value> {
        let ins = self.b.ins();
        Some(match inst.op {
            Op::IAdd => ins.iadd(a, b),
            Op::ISub => ins.isub(a, b),
            Op::IMul => ins.imul(a, b),
            Op::IAnd | Op::And => ins.band(a, b),
            Op::IOr | Op::Or => ins.bor(a, b),
            Op::IXor => ins.bxor(a, b),
            Op::ILt => ins.icmp(IntCC::SignedLessThan, a, b),
            Op::ILe => ins.icmp(IntCC::SignedLessThanOrEqual, a, b),
            Op::IEq | Op::Same | Op::PEq => ins.icmp(IntCC::Equal, a, b),
            Op::INe => ins.icmp(IntCC::NotEqual, a, b),
            Op::IUlt => ins.icmp(IntCC::UnsignedLessThan, a, b),
            Op::FAdd => ins.fadd(a, b),
            Op::FSub => ins.fsub(a, b),
            Op::FMul => ins.fmul(a, b),
            Op::FDiv => ins.fdiv(a, b),
            Op::FLt => ins.fcmp(FloatCC::LessThan, a, b),
            Op::FLe => ins.fcmp(FloatCC::LessThanOrEqual, a, b),
            Op::FEq => ins.fcmp(FloatCC::Equal, a, b),
            Op::FNe => ins.fcmp(FloatCC::NotEqual, a, b),
            Op::BoxFlt => return self.box_float(inst, a, b),
            _ => return self.checked(inst, a, b),
        })
    }

    /// Calls a helper. The address is a constant of the code: helpers do not move while the process lives.
    fn call(&mut self, helper: Helper, args: &[ir::Value]) -> Option<ir::Value> {
        let signature = *self.signatures.entry(helper).or_insert_with(|| self.b.import_signature(doors::by_c(helper)));
        let address = self.b.ins().iconst(types::I64, self.runtime.address(helper).cast_signed() as i64);
        let call = self.b.ins().call_indirect(signature, address, args);
        self.b.inst_results(call).first().copied()
    }
}
