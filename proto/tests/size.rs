//! What a decoded value costs.

use typhon_proto::v1::Value;

/// The worst request is a list of many small values; each costs this much once decoded.
#[test]
fn a_value_is_small() {
    assert!(size_of::<Value>() <= 40, "{} bytes", size_of::<Value>());
}
