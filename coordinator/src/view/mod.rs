//! The read model: what readers see of studies, trials and workers, as of the newest commit. The services, the page
//! and the metrics all look through here.

mod any_study;
pub(crate) mod paging;
mod reading;
mod snapshot;

pub(crate) use any_study::{AnyStudy, artifacts, find, in_short, range};
pub(crate) use reading::{Head, Reading, Whole, whole};
pub(crate) use snapshot::snapshot;
