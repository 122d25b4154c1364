//! Messages for a method: valid, almost valid, and arbitrary ones.

use std::collections::HashMap;

use kindling_proto::v1;
use prost::Message as _;
use prost::encoding::{WireType, encode_varint};
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorSet};

use crate::proofs::Random;

/// One RPC.
#[derive(Debug, Clone)]
pub(super) struct Method {
    /// Its HTTP path.
    pub(super) path: String,
    /// The type of its request messages.
    input: String,
    /// Whether its answer may take long.
    pub(super) waits: bool,
    pub(super) takes_a_stream: bool,
}

/// All methods, and the structure of their messages.
pub(super) struct Grammar {
    pub(super) methods: Vec<Method>,
    messages: HashMap<String, DescriptorProto>,
}

/// Edge cases of numeric fields.
const EDGES: [u64; 12] =
    [0, 1, 2, 3, 39, 40, 1001, 1 << 31, u32::MAX as u64, i64::MAX as u64, 1 << 63, u64::MAX];
const FLOATS: [f64; 10] =
    [0.5, -0.0, 1.0, -1.0, 1e300, 5e-324, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e18];

/// The mark of every lease, as text.
pub(super) const MARK: &str = "0123456789abcdef";

/// Messages are not made much larger than this on purpose. 4 MiB is the most that is accepted.
const LARGE: usize = 2 << 20;

impl Grammar {
    pub(super) fn new() -> Self {
        let set = FileDescriptorSet::decode(v1::DESCRIPTORS).expect("descriptors");
        let (mut methods, mut messages) = (Vec::new(), HashMap::new());
        for file in set.file {
            let package = file.package().to_owned();
            for service in &file.service {
                methods.extend(service.method.iter().map(|method| Method {
                    path: format!("/{package}.{}/{}", service.name(), method.name()),
                    input: method.input_type().to_owned(),
                    waits: method.server_streaming(),
                    takes_a_stream: method.client_streaming(),
                }));
            }
            for message in file.message_type {
                collect(&format!(".{package}"), message, &mut messages);
            }
        }
        for method in &mut methods {
            let input: &DescriptorProto = &messages[&method.input];
            method.waits |= input.field.iter().any(|field| field.name() == "wait");
        }
        Self { methods, messages }
    }

    /// A message for the method, as bytes.
    pub(super) fn message(&self, method: &Method, random: &mut Random) -> Vec<u8> {
        let mut message = Vec::new();
        match random.within(0..20) {
            0 => return noise(random),
            1 => return vec![*random.pick(&[0, 0xFF, 0x0A, 0x80]); random.within(0..5000)],
            2 => return nested(random),
            _ => self.write(&method.input, 0, random, &mut message),
        }
        if random.one_in(4) {
            mutate(&mut message, random);
        }
        message
    }

    fn write(&self, name: &str, depth: u32, random: &mut Random, out: &mut Vec<u8>) {
        let Some(descriptor) = self.messages.get(name) else { return };
        // Usually all fields are set: a missing one is refused before anything else is looked at.
        let leaves_out = if depth == 0 { 12 } else { 6 };
        let one_of = descriptor.oneof_decl.len();
        let chosen: Vec<_> = (0..one_of).map(|_| random.number()).collect();
        for field in &descriptor.field {
            let members = descriptor.field.iter().filter(|f| f.oneof_index == field.oneof_index);
            if let Some(of) = field.oneof_index {
                let members: Vec<_> = members.map(FieldDescriptorProto::number).collect();
                let pick = chosen[of as usize] as usize % members.len();
                if members[pick] != field.number() && !random.one_in(20) {
                    continue;
                }
            } else if random.one_in(leaves_out) {
                continue;
            }
            let count = match field.label() {
                Label::Repeated if random.one_in(200) => 3000,
                Label::Repeated => random.within(0..4),
                _ => 1,
            };
            for _ in 0..count {
                self.write_field(field, depth, random, out);
                if out.len() > LARGE {
                    return;
                }
            }
        }
    }

    fn write_field(
        &self,
        field: &FieldDescriptorProto,
        depth: u32,
        random: &mut Random,
        out: &mut Vec<u8>,
    ) {
        let number = u64::from(field.number().cast_unsigned()) << 3;
        let key = |wire: WireType| number | wire as u64;
        match field.r#type() {
            Type::Double => {
                encode_varint(key(WireType::SixtyFourBit), out);
                out.extend(random.pick(&FLOATS).to_le_bytes());
            }
            Type::Message => {
                let mut inner = Vec::new();
                if depth < 12 {
                    self.write(field.type_name(), depth + 1, random, &mut inner);
                }
                write_bytes(key(WireType::LengthDelimited), &inner, out);
            }
            Type::String | Type::Bytes => {
                write_bytes(key(WireType::LengthDelimited), &text(field.name(), random), out);
            }
            _ => {
                encode_varint(key(WireType::Varint), out);
                encode_varint(whole(field.name(), random), out);
            }
        }
    }
}

/// Collects messages by full name, including nested ones.
fn collect(scope: &str, message: DescriptorProto, into: &mut HashMap<String, DescriptorProto>) {
    let name = format!("{scope}.{}", message.name());
    for nested in &message.nested_type {
        collect(&name, nested.clone(), into);
    }
    into.insert(name, message);
}

fn write_bytes(key: u64, bytes: &[u8], out: &mut Vec<u8>) {
    encode_varint(key, out);
    encode_varint(bytes.len() as u64, out);
    out.extend(bytes);
}

