//! Native modules that need no interpreter.
