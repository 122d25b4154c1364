//! `kindling diagnose`, as a user runs it.

mod support;

use serde_json::Value;
use support::{Folder, failure};

/// The output for networks on the synthetic digits, with these arguments.
fn diagnose(args: &[&str]) -> String {
    let output = support::output(&[&["diagnose", "--data", "digits"], args].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn diagnose_json(args: &[&str]) -> Value {
    serde_json::from_str(&diagnose(&[args, &["--json"]].concat())).expect("JSON")
}

#[test]
fn it_shows_each_layer_at_the_start_and_after_an_epoch() {
    let shown = diagnose(&["--conv", "he_normal", "--fc", "gaussian", "--std", "0.3"]);
    let tables: Vec<_> = shown.split("\n\n").collect();
    for (table, stage) in tables.iter().zip(["start", "after 1 epoch"]) {
        let head = format!("common: conv he_normal, fc gaussian 0.3: {stage}\n");
        assert!(table.trim_start().starts_with(&head), "{shown}");
        for row in ["conv 1 relu", "conv 2", "conv 3", "fc 1 sigmoid", "fc 2 softmax"] {
            assert!(table.contains(row), "{row}: {shown}");
        }
        assert!(table.contains('█') && table.contains("saturated"), "{shown}");
    }
    assert!(!shown.contains('\u{1b}'), "no colour in a pipe: {shown:?}");
}

#[test]
fn a_script_gets_the_diagnosis_and_what_it_is_of() {
    let args = ["--network", "deep", "--conv", "xavier_normal", "--fc", "const_0.5"];
    let one = diagnose_json(&[&args[..], &["--epochs", "0"]].concat());
    assert_eq!(one["settings"]["network"], "deep");
    assert_eq!(one["settings"]["std_fc"], Value::Null);
    assert_eq!(one["stages"].as_array().map(Vec::len), Some(1));
    let layers = one["stages"][0]["layers"].as_array().expect("layers");
    let names: Vec<_> =
        layers.iter().map(|layer| layer["name"].as_str().expect("a name")).collect();
    assert_eq!(
        names,
        ["conv 1", "conv 2", "conv 3", "conv 4", "conv 5", "fc 1", "fc 2", "fc 3", "fc 4"]
    );
    assert_eq!(layers[7]["equal"], 0.9844, "63 of 64");
}

#[test]
fn several_values_give_every_combination() {
    let args = ["--conv", "he_normal,gaussian", "--fc", "gaussian", "--std-conv", "0.2"];
    let args = [&args[..], &["--std", "0.1,10", "--epochs", "0"]].concat();
    let found = diagnose_json(&args);
    let what = |d: &Value| {
        let of = |key: &str| d["settings"][key].clone();
        (of("conv"), of("std_conv"), of("fc"), of("std_fc"))
    };
    let found: Vec<_> = found.as_array().expect("a list").iter().map(what).collect();
    let expected = [
        ("he_normal", None, 0.1),
        ("he_normal", None, 10.0),
        ("gaussian", Some(0.2), 0.1),
        ("gaussian", Some(0.2), 10.0),
    ]
    .map(|(conv, std_conv, std_fc)| {
        (conv.into(), std_conv.into(), "gaussian".into(), std_fc.into())
    });
    assert_eq!(found, expected);
    let both = diagnose(&["--conv", "all", "--fc", "const_zero", "--std", "1", "--epochs", "0"]);
    assert_eq!(both.matches(": start\n").count(), 7);
}

#[test]
fn mistakes_are_named_with_a_way_on() {
    let folder = Folder::new();
    let empty = folder.path("empty");
    std::fs::create_dir(&empty).expect("made");
    let empty = empty.to_str().expect("plain");
    for (args, expected) in [
        (&["--conv", "he", "--fc", "he_normal"][..], ["invalid value 'he'", "he_normal"]),
        (
            &["--conv", "he_normal", "--fc", "gaussian"],
            ["`--fc gaussian` needs a standard deviation", "hint: give it with --std S"],
        ),
        (
            &["--conv", "he_normal", "--fc", "he_normal", "--std", "1"],
            ["--std is of no use", "hint: leave it out"],
        ),
        (
            &["--conv", "he_normal", "--fc", "gaussian", "--std", "1", "--std-conv", "2"],
            ["--std-conv is of no use", "hint: leave it out"],
        ),
        (
            &["--conv", "he_normal", "--fc", "gaussian", "--std", "0"],
            ["invalid value '0'", "expected a positive number"],
        ),
        (
            &["--conv", "he_normal", "--fc", "he_normal", "--data-dir", empty],
            ["train-images-idx3-ubyte", "hint: here that is `--data digits`"],
        ),
        (
            &[
                "--conv",
                "he_normal",
                "--fc",
                "he_normal",
                "--data",
                "digits",
                "--learning-rate",
                "1e38",
            ],
            ["the training loss is NaN in epoch 0", "hint: a smaller --learning-rate"],
        ),
    ] {
        let error = failure(&[&["diagnose"], args].concat());
        for part in expected {
            assert!(error.contains(part), "{args:?}: {error:?} lacks {part:?}");
        }
    }
}