/// Distributions as Optuna writes them.
pub(super) const DISTRIBUTIONS: [&str; 3] = [
    r#"{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 1.0, "log": false}}"#,
    r#"{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 0, "high": 4}}"#,
    r#"{"name": "CategoricalDistribution", "attributes": {"choices": [null, true, 1.5, "a", 2]}}"#,
];

/// Text for a field of this name, usually something that has a meaning there.
fn text(field: &str, random: &mut Random) -> Vec<u8> {
    if random.one_in(6) {
        return match random.within(0..9) {
            0 => vec![],
            1 => vec![0xFF, 0xFE, 0x80],
            2 => b"\xED\xA0\x80 half a surrogate".to_vec(),
            3 => vec![b'x'; 1_000_000],
            4 => "\u{202E}\0\n\u{1F525}".into(),
            5 => b"[".repeat(100_000),
            6 => br#"{"a":"#.repeat(5000),
            7 => b"1e999999".to_vec(),
            _ => noise(random),
        };
    }
    if matches!(field, "settings_json" | "value") && random.one_in(3) {
        return odd_json(random).into_bytes();
    }
    let choices: &[&str] = match field {
        "name" | "study" | "parent" => &["s", "s", "t", "x", "kind", "n", "unknown"],
        "study_name" => &["o", "p", "q", "s", ""],
        "param_name" => &["x", "y"],
        "distribution" => &DISTRIBUTIONS,
        "datetime_start" | "datetime_complete" => {
            &["", "2026-11-30 08:00:00.000001", "0001-01-01 00:00:00.0", "tomorrow"]
        }
        "worker_id" => &["w", "w", "w", "v"],
        "mark" => &[MARK, MARK, MARK, "another mark has", ""],
        "history" => &["", "", "another history."],
        "request_id" => &["", "r", "q"],
        "page_token" => &["", "0", "1", "-1", "99999999999", "-9223372036854775808", "x"],
        "objectives" => &["test", "test", "mnist_cnn"],
        "kind" | "key" => &["test", "kind", "points", "startup_trials", "a"],
        "string_value" => &["tpe", "random", "grid", "median", "none", "asha"],
        "settings_json" | "value" | "attributes_json" => {
            &["{}", "[1, {\"a\": null}]", "1", "NaN", "{", "\"\\ud800\"", "1e999"]
        }
        _ => &["a", "host", "cuda:0"],
    };
    random.pick(choices).as_bytes().to_vec()
}

/// JSON on which readers and writers disagree: nested about as deep as parsers go, with
/// `serde_json`'s reserved words, or with a name twice.
pub(super) fn odd_json(random: &mut Random) -> String {
    const RAW: &str = "$serde_json::private::RawValue";
    const NUMBER: &str = "$serde_json::private::Number";
    let depth = *random.pick(&[1, 2, 60, 63, 64, 65, 100, 120, 124, 125, 126, 127, 128]);
    let inner = match random.within(0..6) {
        0 => format!(r#"{{"{RAW}":"[1,2]"}}"#),
        1 => format!(r#"{{"{RAW}":"[1"}}"#),
        // An object is written in the order of its names, so this one starts differently after it
        // was read.
        2 => format!(r#"{{"a":1,"{RAW}":"1"}}"#),
        3 => format!(r#"{{"{NUMBER}":"1"}}"#),
        4 => r#"{"a":1,"a":-0.0,"b":1e-320,"c":18446744073709551615}"#.to_owned(),
        _ => "1".to_owned(),
    };
    let is_list = random.one_in(2);
    let (open, close) = if is_list { ("[", "]") } else { (r#"{"a":"#, "}") };
    // Settings must be an object.
    format!(r#"{{"a":{}{inner}{}}}"#, open.repeat(depth - 1), close.repeat(depth - 1))
}

/// A whole number for a field of this name.
fn whole(field: &str, random: &mut Random) -> u64 {
    if random.one_in(4) {
        return if random.one_in(2) { *random.pick(&EDGES) } else { random.number() };
    }
    match field {
        "attempt" => 1,
        // Our own study, or the one that an Optuna client drives, with trials of 1 to 4 and 5 to 7.
        "study_id" => *random.pick(&[1, 1, 2]),
        "trial_id" => random.within(1..9) as u64,
        "slots" => random.within(0..3) as u64,
        // Waits that end at once.
        "seconds" => 0,
        _ => random.within(0..5) as u64,
    }
}

/// Values nested deeper than anybody needs.
fn nested(random: &mut Random) -> Vec<u8> {
    let depth = *random.pick(&[20, 99, 101, 5000]);
    let mut message = Vec::new();
    for _ in 0..depth {
        let mut outer = Vec::with_capacity(message.len() + 8);
        // The field of a struct in a spec, of a list in a value, or of whatever else has this
        // number.
        let field = *random.pick(&[1, 5, 6]);
        write_bytes(field << 3 | 2, &message, &mut outer);
        message = outer;
    }
    message
}

fn noise(random: &mut Random) -> Vec<u8> {
    let length = *random.pick(&[0, 1, 2, 9, 100, 5000]);
    random.bytes(length)
}

fn mutate(message: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..random.within(1..5) {
        if message.is_empty() {
            return;
        }
        let place = random.within(0..message.len());
        match random.within(0..5) {
            0 => message[place] = random.number() as u8,
            1 => message[place] ^= 1 << random.within(0..8),
            2 => message.truncate(place),
            3 => message.insert(place, *random.pick(&[0, 0x7F, 0x80, 0xFF])),
            _ => message.extend_from_within(place..),
        }
        message.truncate(5_000_000);
    }
}
