use super::*;

const FILE: &str = r#"
name = "s"
direction = "maximize"
trials = 10

[objective]
kind = "mnist_cnn"
network = "common"

[space.method]
type = "categorical"
choices = ["gaussian", "xavier"]

[space.rate]
type = "float"
low = 5e-4
high = 1e-2
log = true

[space.std]
type = "float"
low = 0.25
high = 4
log = true
when = { method = "gaussian" }

[space.width]
type = "int"
low = 8
high = 64
"#;

fn error(from: &str, to: &str) -> String {
    assert!(FILE.contains(from), "the test's own text: {from}");
    parse(&FILE.replacen(from, to, 1)).expect_err(to).to_string()
}

#[test]
fn a_study_file_is_read() {
    let spec = parse(FILE).expect("valid");
    assert_eq!(spec.trials, 10);
    assert_eq!((spec.max_attempts, spec.max_failures_in_a_row), (3, 20));
    assert_eq!(spec.keep_checkpoints, 1);
    assert_eq!(spec.sampler.name(), "auto");
    assert_eq!(spec.objective.settings["network"], "common");
    let names: Vec<_> = spec.space.params().iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["method", "rate", "std", "width"], "in the file's order");
}

/// Each mistake: the part of the file to replace, its replacement, and the error.
#[rustfmt::skip]
const MISTAKES: &[(&str, &str, &str)] = &[
    // Who is told. No error shows an address: it may be a secret with a mistake in it.
    ("[objective]", "[notify]\nurl = \"htp://secret\"\n[objective]", "line 7: `notify.url`: expected an address such as https://ntfy.sh/my-topic; it begins with http:// or https://"),
    ("[objective]", "[notify]\nurl = \"secret\"\n[objective]", "line 7: `notify.url`: expected an address such as https://ntfy.sh/my-topic; relative URL without a base"),
    ("[objective]", "[notify]\nurl = \"https://secret .org\"\n[objective]", "line 7: `notify.url`: expected an address such as https://ntfy.sh/my-topic, found one with spaces in it"),
    ("[objective]", "[notify]\nurl = [\"https://secret.org\"]\n[objective]", "line 7: `notify.url`: expected text in quotes"),
    ("[objective]", "[notify]\nkind = \"ntfy\"\n[objective]", "line 6: `notify`: missing key `url`: where messages go, such as \"https://ntfy.sh/my-topic\""),
    ("[objective]", "[notify]\nurl = \"https://a.b\"\nkind = \"nfty\"\n[objective]", "line 8: `notify.kind`: expected one of `webhook`, `ntfy`, `slack`, `off`, found \"nfty\"; did you mean `ntfy`?"),
    ("[objective]", "[notify]\nurl = \"https://a.b\"\non = [\"end\"]\n[objective]", "line 8: `notify.on`: expected one of `finished`, `best`, `failing`, found \"end\""),
    ("[objective]", "[notify]\nurl = \"https://a.b\"\non = []\n[objective]", "line 8: `notify.on`: expected one at least, found none; kind = \"off\" tells nobody"),
    ("[objective]", "[notify]\nurl = \"https://a.b\"\non = \"best\"\n[objective]", "line 8: `notify.on`: expected a list such as [\"finished\", \"best\"], found \"best\""),
    ("[objective]", "[notify]\nkind = \"off\"\nurl = \"https://a.b\"\n[objective]", "line 8: `notify.url`: stands beside kind = \"off\", which tells nobody"),
    ("[objective]", "[notify]\nurl = \"https://a.b\"\nwhen = []\n[objective]", "line 8: `notify.when`: unknown key; expected one of `kind`, `url`, `on`"),
    // Keys of the file itself.
    ("trials = 10", "trails = 10", "line 4: `trails`: unknown key; did you mean `trials`?"),
    ("trials = 10", "colour = 10", "line 4: `colour`: unknown key; expected one of `name`, `direction`, `directions`, `constraints`, `trials`, `seed`, `max_attempts`, `max_failures_in_a_row`, `sampler`, `pruner`, `objective`, `space`, `confirm`, `checkpoints`, `notify`"),
    ("trials = 10", "trials = ", "line 4: `trials`: string values must be quoted, expected literal string"),
    ("trials = 10", "trials = \"ten\"", "line 4: `trials`: expected a whole number, found \"ten\""),
    ("trials = 10", "trials = 1e3", "line 4: `trials`: expected a whole number, found 1000.0"),
    ("trials = 10", "trials = nan", "line 4: `trials`: expected a whole number, found nan"),
    ("trials = 10", "trials = 0", "line 4: `trials`: expected 1 to 4294967295, found 0"),
    ("trials = 10", "trials = 5_000_000_000", "line 4: `trials`: expected 1 to 4294967295, found 5000000000"),
    ("trials = 10", "trials = 10\ntrials = 11", "line 5: `trials`: duplicate key"),
    ("trials = 10", "trials = 10\nseed = -1", "line 5: `seed`: expected 0 to 9223372036854775807, found -1"),
    ("trials = 10", "trials = 10\nseed = inf", "line 5: `seed`: expected a whole number, found inf"),
    ("trials = 10", "trials = 10\nmax_attempts = 0", "line 5: `max_attempts`: expected 1 to 4294967295, found 0"),
    ("trials = 10", "trials = 10\nmax_failures_in_a_row = -1", "line 5: `max_failures_in_a_row`: expected 0 to 4294967295, found -1"),
    ("trials = 10", "trials = 10\ncheckpoints = 3", "line 5: `checkpoints`: expected a table, such as { keep = 3 }, found 3"),
    ("trials = 10", "trials = 10\ncheckpoints = { keep = -1 }", "line 5: `checkpoints.keep`: expected 1 to 100, found -1"),
    ("trials = 10", "trials = 10\ncheckpoints = { kept = 1 }", "line 5: `checkpoints.kept`: unknown key; expected `keep`"),
    ("trials = 10", "trials = 10\nmax-attempts = 2", "line 5: `max-attempts`: unknown key; did you mean `max_attempts`?"),
    ("trials = 10", "trials = 10\nsampler = \"tpe\"", "line 5: `sampler`: expected a table, such as { kind = \"tpe\" }, found \"tpe\""),
    ("trials = 10\n", "", "`trials`: is missing: how many trials to finish"),
    ("trials = 10\n\n[objective]\n", "[objective]\ntrials = 10\n", "line 5: `objective.trials`: stands in [objective]; move it above the first [table]"),
    ("name = \"s\"\n", "", "`name`: is missing: what the study is called"),
    ("name = \"s\"", "name = 2024-05-27", "line 2: `name`: expected text in quotes, found the date 2024-05-27"),
    ("name = \"s\"", "name = \"\"", "line 2: `name`: a study's name must not be empty"),
    ("name = \"s\"", "name = \"a\\u001Bb\"", "line 2: `name`: a study's name must be printable; this one holds '\\u{1b}'"),
    ("direction = \"maximize\"\n", "", "`direction`: is missing: maximize or minimize"),
    ("\"maximize\"", "\"maximise\"", "line 3: `direction`: expected `maximize` or `minimize`, found \"maximise\"; did you mean `maximize`?"),
    ("\"maximize\"", "\"max\"", "line 3: `direction`: expected `maximize` or `minimize`, found \"max\"; did you mean `maximize`?"),
    ("direction = \"maximize\"", "direction = \"maximize\"\ndirections = { a = \"maximize\" }", "line 4: `directions`: stands beside `direction`; for one objective keep that, for several this"),
    ("direction = \"maximize\"", "directions = { a = \"maximize\", b = \"min\" }", "line 3: `directions.b`: expected `maximize` or `minimize`, found \"min\"; did you mean `minimize`?"),
    ("direction = \"maximize\"", "directions = { a = 1 }", "line 3: `directions.a`: expected maximize or minimize, found 1"),
    ("direction = \"maximize\"", "directions = {}", "line 3: `directions`: expected one at least, found none"),
    ("direction = \"maximize\"", "directions = [\"maximize\"]", "line 3: `directions`: expected a table, such as { accuracy = \"maximize\" }, found a list"),
    ("direction = \"maximize\"", "directions = { a = \"maximize\" }\nconstraints = [\"a\"]", "line 4: `constraints`: `a` is there twice"),
    ("direction = \"maximize\"", "directions = { a = \"maximize\" }\nconstraints = [1]", "line 4: `constraints`: expected a list of names, such as [\"memory_gb\"], found a list"),
    ("\"maximize\"", "true", "line 3: `direction`: expected text in quotes, found true"),
    // What workers train.
    ("[objective]\nkind = \"mnist_cnn\"\nnetwork = \"common\"\n", "", "`objective`: is missing: a table with the `kind` of what workers train"),
    ("kind = \"mnist_cnn\"\n", "", "line 6: `objective`: missing key `kind`: the name of an objective, such as \"mnist_cnn\""),
    ("kind = \"mnist_cnn\"\n", "knid = \"mnist_cnn\"\n", "line 6: `objective`: missing key `kind`: the name of an objective, such as \"mnist_cnn\"; did you mean it by `knid`?"),
    ("\"mnist_cnn\"", "7", "line 7: `objective.kind`: expected the name of an objective, found 7"),
    ("network = \"common\"", "clip = inf", "line 8: `objective.clip`: inf cannot be kept, as settings are JSON; leave it out, or put it in quotes, as text"),
    ("network = \"common\"", "clip = [0.1, nan]", "line 8: `objective.clip`: nan cannot be kept, as settings are JSON; leave it out, or put it in quotes, as text"),
    ("network = \"common\"", "since = 2024-05-27", "line 8: `objective.since`: the date 2024-05-27 cannot be kept, as settings are JSON; leave it out, or put it in quotes, as text"),
    ("network = \"common\"", "deep = { rate = -inf }", "line 8: `objective.deep.rate`: -inf cannot be kept, as settings are JSON; leave it out, or put it in quotes, as text"),
    // Parameters.
    ("low = 5e-4", "low = 1", "line 16: `space.rate.low`: low = 1 is above high = 0.01"),
    ("low = 5e-4", "low = inf", "line 16: `space.rate.low`: inf is not a finite number"),
    ("low = 5e-4", "low = nan", "line 16: `space.rate.low`: NaN is not a finite number"),
    ("low = 5e-4", "low = 'x'", "line 16: `space.rate.low`: expected a number, found \"x\""),
    ("low = 5e-4", "lo = 5e-4", "line 16: `space.rate.lo`: unknown key; did you mean `low`?"),
    ("low = 5e-4\n", "", "line 14: `space.rate.low`: is missing, which a float needs"),
    ("high = 1e-2", "high = inf", "line 17: `space.rate.high`: inf is not a finite number"),
    ("high = 1e-2\nlog = true", "high = 1e-2\nstep = nan", "line 18: `space.rate.step`: a step is above 0, not NaN"),
    ("high = 1e-2\nlog = true", "high = 1e-2\nstep = -inf", "line 18: `space.rate.step`: a step is above 0, not -inf"),
    ("high = 1e-2\nlog = true", "high = 1e-2\nstep = 0", "line 18: `space.rate.step`: a step is above 0, not 0"),
    ("high = 1e-2", "high = 1e-2\nstep = 1e-3", "line 18: `space.rate.step`: a log scale takes no step"),
    ("log = true", "log = \"yes\"", "line 18: `space.rate.log`: expected true or false, found \"yes\""),
    ("log = true", "choices = [1]", "line 18: `space.rate.choices`: does not belong to a float"),
    ("low = 8", "low = 8.0", "line 29: `space.width.low`: expected a whole number, found 8.0"),
    ("high = 64", "high = nan", "line 30: `space.width.high`: expected a whole number, found nan"),
    ("high = 64", "high = 64\nstep = 0.5", "line 31: `space.width.step`: expected a whole number, found 0.5"),
    ("high = 64", "high = 64\nchoices = [1]", "line 31: `space.width.choices`: does not belong to an int"),
    ("\"categorical\"", "\"cat\"", "line 11: `space.method.type`: expected one of `float`, `int`, `categorical`, found \"cat\"; did you mean `categorical`?"),
    ("\"int\"", "\"integer\"", "line 28: `space.width.type`: expected one of `float`, `int`, `categorical`, found \"integer\"; did you mean `int`?"),
    ("type = \"int\"\n", "", "line 27: `space.width`: missing key `type`: float, int or categorical"),
    ("[space.width]\ntype = \"int\"\nlow = 8\nhigh = 64", "[space]\nwidth = [8, 64]", "line 28: `space.width`: expected a table with a `type`, found a list"),
    ("choices = [\"gaussian\", \"xavier\"]", "choices = [0.1, nan]", "line 12: `space.method.choices`: NaN is no number to choose"),
    ("choices = [\"gaussian\", \"xavier\"]", "choices = [2024-05-27]", "line 12: `space.method.choices`: a choice is text, a number, true or false, a list or a table, not the date 2024-05-27"),
    ("choices = [\"gaussian\", \"xavier\"]", "choices = [[1], [1]]", "line 12: `space.method.choices`: [1] stands there twice"),
    ("choices = [\"gaussian\", \"xavier\"]", "choices = [[1, nan]]", "line 12: `space.method.choices`: nan cannot stand in a list or table among the choices"),
    ("choices = [\"gaussian\", \"xavier\"]", "choices = [{ since = 2024-05-27 }]", "line 12: `space.method.choices`: the date 2024-05-27 cannot stand in a list or table among the choices"),
    ("choices = [\"gaussian\", \"xavier\"]", "choices = [\"x\", \"gaussian\"]\nnone = \"nil\"", "line 13: `space.method.none`: no choice is \"nil\", which shall stand for none"),
    ("choices = [\"gaussian\", \"xavier\"]", "choices = [\"x\", \"gaussian\", \"x\"]\nnone = \"x\"", "line 12: `space.method.choices`: null stands there twice"),
    ("choices = [\"gaussian\", \"xavier\"]", "choices = [\"x\"]\nnone = true", "line 13: `space.method.none`: expected text in quotes, found true"),
    ("high = 64", "high = 64\nnone = \"x\"", "line 31: `space.width.none`: does not belong to an int"),
    ("choices = [\"gaussian\", \"xavier\"]", "choices = []", "line 12: `space.method.choices`: at least one choice is needed"),
    ("choices = [\"gaussian\", \"xavier\"]", "choices = \"gaussian\"", "line 12: `space.method.choices`: expected a list of choices, found \"gaussian\""),
    ("choices = [\"gaussian\", \"xavier\"]", "choices = [1, 1]", "line 12: `space.method.choices`: 1 stands there twice"),
    ("choices = [\"gaussian\", \"xavier\"]\n", "", "line 10: `space.method.choices`: is missing, which a categorical needs"),
    ("choices = [\"gaussian\", \"xavier\"]", "choices = [1]\nlow = 0", "line 13: `space.method.low`: does not belong to a categorical"),
    ("method = \"gaussian\" }", "metod = \"gaussian\" }", "line 25: `space.std.when.metod`: there is no parameter `metod`; did you mean `method`?"),
    ("method = \"gaussian\" }", "method = \"he\" }", "line 25: `space.std.when`: `method` is never he; it is one of gaussian, xavier"),
    ("method = \"gaussian\" }", "method = nan }", "line 25: `space.std.when`: `method` is never NaN; it is one of gaussian, xavier"),
    ("method = \"gaussian\" }", "method = [] }", "line 25: `space.std.when`: at least one value is needed"),
    ("{ method = \"gaussian\" }", "\"gaussian\"", "line 25: `space.std.when`: expected a table, such as { method = \"gaussian\" }, found \"gaussian\""),
    ("method = \"gaussian\" }", "method = 1 }", "line 25: `space.std.when`: `method` is never 1; it is one of gaussian, xavier"),
    ("method = \"gaussian\" }", "rate = 0.001 }", "line 25: `space.std.when`: `rate` has real numbers, of which a range is needed, such as at_least = 0.5"),
    ("method = \"gaussian\" }", "width = 7 }", "line 25: `space.std.when`: `width` is never 7; it is one of the whole numbers 8 to 64"),
    ("method = \"gaussian\" }", "width = true }", "line 25: `space.std.when`: `width` is never true; it is one of the whole numbers 8 to 64"),
    ("method = \"gaussian\" }", "width = { at_least = 65 } }", "line 25: `space.std.when`: `width` is never 65 or more; it is one of the whole numbers 8 to 64"),
    ("method = \"gaussian\" }", "width = { at_least = 9, at_most = 8.5 } }", "line 25: `space.std.when`: at_least = 9 is above at_most = 8.5"),
    ("method = \"gaussian\" }", "width = { at_least = inf } }", "line 25: `space.std.when`: at_least = inf is not a finite number"),
    ("method = \"gaussian\" }", "width = { at_least = \"9\" } }", "line 25: `space.std.when.width.at_least`: expected a number, found \"9\""),
    ("method = \"gaussian\" }", "width = { at_least = 9007199254740993 } }", "line 25: `space.std.when.width.at_least`: 9007199254740993 is beyond 2^53, where bounds are not exact"),
    ("method = \"gaussian\" }", "width = { at_last = 9 } }", "line 25: `space.std.when.width.at_last`: unknown key; did you mean `at_least`?"),
    ("method = \"gaussian\" }", "width = {} }", "line 25: `space.std.when`: at_least or at_most is needed"),
    ("method = \"gaussian\" }", "method = { at_least = 1 } }", "line 25: `space.std.when`: `method` has no range, it is one of gaussian, xavier"),
    ("[space.width]\ntype = \"int\"", "[space.\"a b.c\"]\ntype = \"real\"", "line 28: `space.\"a b.c\".type`: expected one of `float`, `int`, `categorical`, found \"real\""),
    // Samplers.
    ("[objective]", "[sampler]\nkind = \"tp\"\n[objective]", "line 7: `sampler.kind`: expected one of `auto`, `gp`, `tpe`, `cmaes`, `nsga2`, `nsga3`, `random`, `sobol`, `grid`, found \"tp\"; did you mean `tpe`?"),
    ("[objective]", "[sampler]\nstartup_trials = 3\n[objective]", "line 6: `sampler`: missing key `kind`"),
    ("[objective]", "[sampler]\nkind = \"tpe\"\nstartup = 1\n[objective]", "line 8: `sampler.startup`: unknown key; did you mean `startup_trials`?"),
    ("[objective]", "[sampler]\nkind = \"tpe\"\nstartup_trails = 1\n[objective]", "line 8: `sampler.startup_trails`: unknown key; did you mean `startup_trials`?"),
    ("[objective]", "[sampler]\nkind = \"tpe\"\ncandidates = 24\nstartup_trials = 1e3\n[objective]", "line 9: `sampler.startup_trials`: expected a whole number of at least 0, found 1000.0"),
    ("[objective]", "[sampler]\nkind = \"tpe\"\ncandidates = -1\n[objective]", "line 8: `sampler.candidates`: expected a whole number of at least 0, found -1"),
    ("[objective]", "[sampler]\nkind = \"tpe\"\ncandidates = nan\n[objective]", "line 8: `sampler.candidates`: nan makes no sense here"),
    ("[objective]", "[sampler]\nkind = \"tpe\"\ncandidates = 9001\n[objective]", "line 8: `sampler.candidates`: 9001, of at most 6750 in a space of 4 parameters and 3 choices"),
    ("[objective]", "[sampler]\nkind = \"grid\"\npoints = 0\n[objective]", "line 8: `sampler.points`: expected a whole number from 1 to 65535, found 0"),
    ("[objective]", "[sampler]\nkind = \"random\"\nseed = 0\n[objective]", "line 8: `sampler.seed`: unknown key; none belongs here"),
    ("[objective]", "[sampler]\nkind = \"nsga2\"\npopulation = 1\n[objective]", "line 8: `sampler.population`: expected a whole number of at least 2, found 1"),
    ("[objective]", "[sampler]\nkind = \"nsga2\"\npopulation = 501\n[objective]", "line 8: `sampler.population`: 501, of at most 500 in a space of 4 parameters and 3 choices"),
    ("[objective]", "[sampler]\nkind = \"nsga2\"\ndivisions = 3\n[objective]", "line 8: `sampler.divisions`: unknown key; expected one of `population`, `crossover_probability`, `swapping_probability`, `crossover_eta`, `mutation_probability`, `mutation_eta`"),
    ("[objective]", "[sampler]\nkind = \"nsga3\"\nmutation_probability = 2.0\n[objective]", "line 8: `sampler.mutation_probability`: expected a number from 0 to 1, found 2.0"),
    // Pruners.
    ("[objective]", "[pruner]\nkind = \"hyper\"\n[objective]", "line 7: `pruner.kind`: expected one of `none`, `median`, `percentile`, `asha`, `hyperband`, `patience`, found \"hyper\"; did you mean `hyperband`?"),
    ("[objective]", "[pruner]\nkind = \"none\"\nsteps = 1\n[objective]", "line 8: `pruner.steps`: unknown key; none belongs here"),
    ("[objective]", "[pruner]\nkind = \"median\"\nwarmup = 1\n[objective]", "line 8: `pruner.warmup`: unknown key; did you mean `warmup_steps`?"),
    ("[objective]", "[pruner]\nkind = \"median\"\nwarmup_steps = -1\n[objective]", "line 8: `pruner.warmup_steps`: expected a whole number of at least 0, found -1"),
    ("[objective]", "[pruner]\nkind = \"percentile\"\npercentile = 0.0\n[objective]", "line 8: `pruner.percentile`: expected a number above 0, up to 100, found 0.0"),
    ("[objective]", "[pruner]\nkind = \"percentile\"\npercentile = nan\n[objective]", "line 8: `pruner.percentile`: nan makes no sense here"),
    ("[objective]", "[pruner]\nkind = \"asha\"\nmin_resource = 1\nreduction_factor = 1\n[objective]", "line 9: `pruner.reduction_factor`: expected a whole number of at least 2, found 1"),
    ("[objective]", "[pruner]\nkind = \"asha\"\nmin_resource = 0\n[objective]", "line 8: `pruner.min_resource`: expected a whole number of at least 1, found 0"),
    ("[objective]", "[pruner]\nkind = \"hyperband\"\n[objective]", "line 6: `pruner`: missing key `max_resource`"),
    ("[objective]", "[pruner]\nkind = \"hyperband\"\nmin_resource = 4\nmax_resource = 3\n[objective]", "line 9: `pruner.max_resource`: 3 is below min_resource = 4"),
    ("[objective]", "[pruner]\nkind = \"patience\"\nwrapped = { kind = \"median\", min_trials = 0 }\n[objective]", "line 8: `pruner.wrapped.min_trials`: expected a whole number of at least 1, found 0"),
    ("[objective]", "[pruner]\nkind = \"patience\"\nmin_delta = inf\n[objective]", "line 8: `pruner.min_delta`: inf makes no sense here"),
    ("[objective]", "[pruner]\nkind = \"median\"\nmetric = \"accuracy\"\n[objective]", "line 8: `pruner.metric`: the study's one objective has no name; leave this out"),
    ("[objective]", "[pruner]\nkind = \"median\"\nmetric = 1\n[objective]", "line 8: `pruner.metric`: expected the name of an objective, found 1"),
    // What is confirmed.
    ("[objective]", "[confirm]\n[objective]", "line 6: `confirm.by`: expected at least one categorical parameter"),
    ("[objective]", "[confirm]\nby = \"method\"\n[objective]", "line 7: `confirm.by`: expected a list, found \"method\""),
    ("[objective]", "[confirm]\nby = [\"metod\"]\n[objective]", "line 7: `confirm.by`: there is no parameter `metod`; did you mean `method`?"),
    ("[objective]", "[confirm]\nby = [\"method\"]\nseds = 3\n[objective]", "line 8: `confirm.seds`: unknown key; did you mean `seeds`?"),
    ("[objective]", "[confirm]\nby = [\"method\"]\nseeds = 0\n[objective]", "line 8: `confirm.seeds`: expected 1 to 10000, found 0"),
    ("[objective]", "[confirm]\nby = [\"method\"]\nbest = nan\n[objective]", "line 8: `confirm.best`: nan makes no sense here"),
    ("[objective]", "[confirm]\nby = [\"method\"]\neach = 1\n[objective]", "line 8: `confirm.each`: expected true or false, found 1"),
];

