//! The pure core of Kindling: what a study is, and every decision about it.
//!
//! The core has no I/O, no clock, no async and no randomness of its own: time and seeds are arguments. Every
//! fact is an [`Event`]. Every decision returns events and a typed reply, and only [`Study::apply`] changes a
//! study. The shell around the core applies the events in memory, commits them, and then answers the caller.

mod activity;
mod attempts;
mod best;
mod bug;
mod confirm;
mod decide;
mod direction;
mod event;
pub mod external;
mod failures;
pub mod front;
mod ids;
mod json;
mod kept;
mod mark;
mod metrics;
mod notify;
mod options;
#[cfg(test)]
mod peer;
mod plan;
mod proposal;
pub mod pruner;
mod refusal;
mod registry;
mod remarks;
mod replay;
mod rules;
pub mod sampler;
mod saving;
mod seed;
mod space;
mod spec;
mod study;
mod time;
mod trial;
mod values;

pub use activity::{Act, Activities, Activity, Deed, KNOWN_ACTIVITIES};
pub use attempts::{KNOWN_ATTEMPTS, PastAttempt};
pub use bug::Bug;
pub use confirm::{ConfirmError, ConfirmSpec, Confirmation};
pub use decide::Decision;
pub use direction::Direction;
pub use event::{Event, LeaseEnd, Record, StudyState};
pub use failures::{Failures, Reason, kind_of_failure};
pub use ids::{Attempt, InvalidId, StudyId, StudyName, TrialId, TrialNumber, WorkerId};
pub use json::Json;
pub use kept::{Artifact, Blob, Checkpoint, MAX_KEPT_CHECKPOINTS, WarmStart};
pub use mark::Mark;
pub use metrics::{MAX_CONSTRAINTS, MAX_OBJECTIVES, Metrics};
pub use notify::{
    End, FAILING_IN_A_ROW, MAX_NOTIFY_URL, Message, News, Notify, NotifyKind, Recipient, SecretUrl,
    Told, Topic,
};
pub use proposal::Asked;
pub use pruner::PrunerSpec;
pub use refusal::Refusal;
pub use registry::{Creation, Registry};
pub use remarks::{
    Annotation, MAX_NOTE, MAX_REMARKS, MAX_TAG, MAX_TAGS, Remark, RemarkKey, Remarks,
    StudyAttributes, What,
};
pub use replay::{Mismatch, Replay};
pub use space::{
    Allowed, Choice, Condition, Distribution, FloatScale, Needs, Nested, NotNested, Numbers, Param,
    ParamValue, Params, SearchSpace, SpaceError,
};
pub use spec::{MAX_FAILURES_IN_A_ROW, ObjectiveSpec, Settings, SpecError, StudySpec};
pub use study::{Finished, Study};
pub use time::{Tick, Wall};
pub use trial::{
    Attributes, Claim, Lease, OtherValue, Outcome, Phase, Proposal, Trial, TrialResult, Verdict,
};
pub use values::{Directions, NoObjective, Values};
