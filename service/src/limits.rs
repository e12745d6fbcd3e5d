//! What an execution may use: the smaller of what it asks for, what the server allows, and what its deadline leaves.

use std::time::Duration;

use typhon_vm::Limits;

use crate::config::Config;
use crate::host::World;
use crate::quota::Quota;

/// Fills what the request left out and lowers what is above the ceiling. Limits that the server has no opinion about
/// pass through.
pub fn derive(asked: &Limits, config: &Config) -> Limits {
    let output = |asked: Option<u64>| clamp(asked, config.output_default.0, config.output_max.0);
    let threads = clamp(asked.threads, config.threads_default, config.threads_max);
    Limits {
        wall: clamp(asked.wall, config.wall_time_default, config.wall_time_max),
        cpu: clamp(asked.cpu, config.cpu_time_default, config.cpu_time_max),
        heap_bytes: clamp(asked.heap_bytes, config.heap_default.0, config.heap_max.0),
        stack_depth: clamp(asked.stack_depth, config.stack_depth_default, config.stack_depth_max),
        threads,
        cpu_parallelism: parallel(asked.cpu_parallelism, threads),
        stdout_bytes: output(asked.stdout_bytes),
        stderr_bytes: output(asked.stderr_bytes),
        result_bytes: clamp(asked.result_bytes, config.result_default.0, config.result_max.0),
        file_bytes: clamp(asked.file_bytes, config.file_bytes_default.0, config.file_bytes_max.0),
        files: clamp(asked.files, config.file_count_default, config.file_count_max),
        open_files: clamp(asked.open_files, config.open_files_default, config.open_files_max),
        source_bytes: clamp(asked.source_bytes, config.source_max.0, config.source_max.0),
        host_calls: clamp(asked.host_calls, config.host_calls_default.into(), config.host_calls_max.into()),
        ..asked.clone()
    }
}

/// Threads run all at the same time, or one at a time where that is more than was asked for.
fn parallel(asked: Option<u32>, threads: Option<u32>) -> Option<u32> {
    if asked < threads && asked.is_some() { Some(1) } else { threads }
}

/// Which of several threads runs is chance.
pub fn of_world(limits: &mut Limits, world: &World) {
    if world.deterministic {
        (limits.threads, limits.cpu_parallelism) = (Some(1), Some(1));
    }
}

/// No more heap than the tenant's quota allows.
pub fn within_quota(limits: Limits, quota: &Quota) -> Limits {
    Limits { heap_bytes: least(limits.heap_bytes, Some(quota.heap)), ..limits }
}

/// What an execution in a session may use: no more than the session's own limits.
pub fn within(asked: &Limits, session: &Limits) -> Limits {
    Limits {
        wall: least(asked.wall, session.wall),
        cpu: least(asked.cpu, session.cpu),
        instructions: least(asked.instructions, session.instructions),
        heap_bytes: session.heap_bytes,
        stack_depth: session.stack_depth,
        threads: session.threads,
        cpu_parallelism: session.cpu_parallelism,
        stdout_bytes: least(asked.stdout_bytes, session.stdout_bytes),
        stderr_bytes: least(asked.stderr_bytes, session.stderr_bytes),
        result_bytes: least(asked.result_bytes, session.result_bytes),
        file_bytes: least(asked.file_bytes, session.file_bytes),
        files: least(asked.files, session.files),
        open_files: least(asked.open_files, session.open_files),
        host_calls: least(asked.host_calls, session.host_calls),
        sleep: least(asked.sleep, session.sleep),
        compile: least(asked.compile, session.compile),
        source_bytes: least(asked.source_bytes, session.source_bytes),
    }
}

fn least<T: Ord>(asked: Option<T>, session: Option<T>) -> Option<T> {
    match (asked, session) {
        (Some(asked), Some(session)) => Some(asked.min(session)),
        (asked, session) => asked.or(session),
    }
}

