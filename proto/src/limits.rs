//! Every limit on what a coordinator is told, what it keeps and what it answers, in one table.
//!
//! What does not fit is refused before it is stored. So every message has a size: the largest study and the
//! largest trial fit into one, and lists come in pages.

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// The largest message. gRPC's clients take no more unless they are told to.
pub const MESSAGE: usize = 4 * MIB;

// A study.

/// The largest spec, in bytes on the wire: it is part of whatever is said of the study.
pub const SPEC: usize = 256 * KIB;
/// The most parameters of a space.
pub const PARAMS: usize = 1000;
/// The most choices of all parameters, those that their conditions name among them.
pub const CHOICES: usize = 10_000;
/// The most candidates of one proposal, which everybody else waits for.
pub const CANDIDATES: u32 = 10_000;
/// The most values that the candidates of one proposal have together: candidates times parameters, a
/// hundred choices counted as one parameter more.
pub const CANDIDATE_VALUES: usize = 27_000;
/// The most values that the axes of a grid have together: points times parameters.
pub const GRID_VALUES: usize = 1 << 16;

// A trial.

/// The most attributes.
pub const ATTRIBUTES: usize = 256;
/// The longest name of an attribute, in bytes.
pub const ATTRIBUTE_NAME: usize = 512;
/// The longest attribute, in bytes of JSON.
pub const ATTRIBUTE: usize = 64 * KIB;
/// The longest reason of a failure, in bytes. A longer one is cut.
pub const REASON: usize = 64 * KIB;
/// The longest id of a request, in bytes.
pub const REQUEST_ID: usize = 256;

// A worker.

/// The most trials that one trains at a time.
pub const SLOTS: u32 = 1024;
/// The longest name of its host and of its device, in bytes.
pub const PLACE: usize = 256;

// An answer.

/// How many items a page of a list has if nobody says, and at most.
pub const PAGE: usize = 100;
/// See [`PAGE`].
pub const LARGEST_PAGE: usize = 1000;
/// A page is over sooner, too, once it has so many bytes.
pub const PAGE_BYTES: usize = 2 * MIB;
