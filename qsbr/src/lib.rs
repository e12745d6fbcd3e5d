//! Quiescent-state-based reclamation.
