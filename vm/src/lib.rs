//! The façade: isolates that run programs.
