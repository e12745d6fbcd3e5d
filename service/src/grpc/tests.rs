//! Conversions that need no server.

use super::*;

#[test]
fn grpc_timeouts_are_read_as_the_wire_form_says() {
    assert_eq!(parse_timeout("99999999H"), Some(Duration::from_secs(99_999_999 * 3600)));
    assert_eq!(parse_timeout("5M"), Some(Duration::from_secs(300)));
    assert_eq!(parse_timeout("250m"), Some(Duration::from_millis(250)));
    assert_eq!(parse_timeout("7u"), Some(Duration::from_micros(7)));
    for bad in ["", "S", "-1S", "123456789S", "5x", "5", "1é", "+5S"] {
        assert_eq!(parse_timeout(bad), None, "{bad:?}");
    }
}

#[test]
fn the_least_numbers_of_all_are_refused() {
    let least = prost_types::Duration { seconds: i64::MIN, nanos: i32::MIN };
    assert!(request::duration(Some(least), "x", Duration::ZERO).is_err());
    let time = v1::Time { utc_offset_microseconds: Some(i64::MIN), ..v1::Time::default() };
    let delta = v1::TimeDelta { days: i32::MIN, ..v1::TimeDelta::default() };
    for kind in [v1::value::Kind::TimeValue(time.into()), v1::value::Kind::TimedeltaValue(delta)] {
        assert!(value::decode(v1::Value { kind: Some(kind) }, "x").is_err());
    }
}
