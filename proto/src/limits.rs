//! Every limit on what a coordinator is told, what it keeps and what it answers, in one table.
//!
//! What does not fit is refused before it is stored. So every message has a size: the largest study and the
//! largest trial fit into one, and lists come in pages.

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// The largest message. gRPC's clients take no more unless they are told to.
pub const MESSAGE: usize = 4 * MIB;

/// The largest request, but for those of workers: a spec and what stands around it. Theirs may be as large
/// as any message.
pub const REQUEST: usize = 512 * KIB;
/// A request or an answer up to this size is small: it needs no share of anything.
pub const SMALL: usize = 16 * KIB;

// What callers may have at a time, in all and each. A caller is a machine.

/// Bytes of requests that are not small, until they are answered.
pub const ASKED_BYTES: (usize, usize) = (32 * MIB, 16 * MIB);
/// Bytes of answers that are not small, until they are read.
pub const UNREAD_BYTES: (usize, usize) = (64 * MIB, 32 * MIB);
/// Streams that tell of a study as it goes on.
pub const WATCHES: (usize, usize) = (512, 256);
/// Pages that are told of a study as it goes on.
pub const PAGES: (usize, usize) = (256, 128);
/// Studies whose proposals are computed again.
pub const REPLAYS: (usize, usize) = (2, 1);

// A study.

/// The most studies.
pub const STUDIES: usize = 10_000;

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

/// The most intermediate values.
pub const REPORTS: usize = 100_000;

/// The most attributes.
pub const ATTRIBUTES: usize = 256;
/// The longest name of an attribute, in bytes.
pub const ATTRIBUTE_NAME: usize = 512;
/// The longest attribute, in bytes of JSON.
pub const ATTRIBUTE: usize = 64 * KIB;
/// The most that all attributes have together, in bytes of their names and their JSON.
pub const ATTRIBUTES_IN_ALL: usize = MIB;
/// The longest note on attributes that were left out, which is one more.
pub const NOTE: usize = 16 * KIB;
/// How deep JSON may be nested, an attribute's as well as an objective's settings. Parsers stop at 128, and
/// what is said is put into something larger on its way.
pub const DEPTH: usize = 64;
/// The longest reason of a failure, in bytes. A longer one is cut.
pub const REASON: usize = 64 * KIB;
/// The longest id of a request, in bytes.
pub const REQUEST_ID: usize = 256;

// A worker.

/// The most that are known at a time.
pub const WORKERS: usize = 10_000;
/// The most leases that a message of its names.
pub const HOLDING: usize = SLOTS as usize;
/// The most objectives that it offers.
pub const OBJECTIVES: usize = 64;
/// The longest name of one, in bytes.
pub const OBJECTIVE: usize = 256;
/// The most trials that it is leased at once. With fewer than it has slots it asks again.
pub const ASSIGNMENTS: usize = 64;

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
/// The most trials that are looked at for a page, which may be empty then.
pub const SEARCHED: usize = 50_000;
/// The most studies and trials that are looked at for a browser before others may look.
pub const AT_A_TIME: usize = 500;
/// The most bytes of trials in one message to a watcher, and of workers.
pub const WATCH_BYTES: usize = MIB;
/// See [`WATCH_BYTES`].
pub const WATCHED_WORKERS_BYTES: usize = 256 * KIB;

/// The most that an intermediate value takes on the wire.
const REPORT_BYTES: usize = 21;

// The largest trial and the largest that a watcher is told fit into a message: parameters are no longer than
// the spec that they come from, which stands in there with two lists of its parameters' names.
const _: () = {
    let names = (ATTRIBUTES + 1) * 16;
    assert!(
        REPORTS * REPORT_BYTES + ATTRIBUTES_IN_ALL + NOTE + names + SPEC + REASON + 16 * KIB
            < MESSAGE
    );
    let study = 4 * SPEC + 64 * KIB;
    assert!(study + WATCH_BYTES + WATCHED_WORKERS_BYTES < MESSAGE);
    assert!(study < PAGE_BYTES);
};

/// The text, cut to so many bytes, and with a sign that it was.
#[must_use]
pub fn cut(mut text: String, most: usize) -> String {
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most.saturating_sub('…'.len_utf8())));
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_docs_name_every_limit() {
        let docs = include_str!("../../docs/limits.md");
        let names = include_str!("limits.rs").lines().filter_map(|line| {
            line.strip_prefix("pub const ").and_then(|rest| rest.split(':').next())
        });
        for name in names {
            assert!(docs.contains(&format!("`{name}`")), "docs/limits.md lacks {name}");
        }
    }
}
