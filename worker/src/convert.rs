//! Wire types end here.

use kindling_proto::v1;

use crate::objective::{ParamValue, Params, TrialError, TrialFacts};

/// What identifies the work of a leased trial.
pub(crate) fn facts(wire: v1::Assignment) -> Result<TrialFacts, TrialError> {
    let settings = match wire.objective.map(|o| o.settings_json).unwrap_or_default() {
        text if text.is_empty() => serde_json::Map::new(),
        text => serde_json::from_str(&text)?,
    };
    let param = |named: v1::NamedValue| {
        use v1::value::Kind;
        let value = match named.value.and_then(|v| v.kind) {
            Some(Kind::Float(x)) => ParamValue::Float(x),
            Some(Kind::Int(i)) => ParamValue::Int(i),
            Some(Kind::Bool(b)) => ParamValue::Bool(b),
            Some(Kind::Text(s)) => ParamValue::Text(s),
            None => {
                let message = format!("parameter `{}` came without a value", named.name);
                return Err(TrialError::Failed(message));
            }
        };
        Ok((named.name, value))
    };
    let params = wire.params.into_iter().map(param).collect::<Result<Params, _>>()?;
    Ok(TrialFacts { params, settings, seed: wire.seed, study_seed: wire.study_seed })
}
