//! Frames of every type as a server would send them, generated.

use proptest::{collection::vec, prelude::*};
use redis::Value;

use crate::resp::Kind;

/// One value on the wire.
#[derive(Clone, Debug)]
pub(super) enum Wire {
    /// A type whose text ends with its line: `+ - : , # _ (`.
    Line(u8, String),
    /// A type whose length goes before it: `$ = !`.
    Blob(u8, Vec<u8>),
    NilBulk,
    NilArray,
    /// A type that holds values: `* ~ >`.
    Many(u8, Vec<Wire>),
    Map(Vec<(Wire, Wire)>),
    Attribute(Vec<(Wire, Wire)>, Box<Wire>),
}

impl Wire {
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Line(kind, text) => {
                out.push(*kind);
                out.extend_from_slice(text.as_bytes());
                out.extend_from_slice(b"\r\n");
            }
            Self::Blob(kind, payload) => {
                header(out, *kind, payload.len());
                out.extend_from_slice(payload);
                out.extend_from_slice(b"\r\n");
            }
            Self::NilBulk => out.extend_from_slice(b"$-1\r\n"),
            Self::NilArray => out.extend_from_slice(b"*-1\r\n"),
            Self::Many(kind, values) => {
                header(out, *kind, values.len());
                for value in values {
                    value.write(out);
                }
            }
            Self::Map(pairs) => {
                header(out, b'%', pairs.len());
                write_pairs(pairs, out);
            }
            Self::Attribute(pairs, value) => {
                header(out, b'|', pairs.len());
                write_pairs(pairs, out);
                value.write(out);
            }
        }
    }

    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Attribute(_, value) => value.kind(),
            Self::Many(b'>', _) => Kind::Push,
            Self::Line(b'-', _) | Self::Blob(b'!', _) => Kind::Error,
            _ => Kind::Reply,
        }
    }
}

fn header(out: &mut Vec<u8>, kind: u8, len: usize) {
    out.extend_from_slice(format!("{}{len}\r\n", char::from(kind)).as_bytes());
}

fn write_pairs(pairs: &[(Wire, Wire)], out: &mut Vec<u8>) {
    for (key, value) in pairs {
        key.write(out);
        value.write(out);
    }
}

fn line(kind: u8, text: impl Strategy<Value = String>) -> impl Strategy<Value = Wire> {
    text.prop_map(move |text| Wire::Line(kind, text))
}

fn leaf() -> impl Strategy<Value = Wire> {
    let error = || "(ERR|MOVED|NOSCRIPT|WRONGTYPE|LOADING|EXECABORT|x|)( [^\r\n]{0,12})?";
    let double = prop_oneof![
        Just("inf".to_owned()),
        Just("-inf".to_owned()),
        Just("nan".to_owned()),
        Just("-nan".to_owned()),
        "-?[0-9]{1,9}(\\.[0-9]{1,9})?([eE][+-]?[0-9]{1,2})?",
        any::<f64>().prop_map(|double| double.to_string()),
    ];
    prop_oneof![
        line(
            b'+',
            prop_oneof![Just("OK".to_owned()), "[^\r\n]{0,12}", "\n{0,2}[a\r]{0,3}(b\n)?"]
        ),
        line(b'-', error()),
        line(
            b':',
            prop_oneof![
                any::<i64>().prop_map(|integer| integer.to_string()),
                "[+-]?0{0,3}[0-9]{1,4}"
            ]
        ),
        line(b',', double),
        line(b'#', "[tf]"),
        line(b'_', ""),
        line(b'(', "-?[1-9][0-9]{0,60}"),
        vec(any::<u8>(), 0..40).prop_map(|payload| Wire::Blob(b'$', payload)),
        "(txt|mkd|abc):[^:]{0,12}(:x)?".prop_map(|text| Wire::Blob(b'=', text.into_bytes())),
        vec(any::<u8>(), 0..12).prop_map(|tail| Wire::Blob(b'=', [&b"txt:"[..], &tail].concat())),
        error().prop_map(|text| Wire::Blob(b'!', text.into_bytes())),
        vec(any::<u8>(), 0..12).prop_map(|bytes| Wire::Blob(b'!', bytes)),
        Just(Wire::NilBulk),
        Just(Wire::NilArray),
    ]
}

