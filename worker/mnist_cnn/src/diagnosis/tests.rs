use burn::tensor::TensorData;
use serde_json::{Value, json};

use super::super::testing::{devices, facts, with_trial};
use super::super::{Architecture, ConvShape, MnistCnn};
use super::*;

/// A network small enough to compute by hand.
///
/// One convolution channel copies its pixel and one is always 0. The three hidden neurons share the same
/// weights and see only the second channel, so their outputs are constant. The ten outputs have weights of 0.
#[test]
fn every_number_of_a_small_network_is_as_computed_by_hand() {
    const SMALL: Architecture = Architecture {
        convs: &[ConvShape { inputs: 1, outputs: 2, padding: 1, pool: true }],
        widths: &[2 * 14 * 14, 3, 10],
    };
    let mut middle = vec![0.0; 9 * 2];
    middle[4 * 2] = 1.0;
    let second: Vec<_> =
        (0..392).flat_map(|i| [if i % 2 == 1 { i as f32 } else { 0.0 }; 3]).collect();
    for device in devices() {
        let device = device.autodiff();
        let mut layers = [
            (middle.clone(), vec![0.0, -1.0]),
            (second.clone(), vec![10.0, 0.0, -10.0]),
            (vec![0.0; 3 * 10], vec![0.0; 10]),
        ]
        .into_iter();
        let network = Network::with_weights(&SMALL, 1, &device, |_| layers.next().unwrap());
        // A white image and a black one, of one class.
        let pixels = [vec![1.0_f32; 784], vec![-1.0; 784]].concat();
        let images = Tensor::from_data(TensorData::new(pixels, [2, 784]), &device);
        let labels = Tensor::from_data([3, 3], &device);
        let stage = Sample::new(images, labels, LossKind::Logits, 1).measure(0, &network);

        // The outputs' errors are 0.1 for nine of them and −0.9 for the label.
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        let hidden = [10.0, 0.0, -10.0].map(|x| sigmoid(x).powi(2)).iter().sum::<f64>().sqrt();
        let gradient = hidden * (9.0 * 0.01 + 0.81_f64).sqrt();
        let counts = |full: &[(usize, u64)]| {
            let mut counts = [0; 20];
            for &(bin, count) in full {
                counts[bin] = count;
            }
            json!({"low": 0.0, "high": 1.0, "counts": counts})
        };
        let expected = json!({
            "stage": "start",
            "layers": [
                {
                    "name": "conv 1", "kind": "conv", "activation": "relu", "mean": 0.25, "std": 0.433,
                    "saturated": null, "dead": 0.5, "gradient": 0.0, "equal": 0.0,
                    "histogram": counts(&[(0, 588), (19, 196)]),
                },
                {
                    "name": "fc 1", "kind": "fc", "activation": "sigmoid", "mean": 0.5, "std": 0.4082,
                    "saturated": 0.6667, "dead": null, "gradient": 0.0, "equal": 0.6667,
                    "histogram": counts(&[(0, 2), (10, 2), (19, 2)]),
                },
                {
                    "name": "fc 2", "kind": "fc", "activation": "softmax", "mean": 0.1, "std": 0.0,
                    "saturated": null, "dead": null, "gradient": rounded(gradient), "equal": 0.9,
                    "histogram": counts(&[(2, 20)]),
                },
            ],
        });
        assert_eq!(serde_json::to_value(stage).unwrap(), expected, "{device:?}");
    }
}

/// The stages of a network that trains for an epoch on a few digits.
fn diagnosed(network: &str, params: &Value) -> [Stage; 2] {
    let mut params = params.clone();
    params["learning_rate"] = json!(1e-3);
    let settings = json!({"network": network, "data": "digits", "train": 160, "test": 1,
                          "epoch_validation": 1, "trial_validation": 1});
    let facts = facts(&params, &settings);
    let diagnosis = with_trial(&facts, |trial| MnistCnn::new().diagnose(trial, 1)).unwrap();
    diagnosis.stages.try_into().unwrap()
}

/// One number of each layer of a kind.
fn each(stage: &Stage, kind: LayerKind, number: impl Fn(&Layer) -> f64) -> Vec<f64> {
    stage.layers.iter().filter(|layer| layer.kind == kind).map(number).collect()
}

#[test]
fn zeros_pass_no_gradient_to_any_hidden_layer() {
    for network in ["common", "deep"] {
        let zeros = json!({"winit_conv": "const_zero", "winit_fc": "const_zero"});
        let [start, after] = diagnosed(network, &zeros);
        let (output, hidden) = start.layers.split_last().unwrap();
        assert!(hidden.iter().all(|layer| layer.gradient == 0.0), "{hidden:?}");
        assert!(output.gradient > 0.0);
        assert!(
            start.layers.iter().all(|layer| layer.kind == LayerKind::Fc || layer.dead == Some(1.0))
        );
        // The convolutions' outputs are 0, and so are the gradients that flow back into them.
        let convs = each(&after, LayerKind::Conv, |l| l.gradient);
        assert!(convs.iter().all(|&gradient| gradient == 0.0), "{convs:?}");
    }
}

#[test]
fn halves_stay_equal_in_every_hidden_layer() {
    let halves = json!({"winit_conv": "const_0.5", "winit_fc": "const_0.5"});
    for (network, neurons) in [
        ("common", &[32, 64, 64, 64, 10][..]),
        ("deep", &[32, 64, 96, 128, 128, 1024, 256, 64, 10]),
    ] {
        let [start, after] = diagnosed(network, &halves);
        let all = |stage: &Stage| stage.layers.iter().map(|l| l.equal).collect::<Vec<_>>();
        let but_one = |&n: &i32| rounded(1.0 - 1.0 / f64::from(n));
        let expected: Vec<_> = neurons.iter().map(but_one).collect();
        assert_eq!(all(&start), expected);
        // Only the labels tell the outputs apart.
        let hidden = neurons.len() - 1;
        assert_eq!(all(&after)[..hidden], expected[..hidden]);
    }
}

#[test]
fn a_narrow_gaussian_fades_and_a_wide_one_saturates() {
    let start = |std: f64| {
        let params =
            json!({"winit_conv": "he_normal", "winit_fc": "gaussian", "gaussian_std_fc": std});
        let [start, _] = diagnosed("deep", &params);
        start
    };
    let spread = each(&start(0.1), LayerKind::Fc, |l| l.std);
    assert!(spread.windows(2).all(|pair| pair[1] < 0.9 * pair[0]), "{spread:?}");

    let wide = start(10.0);
    let saturated = each(&wide, LayerKind::Fc, |l| l.saturated.unwrap_or(1.0));
    assert!(saturated.iter().all(|&share| share > 0.9), "{saturated:?}");
}

/// A study stores one per trial, and a whole page of them is sent at a time.
#[test]
fn it_is_a_few_kilobytes() {
    let params = json!({"winit_conv": "he_normal", "winit_fc": "xavier_normal"});
    for (network, most) in [("common", 3_000), ("deep", 5_500)] {
        let stages = diagnosed(network, &params).to_vec();
        let size = serde_json::to_string(&Diagnosis { stages }).unwrap().len();
        println!("{network}: {size} bytes");
        assert!(size < most, "{network}: {size} bytes");
    }
}
