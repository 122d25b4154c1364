//! Lines as scripts print them.

use proptest::prelude::*;

use kindling_worker::Metrics;

use super::*;

fn sought(names: &[&str], constraints: &[&str]) -> Sought {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let study =
        Metrics { names: owned(names), constraints: owned(constraints), pruner_objective: 0 };
    Sought::new(&Goals::new(&study, None).expect("goals")).expect("names")
}

fn read(name: &str, line: &str) -> Option<(Option<u64>, f64)> {
    let Measure { step, values } = sought(&[name], &[]).read(line)?;
    Some((step, values.get(0).expect("a value")))
}

#[test]
fn several_metrics_are_found_in_one_line_however_it_is_written() {
    let sought = sought(&["accuracy", "latency_ms", "ms"], &["memory gb"]);
    let all = [(0, 0.91), (1, 12.5), (2, 3.0), (3, -3.5)];
    for (line, step, expected) in [
        ("epoch 3: accuracy=0.91 latency_ms=12.5 ms=3 memory gb=-3.5", Some(3), &all[..]),
        ("memory gb: -3.5, ms: 3, latency_ms: 12.5, accuracy: 0.91, step: 7", Some(7), &all[..]),
        (
            r#"{"epoch": 3, "accuracy": 0.91, "latency_ms": "12.5", "ms": 3, "memory gb": -3.5}"#,
            Some(3),
            &all[..],
        ),
        (
            "\u{1b}[32maccuracy\u{1b}[0m: 0.91 \u{1b}]0;t\u{7}latency_ms=\u{1b}[1m12.5\u{1b}[m",
            None,
            &all[..2],
        ),
        ("1/9 accuracy=0.1 latency_ms=1\u{8}\u{8}2/9 accuracy=0.91", None, &all[..1]),
        ("latency_ms=12.5", None, &all[1..2]),
        ("val_accuracy=0.5 ms=3", None, &all[2..3]),
        ("{'accuracy': np.float64(0.91), 'latency_ms': tensor(12.5)}", None, &all[..2]),
    ] {
        let found = sought.read(line).expect(line);
        assert_eq!(found.step, step, "{line}");
        assert_eq!(found.values.all().collect::<Vec<_>>(), expected, "{line}");
    }
    assert_eq!(sought.read("latency=3 gb=1"), None);
}