fn push(value: impl Strategy<Value = Wire>) -> impl Strategy<Value = Wire> {
    let name = "invalidate|p?message|smessage|[ps]?(un)?subscribe|other|";
    (name, any::<bool>(), vec(value, 0..4)).prop_map(|(name, bulk, data)| {
        let name = if bulk {
            Wire::Blob(b'$', name.into_bytes())
        } else {
            Wire::Line(b'+', name)
        };
        Wire::Many(b'>', [vec![name], data].concat())
    })
}

/// Any value, nested a few levels deep.
pub(super) fn value() -> impl Strategy<Value = Wire> {
    leaf().prop_recursive(5, 48, 6, |value| {
        let pairs = || vec((value.clone(), value.clone()), 0..4);
        prop_oneof![
            4 => vec(value.clone(), 0..6).prop_map(|values| Wire::Many(b'*', values)),
            1 => vec(value.clone(), 0..6).prop_map(|values| Wire::Many(b'~', values)),
            1 => pairs().prop_map(Wire::Map),
            1 => (pairs(), value.clone()).prop_map(|(pairs, value)| Wire::Attribute(pairs, Box::new(value))),
            1 => push(value.clone()),
            1 => Just(Wire::Many(b'>', Vec::new())),
        ]
    })
}

/// An array as `MGET` answers it, but with anything among its elements.
pub(super) fn array() -> impl Strategy<Value = Vec<Wire>> {
    let string = vec(any::<u8>(), 0..40).prop_map(|payload| Wire::Blob(b'$', payload));
    vec(
        prop_oneof![3 => string, 1 => Just(Wire::NilBulk), 2 => value()],
        0..10,
    )
}

/// Bytes that look enough like frames to get past the first one.
pub(super) fn noise() -> impl Strategy<Value = Vec<u8>> {
    let fragment = prop_oneof![
        4 => prop::sample::select(&b"*$:+-%~>|=!,#(_?;.tf0123459\r\n"[..]).prop_map(|byte| vec![byte]),
        2 => Just(b"\r\n".to_vec()),
        1 => any::<u8>().prop_map(|byte| vec![byte]),
        2 => ("[*$%~>|=!:]", -2_i64..6)
            .prop_map(|(kind, count)| format!("{kind}{count}\r\n").into_bytes()),
        1 => value().prop_map(|value| value.bytes()),
    ];
    vec(fragment, 0..24).prop_map(|fragments| fragments.concat())
}

/// A valid frame with one byte changed or a piece missing.
pub(super) fn damaged() -> impl Strategy<Value = Vec<u8>> {
    (value(), any::<prop::sample::Index>(), any::<u8>(), 0..4_usize).prop_map(|(value, at, byte, cut)| {
        let mut bytes = value.bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        bytes.drain(at..(at + cut).min(bytes.len()));
        bytes
    })
}

/// Equality in which a NaN equals itself, and its sign counts.
pub(super) fn same(left: &Value, right: &Value) -> bool {
    let all = |left: &[Value], right: &[Value]| {
        left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right))
    };
    let pairs = |left: &[(Value, Value)], right: &[(Value, Value)]| {
        left.len() == right.len()
            && left
                .iter()
                .zip(right)
                .all(|(left, right)| same(&left.0, &right.0) && same(&left.1, &right.1))
    };
    match (left, right) {
        (Value::Double(left), Value::Double(right)) => left.to_bits() == right.to_bits(),
        (Value::Array(left), Value::Array(right)) | (Value::Set(left), Value::Set(right)) => all(left, right),
        (Value::Map(left), Value::Map(right)) => pairs(left, right),
        (
            Value::Attribute {
                data: left,
                attributes: left_pairs,
            },
            Value::Attribute {
                data: right,
                attributes: right_pairs,
            },
        ) => same(left, right) && pairs(left_pairs, right_pairs),
        (
            Value::Push {
                kind: left_kind,
                data: left,
            },
            Value::Push {
                kind: right_kind,
                data: right,
            },
        ) => left_kind == right_kind && all(left, right),
        _ => left == right,
    }
}
