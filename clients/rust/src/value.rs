//! What becomes a value of the program's.

use typhon_proto::v1;
use typhon_proto::v1::value::Kind;

/// What has a form on the wire.
pub trait IntoValue {
    fn into_value(self) -> v1::Value;
}

macro_rules! kinds {
    ($($type:ty as $value:ident => $kind:expr;)+) => {
        $(impl IntoValue for $type {
            fn into_value(self) -> v1::Value {
                let $value = self;
                v1::Value { kind: Some($kind) }
            }
        })+
    };
}

kinds! {
    bool as value => Kind::BoolValue(value);
    i32 as value => Kind::IntValue(value.into());
    u32 as value => Kind::IntValue(value.into());
    i64 as value => Kind::IntValue(value);
    f64 as value => Kind::FloatValue(value);
    &str as value => Kind::StrValue(value.to_owned());
    String as value => Kind::StrValue(value);
    &[u8] as value => Kind::BytesValue(value.to_vec());
}

impl IntoValue for v1::Value {
    fn into_value(self) -> v1::Value {
        self
    }
}

impl IntoValue for () {
    fn into_value(self) -> v1::Value {
        v1::Value { kind: Some(Kind::None(v1::NoneValue {})) }
    }
}

impl<T: IntoValue> IntoValue for Option<T> {
    fn into_value(self) -> v1::Value {
        self.map_or_else(|| ().into_value(), T::into_value)
    }
}

/// A list.
impl<T: IntoValue> IntoValue for Vec<T> {
    fn into_value(self) -> v1::Value {
        let items = self.into_iter().map(T::into_value).collect();
        v1::Value { kind: Some(Kind::ListValue(v1::ValueList { items })) }
    }
}

/// A list.
impl<T: IntoValue, const N: usize> IntoValue for [T; N] {
    fn into_value(self) -> v1::Value {
        Vec::from(self).into_value()
    }
}
