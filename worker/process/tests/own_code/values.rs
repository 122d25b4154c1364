//! Values arrive as they are, through a real process.

use std::time::Duration;

use kindling_worker::{ParamValue, Params};
use proptest::prelude::*;
use serde_json::json;

use crate::harness::{CLIENT, Recorder, command_with, sh, text};

/// Compares what came as arguments with what came over the socket, and with the code points given beside.
const ECHO: &str = r#"
trial = call(call="hello", version=1)["trial"]
params = trial["params"]
call(call="set_user_attr", name="argv", value=sys.argv[1:])
args = dict(arg[2:].split("=", 1) for arg in sys.argv[2:])
assert all(arg.startswith("--") for arg in sys.argv[2:]), sys.argv
assert sys.argv[1] == args["t"] == params["t"], (sys.argv, params)
assert int(args["i"]) == params["i"], (args, params)
assert float(args["f"]) == params["f"], (args, params)
assert json.load(open(os.environ["PARAMS"])) == params
given = json.loads(os.environ["GIVEN"])
assert [ord(c) for c in params["t"]] == given["t"], (params, given)
assert str(params["i"]) == given["i"], (params, given)
assert params["f"].hex() == float.fromhex(given["f"]).hex(), (params, given)
result(1)
"#;

fn arrives(t: &str, i: i64, f: f64) {
    let params: Params = [
        ("t".to_owned(), text(t)),
        ("i".to_owned(), ParamValue::Int(i)),
        ("f".to_owned(), ParamValue::Float(f)),
    ]
    .into();
    let code_points: Vec<u32> = t.chars().map(u32::from).collect();
    let given = json!({"t": code_points, "i": i.to_string(), "f": hex(f)}).to_string();
    let settings = json!({
        "command": [
            "env", "PARAMS=${params_file}", "python3", "-c", format!("{CLIENT}{ECHO}").replace("${", "$${"),
            "${param:t}", "${args}",
        ],
        "env": {"GIVEN": given},
    });
    let ran = command_with(settings, params, Recorder::default());
    assert_eq!(ran.values(), [1.0]);
}

/// A float as Python's `float.fromhex` reads it exactly.
fn hex(f: f64) -> String {
    let bits = f.to_bits();
    let (exponent, mantissa) = ((bits >> 52) & 0x7ff, bits & ((1 << 52) - 1));
    let sign = if f.is_sign_negative() { "-" } else { "" };
    let (lead, exponent) = if exponent == 0 { (0, -1022) } else { (1, exponent as i64 - 1023) };
    format!("{sign}0x{lead}.{mantissa:013x}p{exponent}")
}

#[test]
fn values_at_their_limits_arrive_as_they_are() {
    let nasty =
        "a \"quote\" 'and' $(touch x) `y` ${args} \\ -- \n\t\r é 𝄞 \u{7f}\u{1} *?[]{}~#!&;|<>";
    for (t, i, f) in [
        (nasty, i64::MIN, f64::MAX),
        ("--help", i64::MAX, f64::MIN_POSITIVE),
        ("", 0, -0.0),
        ("None", -1, 5e-324),
        ("=", 1, 0.1 + 0.2),
    ] {
        arrives(t, i, f);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn all_values_arrive_as_they_are(
        t in "([^\u{0}]|[\"'$`\\\\\n\r -]){0,40}",
        i in any::<i64>(),
        f in any::<f64>().prop_filter("finite", |f| f.is_finite()),
    ) {
        arrives(&t, i, f);
    }
}

#[test]
fn a_hundred_thousand_lines_at_once_do_not_hold_the_script_up() {
    let recorder = Recorder { takes: Duration::from_millis(2), ..Recorder::default() };
    let script = r#"awk 'BEGIN { for (i = 0; i < 100000; i++) print "accuracy=" i / 1000 }'"#;
    let settings = json!({"command": ["sh", "-c", script], "metric": "accuracy"});
    let ran = command_with(settings, Params::new(), recorder);
    assert_eq!(ran.values(), [99.999]);
    let exact: Vec<_> =
        (0..50_u32).map(|step| (u64::from(step), f64::from(step) / 1000.0)).collect();
    assert_eq!(ran.reports[..50], exact);
    assert_eq!(ran.reports.last(), Some(&(99_999, 99.999)));
    assert!(ran.reports.is_sorted_by(|(a, _), (b, _)| a < b));
    assert!(ran.took < Duration::from_mins(1), "{:?}", ran.took);
}

#[test]
fn fifty_lines_at_once_are_an_exact_curve() {
    let recorder = Recorder { takes: Duration::from_millis(5), ..Recorder::default() };
    let script = r#"awk 'BEGIN { for (i = 0; i < 50; i++) print "accuracy=" i / 1000 }'"#;
    let settings = json!({"command": ["sh", "-c", script], "metric": "accuracy"});
    let ran = command_with(settings, Params::new(), recorder);
    let exact: Vec<_> =
        (0..50_u32).map(|step| (u64::from(step), f64::from(step) / 1000.0)).collect();
    assert_eq!(ran.reports, exact);
}

#[test]
fn a_metric_that_is_nearly_right_is_named() {
    let ran = sh("echo Accuracy=0.9; echo loss=0.1");
    let expected = "no line of its output gave `accuracy`; it gave `Accuracy`, `loss`\nhint: did you mean \
                    `Accuracy`?";
    assert!(ran.reason().contains(expected), "{}", ran.reason());
}