#[test]
fn every_mistake_is_named_with_its_line_its_key_and_what_was_expected() {
    for (from, to, expected) in MISTAKES {
        assert_eq!(error(from, to), *expected, "{to}");
    }
}

/// What stands in a file's last two sections, in the words of the study.
#[test]
fn choices_of_all_kinds_and_conditions_on_numbers_are_read() {
    use kindling_study::{Choice, Distribution, Needs, Nested};
    let more = r#"
[space.shape]
type = "categorical"
choices = [1, 1.0, true, "1", "nil", "None", [64, 64.0, ["nil"]], { b = 1, a = "nil" }]
none = "nil"

[space.deep]
type = "float"
low = 0
high = 1
when = { shape = ["nil", [64, 64.0, ["nil"]], 1.0], width = { at_least = 9, at_most = 10.5 } }

[space.deeper]
type = "float"
low = 0
high = 1
when = { shape = "nil", width = [9, 10], rate = { at_most = 1e-3 }, deep = { at_least = 0.5 } }
"#;
    let spec = parse(&format!("{FILE}{more}")).expect("valid");
    let find = |name: &str| spec.space.params().iter().find(|p| p.name == name).expect("there");
    let nested = |json| Choice::Nested(Nested::parse(json).expect("a list or table"));
    let Distribution::Categorical { choices } = &find("shape").distribution else { panic!("one") };
    let list = nested("[64,64.0,[null]]");
    let text = |text: &str| Choice::Text(text.to_owned());
    let expected = [
        Choice::Int(1),
        Choice::Float(1.0),
        Choice::Bool(true),
        text("1"),
        Choice::None,
        text("None"),
        list.clone(),
        nested(r#"{"a":null,"b":1}"#),
    ];
    assert_eq!(choices.as_slice(), expected);
    let needs = |name: &str| find(name).when.iter().map(|c| c.needs.clone()).collect::<Vec<_>>();
    let between = |at_least, at_most| Needs::Between { at_least, at_most };
    let some = vec![Choice::None, list, Choice::Float(1.0)];
    assert_eq!(needs("deep"), [Needs::AnyOf(some), between(Some(9.0), Some(10.5))]);
    let whole = vec![Choice::Int(9), Choice::Int(10)];
    let expected = [
        Needs::AnyOf(vec![Choice::None]),
        Needs::AnyOf(whole),
        between(None, Some(1e-3)),
        between(Some(0.5), None),
    ];
    assert_eq!(needs("deeper"), expected);
    // A whole number that is the only one of its size is meant, whatever its kind.
    let only =
        FILE.replace("\"gaussian\", \"xavier\"", "2.0, 3").replace("\"gaussian\"", "[2, 3.0]");
    let spec = parse(&only).expect("valid");
    let std = spec.space.params().iter().find(|p| p.name == "std").expect("there");
    let own = Needs::AnyOf(vec![Choice::Float(2.0), Choice::Int(3)]);
    assert_eq!(std.when[0].needs, own);
}

#[test]
fn a_file_that_is_no_study_names_what_is_missing() {
    assert_eq!(
        parse("").expect_err("empty").to_string(),
        "`name`: is missing: what the study is called"
    );
    let only_space = FILE.split("\n[space").next().expect("a part");
    assert_eq!(
        parse(only_space).expect_err("no space").to_string(),
        "`space`: is missing: a table with a table for each parameter"
    );
}

#[test]
fn settings_are_kept_to_the_last_bit() {
    let settings = "big = 9007199254740993\ntiny = 5e-324\nnested = { list = [0.1, true, \"x\"] }";
    let spec = parse(&FILE.replace("network = \"common\"", settings)).expect("valid");
    let kept = serde_json::to_string(&spec.objective.settings).expect("JSON");
    let expected = r#"{"big":9007199254740993,"nested":{"list":[0.1,true,"x"]},"tiny":5e-324}"#;
    assert_eq!(kept, expected);
}

#[test]
fn our_own_study_files_are_valid() {
    for (text, pruner) in [
        (include_str!("../../../studies/own-objective.toml"), r#"{"kind":"none"}"#),
        (include_str!("../../../studies/quickstart.toml"), r#"{"kind":"none"}"#),
        (
            include_str!("../../../studies/quickstart-pruned.toml"),
            r#"{"kind":"asha","min_resource":2,"reduction_factor":3,"min_early_stopping_rate":0}"#,
        ),
        (include_str!("../../../studies/weight-init.toml"), r#"{"kind":"none"}"#),
        (include_str!("../../../studies/weight-init-deep.toml"), r#"{"kind":"none"}"#),
    ] {
        let spec = parse(text).expect("valid");
        assert_eq!(serde_json::to_string(&spec.pruner).expect("JSON"), pruner);
    }
}

#[test]
fn a_cycle_is_refused() {
    let cycle = "choices = [\"gaussian\", \"xavier\"]\nwhen = { m = \"a\" }\n[space.m]\n\
        type = \"categorical\"\nchoices = [\"a\"]\nwhen = { method = \"xavier\" }";
    assert!(error("choices = [\"gaussian\", \"xavier\"]", cycle).contains("cycle"));
}

#[test]
fn the_nearest_key_is_offered_where_one_is_near() {
    use super::words::nearest;
    let known = ["trials", "seed", "max_attempts"];
    assert_eq!(nearest("trails", &known), Some("trials"));
    assert_eq!(nearest("Trials", &known), Some("trials"));
    assert_eq!(nearest("max-attempts", &known), Some("max_attempts"));
    assert_eq!(nearest("max", &known), Some("max_attempts"));
    assert_eq!(nearest("seeds_of_all", &known), Some("seed"));
    assert_eq!(nearest("x", &known), None);
    assert_eq!(nearest("objective", &known), None);
    assert_eq!(nearest("", &known), None);
}
