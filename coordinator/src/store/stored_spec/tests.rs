//! The texts that stores hold, as they were when this form was taken from the core's types. None of them may
//! change: there are stores that hold them. The study files beside them may. If a name or a default of study
//! files changes, write the old meaning on their side here.

use kindling_study::{End, Message, News, StudySpec, Told, Wall};

use super::{
    confirm_from_text, confirm_to_text, from_text, notify_from_text, notify_to_text, to_text,
    told_from_text, told_to_text,
};
use crate::config;

/// A study with every kind of parameter, choice and condition.
const FILE: &str = r#"
name = "all \"of\" it"
direction = "minimize"
trials = 40
seed = 9223372036854775807
max_attempts = 2
max_failures_in_a_row = 7
SECTIONS
[objective]
kind = "own"
big = 9007199254740993
tiny = 5e-324
nested = { list = [0.1, true, "x", {}] }

[space.std]
type = "float"
low = 0.25
high = 4
log = true
when = { method = ["gaussian", 3], on = true }
[space.method]
type = "categorical"
choices = ["gaussian", 3, 0.5, true, 2.0, "ä"]
[space.on]
type = "categorical"
choices = [true, false]
[space.share]
type = "float"
low = -1.0
high = 1e300
[space.tenths]
type = "float"
low = 0.1
high = 0.75
step = 0.1
[space.width]
type = "int"
low = 8
high = 64
log = true
[space.depth]
type = "int"
low = -3
high = 9
step = 5
"#;

/// The study as a store has it.
#[rustfmt::skip]
const TEXT: &str = r#"{"name":"all \"of\" it","direction":"minimize","trials":40,"seed":9223372036854775807,"max_attempts":2,"max_failures_in_a_row":7,SAMPLER,PRUNER,"space":[{"name":"method","distribution":{"type":"categorical","choices":["gaussian",3,0.5,true,2.0,"ä"]}},{"name":"on","distribution":{"type":"categorical","choices":[true,false]}},{"name":"std","distribution":{"type":"float","low":0.25,"high":4.0,"scale":"log"},"when":[{"parent":"method","any_of":["gaussian",3]},{"parent":"on","any_of":[true]}]},{"name":"share","distribution":{"type":"float","low":-1.0,"high":1e+300,"scale":"linear"}},{"name":"tenths","distribution":{"type":"float","low":0.1,"high":0.7,"scale":{"step":0.1}}},{"name":"width","distribution":{"type":"int","low":8,"high":64,"step":1,"log":true}},{"name":"depth","distribution":{"type":"int","low":-3,"high":7,"step":5,"log":false}}],"objective":{"kind":"own","settings":{"big":9007199254740993,"nested":{"list":[0.1,true,"x",{}]},"tiny":5e-324}}CONFIRM}"#;