fn clamp<T: Ord>(asked: Option<T>, default: T, ceiling: T) -> Option<T> {
    Some(asked.unwrap_or(default).min(ceiling))
}

/// The ceilings themselves.
pub fn ceilings(config: &Config) -> Limits {
    let most = Limits {
        wall: Some(Duration::MAX),
        cpu: Some(Duration::MAX),
        heap_bytes: Some(u64::MAX),
        stack_depth: Some(u32::MAX),
        threads: Some(u32::MAX),
        cpu_parallelism: Some(u32::MAX),
        stdout_bytes: Some(u64::MAX),
        stderr_bytes: Some(u64::MAX),
        result_bytes: Some(u64::MAX),
        source_bytes: Some(u64::MAX),
        file_bytes: Some(u64::MAX),
        files: Some(u32::MAX),
        open_files: Some(u32::MAX),
        host_calls: Some(u64::MAX),
        ..Limits::default()
    };
    derive(&most, config)
}

/// Lowers the sizes of a response that goes out as one message, so that it can.
pub fn fit_message(limits: &mut Limits, max_message: u64) {
    for size in [&mut limits.stdout_bytes, &mut limits.stderr_bytes, &mut limits.result_bytes] {
        *size = size.map(|bytes| bytes.min(max_message / 4));
    }
}

/// The wall time that is left of `until_deadline` once the answer's way back is taken off. `None` when there is none.
pub fn wall_before_deadline(wall: Duration, until_deadline: Duration, margin: Duration) -> Option<Duration> {
    // A short deadline keeps three quarters of itself.
    let margin = margin.min(until_deadline / 4);
    let left = until_deadline.saturating_sub(margin);
    (!left.is_zero()).then(|| wall.min(left))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        Config::from_source(|_| None).expect("the defaults are good")
    }

    #[test]
    fn absent_takes_the_default_and_absurd_takes_the_ceiling() {
        let limits = derive(&Limits::default(), &config());
        assert_eq!(limits.wall, Some(Duration::from_secs(10)));
        assert_eq!(limits.instructions, None);
        let absurd = Limits { wall: Some(Duration::MAX), heap_bytes: Some(u64::MAX), ..Limits::default() };
        let limits = derive(&absurd, &config());
        assert_eq!((limits.wall, limits.heap_bytes), (Some(Duration::from_secs(300)), Some(2 << 30)));
        assert_eq!(ceilings(&config()).wall, limits.wall);
    }

    #[test]
    fn a_smaller_wish_is_kept() {
        let small = Limits { wall: Some(Duration::from_millis(3)), stdout_bytes: Some(0), ..Limits::default() };
        let limits = derive(&small, &config());
        assert_eq!((limits.wall, limits.stdout_bytes), (small.wall, Some(0)));
    }

    #[test]
    fn threads_run_all_at_once_or_one_at_a_time() {
        let asked = |threads, cpu_parallelism| {
            derive(&Limits { threads, cpu_parallelism, ..Limits::default() }, &config()).cpu_parallelism
        };
        assert_eq!(asked(Some(4), None), Some(4));
        assert_eq!(asked(Some(4), Some(9)), Some(4));
        assert_eq!([asked(Some(4), Some(3)), asked(Some(4), Some(1)), asked(Some(1), Some(5))], [Some(1); 3]);
        // What was told may be asked for.
        let told = derive(&Limits::default(), &config());
        assert_eq!(derive(&told, &config()), told);
    }

    #[test]
    fn the_deadline_keeps_a_margin() {
        let ms = Duration::from_millis;
        assert_eq!(wall_before_deadline(ms(10_000), ms(1000), ms(25)), Some(ms(975)));
        assert_eq!(wall_before_deadline(ms(10), ms(1000), ms(25)), Some(ms(10)));
        assert_eq!(wall_before_deadline(ms(10_000), ms(40), ms(25)), Some(ms(30)));
        assert_eq!(wall_before_deadline(ms(10_000), ms(0), ms(25)), None);
    }
}
