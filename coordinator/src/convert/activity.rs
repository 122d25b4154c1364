//! What people did, on the wire.

use kindling_proto::v1;
use kindling_study::{Act, Activity, StudyName};

use super::to_wire::timestamp;

pub(crate) fn activity(study: Option<&StudyName>, activity: &Activity) -> v1::Activity {
    let Act { who, from, deed, trial, details } = &activity.act;
    v1::Activity {
        time: Some(timestamp(activity.at)),
        who: who.to_string(),
        from: from.to_string(),
        what: deed.as_str().to_owned(),
        study: study.map(ToString::to_string).unwrap_or_default(),
        trial: trial.map(|number| number.0),
        details: details.to_string(),
    }
}
