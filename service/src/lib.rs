//! The gRPC execution service.
