//! A job as an `ExecuteRequest` again, as which a worker process checks it like any other.

use std::time::Duration;

use typhon_proto::v1;
use typhon_vm::{HostFunction, HostFunctions, HostModule, ResultMode};

use crate::grpc::response;
use crate::grpc::value::Encoder;
use crate::host::World;
use crate::job::Job;
use crate::output::{OutputMode, OutputPlan, Overflow};

/// Of what came in by one message, so that nothing is left out.
const ALL: usize = usize::MAX;

pub fn encode(job: &Job, wall: Duration, stdin: Vec<u8>) -> v1::ExecuteRequest {
    let request = &job.request;
    let mut encoder = Encoder::new(ALL);
    let inputs = request.inputs.iter().map(|(name, value)| (name.clone(), encoder.value(value.clone())));
    let source = v1::Source { text: request.source.clone(), filename: request.filename.clone() };
    v1::ExecuteRequest {
        code: Some(v1::execute_request::Code::Source(source)),
        entry_point: request.entry_point.clone().unwrap_or_default(),
        inputs: inputs.collect(),
        argv: request.argv.clone(),
        env: request.env.iter().cloned().collect(),
        stdin,
        files: request
            .files
            .iter()
            .map(|(path, content)| v1::InputFile {
                path: path.clone(),
                data: Some(v1::input_file::Data::Content(content.clone())),
            })
            .collect(),
        limits: Some(v1::Limits { wall_time: Some(response::duration(wall)), ..response::limits(&request.limits) }),
        policy: Some(policy(job.kept.world(), request.host.as_ref().map(|grant| &grant.functions))),
        output: Some(output(job.plan)),
        result_mode: match request.result_mode {
            ResultMode::None => v1::ResultMode::None,
            ResultMode::LastExpression => v1::ResultMode::LastExpression,
            ResultMode::ReturnValue => v1::ResultMode::ReturnValue,
            ResultMode::Repr => v1::ResultMode::Repr,
        }
        .into(),
        validate_only: request.validate_only,
        ..v1::ExecuteRequest::default()
    }
}

fn named(functions: &[HostFunction]) -> Vec<v1::HostFunction> {
    let wire = |HostFunction { name, documentation }: &HostFunction| v1::HostFunction {
        name: name.clone(),
        documentation: documentation.clone(),
        ..v1::HostFunction::default()
    };
    functions.iter().map(wire).collect()
}

fn policy(world: &World, functions: Option<&HostFunctions>) -> v1::Policy {
    use v1::clock_policy::Mode;
    use v1::network_policy::Mode as Network;
    let clock = |mode: Mode, at: Duration| v1::ClockPolicy {
        mode: mode.into(),
        epoch_nanoseconds: Some(i64::try_from(at.as_nanos()).unwrap_or(i64::MAX)),
    };
    let frozen = world.frozen_clock.map(|at| clock(Mode::Frozen, at));
    let clock = frozen.or(world.virtual_clock.map(|at| clock(Mode::Virtual, at)));
    let entropy =
        world.entropy_seed.map(|seed| v1::EntropyPolicy { mode: v1::entropy_policy::Mode::Seeded.into(), seed });
    let deterministic = world.deterministic;
    let modules = world.modules.as_ref();
    let modules = modules.map(|modules| v1::ModulePolicy { allow: modules.allow.clone(), deny: modules.deny.clone() });
    let host_functions = functions.map(|functions| named(&functions.globals)).unwrap_or_default();
    let wire = |module: &HostModule| v1::HostModule {
        name: module.name.clone(),
        functions: named(&module.functions),
        documentation: module.documentation.clone(),
    };
    let host_modules = functions.map(|functions| functions.modules.iter().map(wire).collect()).unwrap_or_default();
    let network = world.network.as_ref();
    let network = network.map(|rules| v1::NetworkPolicy { mode: Network::Proxy.into(), rules: rules.wire() });
    v1::Policy {
        modules,
        clock,
        entropy,
        host_functions,
        host_modules,
        network,
        deterministic,
        ..v1::Policy::default()
    }
}

fn output(plan: OutputPlan) -> v1::OutputOptions {
    use v1::output_options::{Mode, Overflow as Wire};
    let mode = match plan.mode {
        OutputMode::Inline => Mode::Inline,
        OutputMode::Stream => Mode::Stream,
        OutputMode::Discard => Mode::Discard,
    };
    let overflow = match plan.overflow {
        Overflow::TruncateTail => Wire::TruncateTail,
        Overflow::TruncateHead => Wire::TruncateHead,
        Overflow::Stop => Wire::Stop,
    };
    v1::OutputOptions {
        mode: mode.into(),
        overflow: overflow.into(),
        merge_stderr: plan.merge_stderr,
        encoding_errors: plan.handler.unwrap_or_default().to_owned(),
        traces: plan.traces,
        ..v1::OutputOptions::default()
    }
}
