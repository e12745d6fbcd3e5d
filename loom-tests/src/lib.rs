//! Model checks of qsbr and rc.
