//! The table of limits and thresholds: name, environment variable, default, unit, and why.

macro_rules! params {
    ($($name:ident $env:literal = $default:literal $unit:literal, $why:literal;)*) => {
        /// What the trace compiler may do, and when it does it.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Params { $(#[doc = concat!($why, " In ", $unit, ".")] pub $name: u64,)* }

        impl Params {
            /// What the table says.
            pub const DEFAULT: Self = Self { $($name: $default,)* };

            /// Every row: environment variable, default, unit, reason.
            pub const TABLE: &'static [(&'static str, u64, &'static str, &'static str)] =
                &[$(($env, $default, $unit, $why),)*];

            /// What the table says, where `get` has nothing else for an environment variable. What is no number is named.
            pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, BadParam> {
                let mut params = Self::DEFAULT;
                $(if let Some(text) = get($env) {
                    params.$name = text.parse().map_err(|_| BadParam { name: $env, text })?;
                })*
                Ok(params)
            }
        }
    };
}

params! {
    loop_hot "TYPHON_JIT_LOOP" = 1039 "iterations", "When a loop is recorded; a prime, so that the recorded iteration varies.";
    call_hot "TYPHON_JIT_CALL" = 1619 "calls", "When a function is recorded; later than loops, which take it along.";
    exit_hot "TYPHON_JIT_EXIT" = 211 "exits", "When a bridge is recorded from an exit.";
    tree_hot "TYPHON_JIT_TREE" = 0 "links", "When what a link leads to is compiled again as a part of what it leaves; 0: never.";
    trace_max "TYPHON_JIT_TRACE_MAX" = 6000 "IR instructions", "Where a recording that goes on and on is cut.";
    depth_max "TYPHON_JIT_DEPTH_MAX" = 16 "frames", "How deep calls are taken along.";
    unroll_max "TYPHON_JIT_UNROLL_MAX" = 2 "frames", "How often a function is taken along into itself.";
    variants_max "TYPHON_JIT_VARIANTS_MAX" = 8 "executors", "How many sets of types one place has executors for.";
    traces_max "TYPHON_JIT_TRACES_MAX" = 64 "traces", "How many the loops of one code object and their exits have.";
    credit "TYPHON_JIT_CREDIT" = 4000 "millions of a tenth of an interpreted instruction", "What compiling may cost before traces have saved anything.";
    cache_bytes "TYPHON_JIT_CACHE_BYTES" = 67108864 "bytes", "What cached executors may take, their IR included.";
    code_bytes "TYPHON_JIT_CODE_BYTES" = 67108864 "bytes", "What machine code may take.";
    queue_max "TYPHON_JIT_QUEUE_MAX" = 64 "traces", "How many wait to be compiled; more are recorded later.";
    links "TYPHON_JIT_LINKS" = 1 "yes or no", "Whether exits go on in machine code by themselves.";
    perf_map "TYPHON_JIT_PERF_MAP" = 0 "yes or no", "Whether `perf report` is told the names of traces.";
    workers "TYPHON_JIT_WORKERS" = 1 "threads", "How many compile.";
}

/// A variable that is no number.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}={text} is no number")]
pub struct BadParam {
    /// The variable.
    pub name: &'static str,
    /// What it was set to.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_overrides_the_table() {
        let read = |name: &str, text: &str| {
            let (name, text) = (name.to_string(), text.to_string());
            Params::read(move |asked| (asked == name).then(|| text.clone()))
        };
        assert_eq!(read("TYPHON_JIT_LOOP", "2").map(|p| (p.loop_hot, p.exit_hot)), Ok((2, 211)));
        let bad = BadParam { name: "TYPHON_JIT_EXIT", text: "soon".into() };
        assert_eq!(read("TYPHON_JIT_EXIT", "soon"), Err(bad));
        assert_eq!(Params::read(|_| None), Ok(Params::DEFAULT));
        assert!(Params::TABLE.iter().all(|(env, ..)| env.starts_with("TYPHON_JIT_")));
    }
}
