//! Outcomes, usage and limits, to the wire.

use std::time::Duration;

use typhon_proto::v1;
use typhon_vm::{Detail, LimitHit, LimitName, Limits, Outcome, Response, Sharing, TerminationReason, Usage};

use crate::grpc::value::Encoder;
use crate::job::Captured;

/// What an exception may carry out, whatever the guest put into it.
const EXCEPTION_BYTES: usize = 1 << 20;

/// What the message's frame around each value costs beyond the result's own limit.
const RESULT_SLACK: usize = 64 * 1024;

/// The end of an execution, but for its name and its session.
pub fn ended(response: Response, [stdout, stderr]: [Captured; 2], effective: &Limits) -> v1::ExecuteResponse {
    let result_bytes = effective.result_bytes.map_or(usize::MAX, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
    // The engine holds the limit on the guest's own terms; this holds it on the wire's, where a small int costs eight.
    let mut encoder = Encoder::new(result_bytes.saturating_mul(4).saturating_add(RESULT_SLACK).min(RESULT_MAX));
    v1::ExecuteResponse {
        outcome: Some(outcome(response.outcome)),
        result: response.result.map(|value| encoder.value(value)),
        stdout: Some(output(stdout)),
        stderr: Some(output(stderr)),
        usage: Some(usage(&response.usage)),
        effective_limits: Some(limits(effective)),
        warnings: response.warnings,
        ..v1::ExecuteResponse::default()
    }
}

/// However large the limit, one value leaves room in one message.
const RESULT_MAX: usize = 16 << 20;

fn output(captured: Captured) -> v1::Output {
    v1::Output { data: captured.data, produced_bytes: signed(captured.produced), truncated: captured.truncated }
}

fn outcome(outcome: Outcome) -> v1::Outcome {
    use v1::outcome::Detail as Wire;
    let detail = match outcome.detail {
        Detail::None if outcome.reason == TerminationReason::Completed => Some(Wire::Completed(v1::Completed {})),
        Detail::None => None,
        Detail::Exception(exception) => {
            Some(Wire::Exception(Box::new(Encoder::new(EXCEPTION_BYTES).exception(*exception))))
        }
        Detail::ExitCode(code) => Some(Wire::ExitCode(code)),
        Detail::Limit(hit) => Some(Wire::Limit(limit_hit(hit))),
        Detail::Cancelled { by } => Some(Wire::Cancelled(v1::Cancelled { by })),
        Detail::Crash { message } => Some(Wire::Crash(v1::Crash { worker: String::new(), message })),
    };
    v1::Outcome { reason: reason(outcome.reason).into(), detail, session_survives: false }
}

pub fn reason(reason: TerminationReason) -> v1::TerminationReason {
    use v1::TerminationReason as Wire;
    match reason {
        TerminationReason::Completed => Wire::Completed,
        TerminationReason::Exception => Wire::Exception,
        TerminationReason::Exit => Wire::Exit,
        TerminationReason::WallTime => Wire::WallTime,
        TerminationReason::CpuTime => Wire::CpuTime,
        TerminationReason::Instructions => Wire::Instructions,
        TerminationReason::Memory => Wire::Memory,
        TerminationReason::Stack => Wire::Stack,
        TerminationReason::Output => Wire::Output,
        TerminationReason::Threads => Wire::Threads,
        TerminationReason::Files => Wire::Files,
        TerminationReason::HostCalls => Wire::HostCalls,
        TerminationReason::Sleep => Wire::Sleep,
        TerminationReason::ResultSize => Wire::ResultSize,
        TerminationReason::CompileError => Wire::CompileError,
        TerminationReason::Policy => Wire::Policy,
        TerminationReason::CancelledByClient => Wire::CancelledByClient,
        TerminationReason::Interrupted => Wire::Interrupted,
        TerminationReason::ClientGone => Wire::ClientGone,
        TerminationReason::ServerDrain => Wire::ServerDrain,
        TerminationReason::WorkerCrash => Wire::WorkerCrash,
    }
}

pub fn limit_hit(hit: LimitHit) -> v1::LimitHit {
    v1::LimitHit { which: limit_name(hit.which).into(), limit: signed(hit.limit), used: signed(hit.used) }
}

fn limit_name(name: LimitName) -> v1::LimitName {
    use v1::LimitName as Wire;
    match name {
        LimitName::Wall => Wire::WallTime,
        LimitName::Cpu => Wire::CpuTime,
        LimitName::Instructions => Wire::Instructions,
        LimitName::HeapBytes => Wire::HeapBytes,
        LimitName::StackDepth => Wire::StackDepth,
        LimitName::Threads => Wire::MaxThreads,
        LimitName::StdoutBytes => Wire::StdoutBytes,
        LimitName::StderrBytes => Wire::StderrBytes,
        LimitName::ResultBytes => Wire::ResultBytes,
        LimitName::FileBytes => Wire::FileBytes,
        LimitName::Files => Wire::FileCount,
        LimitName::OpenFiles => Wire::OpenFiles,
        LimitName::HostCalls => Wire::HostCalls,
        LimitName::Sleep => Wire::SleepTime,
        LimitName::Compile => Wire::CompileTime,
        LimitName::SourceBytes => Wire::SourceBytes,
    }
}

pub fn limits(limits: &Limits) -> v1::Limits {
    let small = |number: Option<u32>| number.map(|number| i32::try_from(number).unwrap_or(i32::MAX));
    let big = |number: Option<u64>| number.map(signed);
    v1::Limits {
        wall_time: limits.wall.map(duration),
        cpu_time: limits.cpu.map(duration),
        instructions: big(limits.instructions),
        heap_bytes: big(limits.heap_bytes),
        stack_depth: small(limits.stack_depth),
        max_threads: small(limits.threads),
        cpu_parallelism: small(limits.cpu_parallelism),
        stdout_bytes: big(limits.stdout_bytes),
        stderr_bytes: big(limits.stderr_bytes),
        result_bytes: big(limits.result_bytes),
        file_bytes: big(limits.file_bytes),
        file_count: small(limits.files),
        open_files: small(limits.open_files),
        host_calls: big(limits.host_calls),
        sleep_time: limits.sleep.map(duration),
        compile_time: limits.compile.map(duration),
        source_bytes: big(limits.source_bytes),
    }
}

fn usage(usage: &Usage) -> v1::Usage {
    v1::Usage {
        queue_time: Some(duration(usage.queue)),
        start_time_cost: Some(duration(usage.start_cost)),
        compile_time: Some(duration(usage.compile)),
        wall_time: Some(duration(usage.wall)),
        cpu_time: Some(duration(usage.cpu)),
        instructions: signed(usage.instructions),
        peak_heap_bytes: signed(usage.peak_heap_bytes),
        heap_byte_seconds: usage.heap_byte_seconds,
        // Nothing counts them: see the field.
        allocations: 0,
        gc_time: Some(duration(usage.gc)),
        jit_compile_time: Some(duration(usage.jit_compile)),
        jit_code_bytes: signed(usage.jit_code_bytes),
        threads_peak: i32::try_from(usage.threads_peak).unwrap_or(i32::MAX),
        host_calls: signed(usage.host_calls),
        host_wait_time: Some(duration(usage.host_wait)),
        bytes_out: signed(usage.bytes_out),
        isolate_source: v1::usage::IsolateSource::Cold.into(),
        sharing: usage.sharing.map(|cost| Box::new(sharing(&cost))),
    }
}

fn sharing(cost: &Sharing) -> v1::Sharing {
    v1::Sharing {
        shares: signed(cost.shares),
        merges: signed(cost.merges),
        delayed_releases: signed(cost.delayed_releases),
        grace_periods: signed(cost.graces),
        grace_time: Some(duration(cost.grace)),
        native_lock_waits: signed(cost.native_lock_waits),
        native_lock_wait_time: Some(duration(cost.native_lock_wait)),
        world_stops: signed(cost.world_stops),
        world_stop_time: Some(duration(cost.world_stop)),
        collections: signed(cost.collections),
    }
}

pub fn duration(time: Duration) -> prost_types::Duration {
    // Below a billion by Duration's own contract.
    let nanos = i32::try_from(time.subsec_nanos()).unwrap_or(0);
    prost_types::Duration { seconds: i64::try_from(time.as_secs()).unwrap_or(i64::MAX), nanos }
}

pub fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub fn small(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