#[test]
fn a_metric_line_gives_its_value_and_its_step() {
    for (line, step, value) in [
        ("accuracy=0.91", None, 0.91),
        ("accuracy: 0.91\n", None, 0.91),
        ("accuracy = 0.91\r\n", None, 0.91),
        ("  accuracy :0.91  ", None, 0.91),
        ("epoch=3 accuracy=0.91 loss=0.3", Some(3), 0.91),
        ("loss=0.3, accuracy=0.91, step=12", Some(12), 0.91),
        ("loss=0.3,accuracy=9.1e-1,epoch=2", Some(2), 0.91),
        (r#"{"accuracy": 0.91, "step": 3}"#, Some(3), 0.91),
        (r#"{"accuracy": "0.91", "epoch": 3.0}"#, Some(3), 0.91),
        (r#"{"accuracy": 1, "nested": {"accuracy": 0}}"#, None, 1.0),
        ("accuracy=91%", None, 91.0),
        ("(accuracy=0.91)", None, 0.91),
        ("val_accuracy=0.5 accuracy=0.91", None, 0.91),
        ("accuracy=0.91 val_accuracy=0.5", None, 0.91),
        ("val_accuracy: 0.5 - accuracy: 0.91", None, 0.91),
        // The first pair counts.
        ("accuracy=0.91 accuracy=0.5", None, 0.91),
        ("accuracy=? accuracy=0.91", None, 0.91),
        ("INFO:root:accuracy=0.91", None, 0.91),
        ("2026-11-29 09:00:00,123 INFO accuracy=0.91", None, 0.91),
        ("[train] accuracy: 0.91", None, 0.91),
        ("\u{1b}[32maccuracy\u{1b}[0m: \u{1b}[1m0.91\u{1b}[0m", None, 0.91),
        ("Die Größe ist ü, accuracy=0.91", None, 0.91),
    ] {
        assert_eq!(read("accuracy", line), Some((step, value)), "{line}");
    }
}

#[test]
fn typical_lines_of_frameworks_are_read() {
    for (name, line, step, value) in [
        // Keras.
        (
            "accuracy",
            "1875/1875 ━━━━━━━━━━━━━━━━━━━━ 2s 1ms/step - accuracy: 0.9123 - loss: 0.2788",
            None,
            0.9123,
        ),
        (
            "val_accuracy",
            "60/60 - 1s - 15ms/step - accuracy: 0.91 - loss: 0.3 - val_accuracy: 0.89 - val_loss: 0.4",
            None,
            0.89,
        ),
        // Keras's bar goes back with backspaces, and its last state counts.
        ("loss", "1/9 - loss: 2.3\u{8}\u{8}\u{8}2/9 - loss: 2.1\u{8}\u{8}", None, 2.1),
        // PyTorch's examples.
        ("Loss", "Epoch [2/5], Step [100/600], Loss: 0.2543", Some(2), 0.2543),
        ("Loss", "Train Epoch: 1 [640/60000 (1%)]\tLoss: 2.300039", Some(1), 2.300_039),
        ("accuracy", "Epoch 3/10 | loss: 0.3 | accuracy: 0.91", Some(3), 0.91),
        (
            "accuracy",
            "Epoch 3: accuracy 0.5, accuracy: tensor(0.9100, device='cuda:0')",
            Some(3),
            0.91,
        ),
        ("Avg loss", "Test Error: \n Accuracy: 91.0%, Avg loss: 0.155", None, 0.155),
        // Hugging Face's Trainer.
        (
            "eval_accuracy",
            "{'eval_loss': 0.3, 'eval_accuracy': 0.91, 'eval_runtime': 1.2, 'epoch': 2.0}",
            Some(2),
            0.91,
        ),
        ("eval_accuracy", "{'eval_accuracy': np.float64(0.91), 'epoch': 0.5}", None, 0.91),
        // tqdm.
        (
            "loss",
            "Epoch 0: 100%|██████████| 938/938 [00:09<00:00, 97.7it/s, v_num=0, loss=0.25]",
            Some(0),
            0.25,
        ),
        ("acc", "100%|██████████| 10/10 [00:01<00:00, acc=0.91]", None, 0.91),
        // LightGBM and XGBoost.
        ("valid_0's auc", "[10]\tvalid_0's auc: 0.91", None, 0.91),
        ("validation-rmse", "[9]\ttrain-rmse:0.1\tvalidation-rmse:0.2", None, 0.2),
        // JSON that Python wrote, which no parser of JSON reads.
        ("loss", r#"{"loss": 0.5, "other": NaN, "step": 4}"#, Some(4), 0.5),
    ] {
        assert_eq!(read(name, line), Some((step, value)), "{line}");
    }
}

#[test]
fn another_name_or_no_number_gives_nothing() {
    for line in [
        "",
        "accuracy",
        "accuracy=",
        "accuracy 0.91",
        "val_accuracy=0.91",
        "val-accuracy: 0.91",
        "val/accuracy=0.91",
        "top5.accuracy=0.91",
        "accuracy_top5=0.91",
        "accuracy/val: 0.91",
        "--accuracy=0.91",
        "best accuracy: 0.91",
        "Test accuracy = 0.91",
        "Accuracy: 0.91",
        "accuracy==0.91",
        "accuracy: high",
        "accuracy=0,91",
        "accuracy: 9901/10000",
        "accuracy=0.91s",
        r#"{"val_accuracy": 0.91}"#,
        r#"{"metrics": {"accuracy": 0.91}}"#,
        r#"{"accuracy": [0.91]}"#,
        r#"{"accuracy": true}"#,
        r#"{"accuracy": "91 of 100"}"#,
    ] {
        assert_eq!(read("accuracy", line), None, "{line}");
    }
}

#[test]
fn what_is_not_finite_is_a_value() {
    for line in ["loss=nan", "loss: NaN", r#"{"loss": "nan"}"#, r#"{"loss": NaN}"#] {
        assert!(read("loss", line).expect(line).1.is_nan(), "{line}");
    }
    assert_eq!(read("loss", "loss=-inf"), Some((None, f64::NEG_INFINITY)));
    assert_eq!(read("loss", r#"{"loss": Infinity}"#), Some((None, f64::INFINITY)));
}

#[test]
fn a_step_is_found_in_every_usual_form() {
    for (text, step) in [
        ("step=3", Some(3)),
        ("Step: 3", Some(3)),
        ("epoch 3", Some(3)),
        ("[epoch 3]", Some(3)),
        ("EPOCH: [3][10/100]", Some(3)),
        ("Epoch 3/10", Some(3)),
        ("epoch=1 step=600", Some(600)),
        ("epoch=1 step 5/600", Some(1)),
        ("step=5/600", Some(5)),
        ("epoch=0.5", None),
        ("epoch=-1", None),
        ("epochs=3", None),
        ("global_step=3", None),
        ("1ms/step", None),
        ("step by step", None),
    ] {
        assert_eq!(read("loss", &format!("{text}, loss=0.5")), Some((step, 0.5)), "{text}");
        assert_eq!(read("loss", &format!("loss=0.5, {text}")), Some((step, 0.5)), "{text}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_not(line in proptest::collection::vec(any::<u8>(), 0..200)) {
        _ = sought(&["a", "ab"], &["b"]).read(&String::from_utf8_lossy(&line));
    }

    #[test]
    fn any_text_around_a_metric_is_survived(line in "[a =:,{}\"'0-9.%/\\[\\]\u{1b}\r\u{8}epochs]{0,40}") {
        _ = sought(&["a", "ab"], &["b"]).read(&line);
    }

    #[test]
    fn every_number_is_read_back_as_it_was_printed(x in any::<f64>().prop_filter("a number", |x| !x.is_nan()), step in 0..1_u64 << 53) {
        for line in [format!("a={x} step={step}"), format!("step: {step}, a: {x:e}"), format!("{{'a': {x:?}, 'step': {step}}}")] {
            prop_assert_eq!(read("a", &line), Some((Some(step), x)));
        }
    }
}