/// Options in a study file, and in a store.
#[rustfmt::skip]
const SAMPLERS: &[(&str, &str)] = &[
    ("kind = 'auto'", r#""kind":"auto""#),
    ("kind = 'tpe'", r#""kind":"tpe","startup_trials":10,"candidates":24"#),
    ("kind = 'tpe', startup_trials = 3, candidates = 100", r#""kind":"tpe","startup_trials":3,"candidates":100"#),
    ("kind = 'gp'", r#""kind":"gp","startup_trials":10"#),
    ("kind = 'gp', startup_trials = 3", r#""kind":"gp","startup_trials":3"#),
    ("kind = 'cmaes'", r#""kind":"cmaes","population":0"#),
    ("kind = 'cmaes', population = 16", r#""kind":"cmaes","population":16"#),
    ("kind = 'nsga2'", r#""kind":"nsga2","population":20,"crossover_probability":0.9,"swapping_probability":0.5,"crossover_eta":5.0,"mutation_eta":5.0"#),
    ("kind = 'nsga2', population = 8, mutation_probability = 0.25", r#""kind":"nsga2","population":8,"crossover_probability":0.9,"swapping_probability":0.5,"crossover_eta":5.0,"mutation_probability":0.25,"mutation_eta":5.0"#),
    ("kind = 'nsga3'", r#""kind":"nsga3","population":20,"divisions":0,"crossover_probability":0.9,"swapping_probability":0.5,"crossover_eta":5.0,"mutation_eta":5.0"#),
    ("kind = 'nsga3', divisions = 12, crossover_probability = 1, swapping_probability = 0.25, crossover_eta = 20, mutation_eta = 30", r#""kind":"nsga3","population":20,"divisions":12,"crossover_probability":1.0,"swapping_probability":0.25,"crossover_eta":20.0,"mutation_eta":30.0"#),
    ("kind = 'random'", r#""kind":"random""#),
    ("kind = 'sobol'", r#""kind":"sobol""#),
    ("kind = 'grid'", r#""kind":"grid","points":5"#),
    ("kind = 'grid', points = 7", r#""kind":"grid","points":7"#),
];

#[rustfmt::skip]
const PRUNERS: &[(&str, &str)] = &[
    ("kind = 'none'", r#""kind":"none""#),
    ("kind = 'median'", r#""kind":"median","startup_trials":5,"warmup_steps":0,"min_trials":1"#),
    ("kind = 'median', startup_trials = 1, warmup_steps = 2, min_trials = 3", r#""kind":"median","startup_trials":1,"warmup_steps":2,"min_trials":3"#),
    ("kind = 'percentile'", r#""kind":"percentile","percentile":25.0,"startup_trials":5,"warmup_steps":0,"min_trials":1"#),
    ("kind = 'percentile', percentile = 12.5, startup_trials = 1, warmup_steps = 2, min_trials = 3", r#""kind":"percentile","percentile":12.5,"startup_trials":1,"warmup_steps":2,"min_trials":3"#),
    ("kind = 'asha'", r#""kind":"asha","min_resource":1,"reduction_factor":4,"min_early_stopping_rate":0"#),
    ("kind = 'asha', min_resource = 2, reduction_factor = 3, min_early_stopping_rate = 1", r#""kind":"asha","min_resource":2,"reduction_factor":3,"min_early_stopping_rate":1"#),
    ("kind = 'hyperband', max_resource = 81", r#""kind":"hyperband","min_resource":1,"max_resource":81,"reduction_factor":3"#),
    ("kind = 'hyperband', min_resource = 2, max_resource = 9, reduction_factor = 4", r#""kind":"hyperband","min_resource":2,"max_resource":9,"reduction_factor":4"#),
    ("kind = 'patience'", r#""kind":"patience","patience":5,"min_delta":0.0"#),
    ("kind = 'patience', patience = 3, min_delta = 1e-7", r#""kind":"patience","patience":3,"min_delta":1e-7"#),
    ("kind = 'patience', wrapped = { kind = 'none' }", r#""kind":"patience","patience":5,"min_delta":0.0,"wrapped":{"kind":"none"}"#),
    ("kind = 'patience', wrapped = { kind = 'asha', min_resource = 2 }", r#""kind":"patience","patience":5,"min_delta":0.0,"wrapped":{"kind":"asha","min_resource":2,"reduction_factor":4,"min_early_stopping_rate":0}"#),
    ("kind = 'patience', wrapped = { kind = 'patience', wrapped = { kind = 'median' } }", r#""kind":"patience","patience":5,"min_delta":0.0,"wrapped":{"kind":"patience","patience":5,"min_delta":0.0,"wrapped":{"kind":"median","startup_trials":5,"warmup_steps":0,"min_trials":1}}"#),
];

#[rustfmt::skip]
const CONFIRMS: &[(&str, &str)] = &[
    ("by = ['method']", r#"{"by":["method"],"best":6,"seeds":10,"each":true}"#),
    ("by = ['method', 'on'], best = 0, seeds = 3, each = false", r#"{"by":["method","on"],"best":0,"seeds":3,"each":false}"#),
];

/// A store's text with these options.
fn text(sampler: &str, pruner: &str, confirm: Option<&str>) -> String {
    let confirm = confirm.map(|confirm| format!(",\"confirm\":{confirm}")).unwrap_or_default();
    TEXT.replace("SAMPLER", &format!("\"sampler\":{{{sampler}}}"))
        .replace("PRUNER", &format!("\"pruner\":{{{pruner}}}"))
        .replace("CONFIRM", &confirm)
}

/// The study of [`FILE`] with these sections.
fn study(sections: &str) -> StudySpec {
    config::parse(&FILE.replace("SECTIONS", sections)).expect("valid")
}

/// What stands in a store if the study file says nothing of sampler and pruner.
fn plain() -> String {
    text(SAMPLERS[0].1, PRUNERS[0].1, None)
}

fn assert_stored(spec: &StudySpec, stored: &str) {
    assert_eq!(to_text(spec).expect("it can be stored"), stored);
    assert_eq!(&from_text(stored).expect(stored), spec);
}

#[test]
fn a_spec_is_stored_as_it_always_was() {
    assert_stored(&study(""), &plain());
    for (file, stored) in SAMPLERS {
        let spec = study(&format!("sampler = {{ {file} }}"));
        assert_stored(&spec, &text(stored, PRUNERS[0].1, None));
    }
    for (file, stored) in PRUNERS {
        let spec = study(&format!("pruner = {{ {file} }}"));
        assert_stored(&spec, &text(SAMPLERS[0].1, stored, None));
    }
}

#[test]
fn how_many_checkpoints_are_kept_is_stored_if_it_is_not_one() {
    assert_eq!(study("").keep_checkpoints, 1);
    assert_stored(&study("checkpoints = { keep = 1 }"), &plain());
    let spec = study("checkpoints = { keep = 3 }");
    let stored = plain().replace(r#","sampler""#, r#","keep_checkpoints":3,"sampler""#);
    assert_stored(&spec, &stored);
    assert_eq!(spec.keep_checkpoints, 3);
}

#[rustfmt::skip]
const NOTIFIES: &[(&str, &str)] = &[
    ("url = 'https://ntfy.sh/topic'", r#"{"kind":"webhook","url":"https://ntfy.sh/topic","on":["finished","failing"]}"#),
    ("kind = 'ntfy', url = 'http://me:pw@h:8080/t?a=b', on = ['failing', 'best', 'best']", r#"{"kind":"ntfy","url":"http://me:pw@h:8080/t?a=b","on":["best","failing"]}"#),
    ("kind = 'slack', url = 'HTTPS://Hooks.slack.com', on = ['finished']", r#"{"kind":"slack","url":"https://hooks.slack.com/","on":["finished"]}"#),
    ("kind = 'off'", r#"{"kind":"off"}"#),
];

#[test]
fn who_is_told_is_stored_as_it_always_was() {
    for (file, stored) in NOTIFIES {
        let spec = study(&format!("notify = {{ {file} }}"));
        let plain = plain();
        let beside = &plain[..plain.len() - 1];
        assert_stored(&spec, &format!("{beside},\"notify\":{stored}}}"));
        let notify = spec.notify.expect("it is there");
        assert_eq!(notify_to_text(&notify).expect("it can be stored"), *stored);
        assert_eq!(notify_from_text(stored).expect(stored), notify);
    }
    for notify in
        [r#"{"kind":"off","url":"https://a.b"}"#, r#"{"kind":"ntfy","url":"a","on":[]}"#, "null"]
    {
        assert!(notify_from_text(notify).is_err(), "{notify}");
    }
}

#[test]
fn what_was_told_is_stored_as_it_always_was() {
    let at = Wall(7);
    let message = |error: Option<&str>| {
        Some(Message { news: News::Best, at, host: "h:80".into(), error: error.map(Into::into) })
    };
    for (told, stored) in [
        (Told::default(), r#"{"best":0,"failing":0}"#),
        (
            Told { end: Some(End::Finished(9)), best: 8, failing: 7, last: message(None) },
            r#"{"end":{"finished":9},"best":8,"failing":7,"last":{"news":"best","at":7,"host":"h:80"}}"#,
        ),
        (
            Told {
                end: Some(End::Paused("why".into())),
                last: message(Some("no")),
                ..Told::default()
            },
            r#"{"end":{"paused":"why"},"best":0,"failing":0,"last":{"news":"best","at":7,"host":"h:80","error":"no"}}"#,
        ),
    ] {
        assert_eq!(told_to_text(&told).expect("it can be stored"), stored);
        assert_eq!(told_from_text(stored).expect(stored), told);
    }
}

/// A space with what there was not when the others were written.
const LATER: &str = r#"[space.shape]
type = "categorical"
choices = [1, 1.0, true, "1", "nil", [64, 64.0, ["nil"]], { b = 1, a = "nil" }]
none = "nil"
[space.layers]
type = "int"
low = 1
high = 100
when = { shape = ["nil", [64, 64.0, ["nil"]]] }
[space.units]
type = "float"
low = 0.5
high = 8
when = { layers = { at_least = 2, at_most = 9.5 }, share = { at_most = 0.5 }, depth = [-3, 7] }
"#;

#[rustfmt::skip]
const STORED_LATER: &str = r#",{"name":"shape","distribution":{"type":"categorical","choices":[1,1.0,true,"1",null,[64,64.0,[null]],{"a":null,"b":1}]}},{"name":"layers","distribution":{"type":"int","low":1,"high":100,"step":1,"log":false},"when":[{"parent":"shape","any_of":[null,[64,64.0,[null]]]}]},{"name":"units","distribution":{"type":"float","low":0.5,"high":8.0,"scale":"linear"},"when":[{"parent":"layers","at_least":2.0,"at_most":9.5},{"parent":"share","at_most":0.5},{"parent":"depth","any_of":[-3,7]}]}],"objective""#;

#[test]
fn choices_and_conditions_of_all_kinds_are_stored_beside_the_old_ones() {
    let spec = config::parse(&format!("{}\n{LATER}", FILE.replace("SECTIONS", ""))).expect("valid");
    assert_stored(&spec, &plain().replace("],\"objective\"", STORED_LATER));
}

#[test]
fn what_is_confirmed_is_stored_as_it_always_was() {
    for (file, stored) in CONFIRMS {
        let spec = study(&format!("confirm = {{ {file} }}"));
        assert_stored(&spec, &text(SAMPLERS[0].1, PRUNERS[0].1, Some(stored)));
        let confirm = spec.confirm.expect("it is there");
        assert_eq!(confirm_to_text(&confirm).expect("it can be stored"), *stored);
        assert_eq!(confirm_from_text(stored).expect(stored), confirm);
    }
}

/// Parts of the text that a store may lack or hold otherwise, and the study that it means.
#[test]
fn what_older_stores_hold_means_what_it_always_did() {
    let without = |part: &str| {
        assert!(plain().contains(part), "the test's own text: {part}");
        from_text(&plain().replacen(part, "", 1)).expect(part)
    };
    let expected = StudySpec { max_failures_in_a_row: 20, ..study("") };
    assert_eq!(without(r#""max_failures_in_a_row":7,"#), expected);
    assert_eq!(without(r#","scale":"linear""#), study(""));
    for (part, instead) in [
        (r#""minimize""#, r#"["minimize"]"#),
        (r#""low":-1.0"#, r#""low":-1"#),
        (r#"{"name":"#, r#"{"unknown":1,"name":"#),
        (r#"{"name":"width","#, r#"{"name":"width","unknown":[1],"when":[],"#),
        (r#"{"type":"int","#, r#"{"unknown":null,"type":"int","#),
        (r#"{"kind":"own","#, r#"{"unknown":{},"kind":"own","#),
        (r#""space""#, "\n\t\"confirm\" : null,\n\"space\""),
        // The end of the grid, as its author wrote it.
        (r#""high":7,"#, r#""high":9,"#),
    ] {
        assert!(plain().contains(part), "the test's own text: {part}");
        let read = from_text(&plain().replacen(part, instead, 1)).expect(instead);
        assert_eq!(read, study(""), "{instead}");
    }
}

#[test]
fn options_that_a_store_lacks_have_the_defaults_they_always_had() {
    let read = |sampler: &str| from_text(&text(sampler, PRUNERS[0].1, None)).expect(sampler);
    for (short, all) in [
        (r#""kind":"tpe""#, SAMPLERS[1].1),
        (r#""kind":"tpe","candidates":24"#, SAMPLERS[1].1),
        (r#""kind":"tpe","startup_trials":10"#, SAMPLERS[1].1),
        (r#""kind":"gp""#, SAMPLERS[3].1),
        (r#""kind":"cmaes""#, SAMPLERS[5].1),
        (r#""kind":"nsga2""#, SAMPLERS[7].1),
        (r#""kind":"nsga3""#, SAMPLERS[9].1),
        (r#""kind":"grid""#, SAMPLERS[13].1),
    ] {
        assert_eq!(read(short), read(all), "{short}");
    }
    let read = |pruner: &str| from_text(&text(SAMPLERS[0].1, pruner, None)).expect(pruner);
    for (short, all) in [
        (r#""kind":"median""#, PRUNERS[1].1),
        (r#""kind":"percentile""#, PRUNERS[3].1),
        (r#""kind":"percentile","percentile":25"#, PRUNERS[3].1),
        (r#""kind":"asha""#, PRUNERS[5].1),
        (r#""max_resource":81,"kind":"hyperband""#, PRUNERS[7].1),
        (r#""kind":"patience","wrapped":null"#, PRUNERS[9].1),
    ] {
        assert_eq!(read(short), read(all));
    }
    for confirm in [r#"{"by":["method"]}"#, r#"{"each":true,"by":["method"],"best":6}"#] {
        let read = confirm_from_text(confirm).expect(confirm);
        assert_eq!(read, confirm_from_text(CONFIRMS[0].1).expect("valid"));
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    for (sampler, pruner) in [
        (r#""kind":"tpe","unknown":1"#, PRUNERS[0].1),
        (r#""kind":"auto","startup_trials":10"#, PRUNERS[0].1),
        (r#""kind":"gp","candidates":24"#, PRUNERS[0].1),
        (r#""kind":"random","points":5"#, PRUNERS[0].1),
        (r#""kind":"other""#, PRUNERS[0].1),
        (r#""points":5"#, PRUNERS[0].1),
        (r#""kind":"grid","points":0"#, PRUNERS[0].1),
        (r#""kind":"grid","points":65536"#, PRUNERS[0].1),
        (SAMPLERS[0].1, r#""kind":"none","min_trials":1"#),
        (SAMPLERS[0].1, r#""kind":"median","min_trials":0"#),
        (SAMPLERS[0].1, r#""kind":"hyperband""#),
        (SAMPLERS[0].1, r#""kind":"hyperband","min_resource":3,"max_resource":2"#),
        (SAMPLERS[0].1, r#""kind":"patience","wrapped":{"kind":"percentile","percentile":0}"#),
    ] {
        assert!(from_text(&text(sampler, pruner, None)).is_err(), "{sampler} {pruner}");
    }
    for confirm in [r#"{"best":1}"#, r#"{"by":["method"],"unknown":1}"#, "null"] {
        assert!(confirm_from_text(confirm).is_err(), "{confirm}");
    }
    for (part, instead) in [
        (r#""trials":40,"#, ""),
        (r#""trials":40,"#, r#""trials":0,"#),
        (r#""low":8"#, r#""low":80"#),
        (r#""type":"int""#, r#""type":"whole""#),
        (r#""minimize""#, "[]"),
        (r#""minimize""#, r#"["minimize","maximize"]"#),
    ] {
        assert!(plain().contains(part), "the test's own text: {part}");
        assert!(from_text(&plain().replacen(part, instead, 1)).is_err(), "{instead}");
    }
}
