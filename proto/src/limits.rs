//! All limits on what a coordinator accepts, stores and answers.
//!
//! What is too large is refused before it is stored. So every message has a bounded size: the largest study
//! and the largest trial each fit into one, and lists come in pages.

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// The largest message. gRPC clients accept no more by default.
pub const MESSAGE: usize = 4 * MIB;

/// The largest request, except from workers: a spec and what surrounds it. Workers' requests may be as large
/// as any message.
pub const REQUEST: usize = 512 * KIB;
/// A request or an answer up to this size is small. It counts against no caller's share.
pub const SMALL: usize = 16 * KIB;

/// The largest change that a browser asks for: a study file and what surrounds it.
pub const PAGE_CHANGE: usize = MIB;
/// The most failed trials that are repeated with one call.
pub const RETRIED: usize = 1000;

// What callers may have open: all together, and each. A caller is a machine.

/// Bytes of larger requests, until they are answered.
pub const ASKED_BYTES: (usize, usize) = (32 * MIB, 16 * MIB);
/// Bytes of larger answers, until they are read.
pub const UNREAD_BYTES: (usize, usize) = (64 * MIB, 32 * MIB);
/// Streams that follow a study.
pub const WATCHES: (usize, usize) = (512, 256);
/// Browser pages that follow a study.
pub const PAGES: (usize, usize) = (256, 128);
/// Artifacts that browsers read at the same time: fewer than all downloads, so that pictures keep no checkpoint from a worker.
/// Others wait.
pub const PAGE_FILES: (usize, usize) = (16, 8);
/// Changes that browsers ask for at the same time.
pub const PAGE_CHANGES: (usize, usize) = (32, 8);
/// Uploads of checkpoints and artifacts.
pub const SAVES: (usize, usize) = (64, 16);
/// Those of them that are read at the same time. The others wait.
pub const SAVES_AT_A_TIME: usize = 16;
/// Downloads of checkpoints and artifacts.
pub const LOADS: (usize, usize) = (32, 16);
/// Studies that are replayed at the same time.
pub const REPLAYS: (usize, usize) = (2, 1);
/// Bytes of trials' output that are on their way in. They do not count as `ASKED_BYTES`, so that no talkative trial keeps a
/// result out.
pub const WRITTEN_BYTES: (usize, usize) = (8 * MIB, 4 * MIB);
/// Calls that read trials' output.
pub const OUTPUT_READERS: (usize, usize) = (64, 32);

// A study.

/// The most studies in a store.
pub const STUDIES: usize = 10_000;

/// The largest spec, in bytes on the wire. It is part of every answer about its study.
pub const SPEC: usize = 256 * KIB;
/// The most parameters of a space.
pub const PARAMS: usize = 1000;
/// The most choices of all parameters, including those that conditions name.
pub const CHOICES: usize = 10_000;
/// The largest list or table among the choices, in bytes of JSON.
pub const CHOICE: usize = 64 * KIB;
/// The most candidates of one proposal. All other callers wait for a proposal.
pub const CANDIDATES: u32 = 10_000;
/// The most values of all candidates of one proposal: candidates times parameters. Every hundred choices
/// count as one more parameter.
pub const CANDIDATE_VALUES: usize = 27_000;
/// The most parameters for a Gaussian process, which compares all trials in all of them.
pub const GP_PARAMS: usize = 100;
/// The most numbers among the parameters for CMA-ES, whose covariance has all pairs of them.
pub const CMAES_NUMBERS: usize = 100;
/// The largest generation of CMA-ES.
pub const CMAES_POPULATION: u32 = 1000;
/// The largest population of NSGA-II and NSGA-III. Each trial that completes is compared with all of it.
pub const NSGA_POPULATION: u32 = 500;
/// The most reference points of NSGA-III.
pub const NSGA_REFERENCES: usize = 2000;
/// The most values on all axes of a grid: points times parameters.
pub const GRID_VALUES: usize = 1 << 16;

/// The longest filter, in characters, and how deep its parentheses and `not` may nest.
pub const FILTER: usize = 2000;
/// See [`FILTER`].
pub const FILTER_DEPTH: usize = 32;

// A trial.

/// The most intermediate values, of all objectives together.
pub const REPORTS: usize = 100_000;

/// The most attributes.
pub const ATTRIBUTES: usize = 256;
/// The longest name of an attribute, in bytes.
pub const ATTRIBUTE_NAME: usize = 512;
/// The longest attribute, in bytes of JSON.
pub const ATTRIBUTE: usize = 64 * KIB;
/// The most for all attributes together, in bytes of names and JSON.
pub const ATTRIBUTES_IN_ALL: usize = MIB;
/// The longest note on attributes that were left out. It is kept on top of the others.
pub const NOTE: usize = 16 * KIB;
/// How deep JSON may be nested, in attributes, in choices, and in an objective's settings. Parsers stop at 128, and what
/// is sent is nested in larger messages on its way.
pub const DEPTH: usize = 64;
/// The longest reason of a failure, in bytes. A longer one is cut.
pub const REASON: usize = 64 * KIB;
/// The longest reason why a trial was handed back, in bytes. A longer one is cut.
pub const HAND_BACK: usize = 4 * KIB;
/// The longest id of a request, in bytes.
pub const REQUEST_ID: usize = 256;

/// The most entries of a study's activity, and of the coordinator's own.
pub const ACTIVITIES: usize = 1000;
/// The longest details of an entry, in bytes.
pub const ACTIVITY_DETAILS: usize = 256;
/// The longest name of whoever makes a change, in characters.
pub const USER: usize = 64;

// What people write about a study and its trials.

/// The longest note, in bytes.
pub const REMARK_NOTE: usize = 64 * KIB;
/// The most of it in lists, in bytes.
pub const NOTE_IN_SHORT: usize = 256;
/// The most tags of a study, and of each trial.
pub const TAGS: usize = 32;
/// The longest tag, in characters.
pub const TAG: usize = 64;
/// The most notes and tags of all trials of a study together, in bytes as they are stored.
pub const REMARKS: usize = MIB;

/// The most artifacts of a trial.
pub const TRIAL_ARTIFACTS: usize = 256;
/// The most artifacts of a study itself.
pub const STUDY_ARTIFACTS: usize = 1024;
/// The longest name of an artifact, in bytes.
pub const ARTIFACT_NAME: usize = 512;
/// The longest media type of an artifact, in bytes.
pub const MEDIA_TYPE: usize = 256;
/// The longest key of what is kept in the artifact store, in bytes.
pub const BLOB_KEY: usize = 256;

/// The largest checkpoint or artifact, in bytes.
pub const BLOB: u64 = 16 << 30;
/// The most bytes in one message with a part of it.
pub const PIECE: usize = MIB;
/// The most bytes of all checkpoints and artifacts together, unless the coordinator is told otherwise.
pub const ARTIFACTS: u64 = 100 << 30;

// A trial's output.

/// The longest line, in bytes.
pub const OUTPUT_LINE: usize = 16 * KIB;
/// The largest message of lines, in bytes.
pub const OUTPUT_BATCH: usize = 128 * KIB;
/// Bytes of an attempt's first lines that are kept.
pub const OUTPUT_HEAD: usize = 256 * KIB;
/// Bytes of an attempt's last lines that are kept, and sometimes an eighth less.
pub const OUTPUT_TAIL: usize = 768 * KIB;
/// The most attempts of a trial whose output is kept: the newest ones.
pub const OUTPUT_ATTEMPTS: u32 = 32;
/// Bytes of output that a worker sends in a second, of all its trials.
pub const OUTPUT_SENT: usize = MIB;
/// Bytes of output that a coordinator takes in a second, of all workers.
pub const OUTPUT_TAKEN: usize = 8 * MIB;
/// Calls with output that are written at a time.
pub const OUTPUT_WRITES: usize = 32;

// A study that Optuna's clients drive. Its trials come in one message, however many: its clients can take that.

/// The most trials.
pub const EXTERNAL_TRIALS: usize = 1_000_000;
/// The most objectives.
pub const EXTERNAL_OBJECTIVES: usize = 64;
/// The longest distribution, in bytes of JSON.
pub const EXTERNAL_DISTRIBUTION: usize = 256 * KIB;
/// The most attributes of the study, and of each trial: the user's and the sampler's, each.
pub const EXTERNAL_ATTRIBUTES: usize = 4096;
/// The longest attribute, in bytes of JSON.
pub const EXTERNAL_ATTRIBUTE: usize = MIB;
/// Calls of such clients at the same time, in all. More of them wait.
pub const EXTERNAL_CALLS: usize = 512;
/// Bytes of answers to such clients that were not read yet, in all and each. What does not fit waits.
pub const EXTERNAL_UNREAD_BYTES: (usize, usize) = (256 * MIB, 128 * MIB);

// A worker.

/// The most workers known at a time.
pub const WORKERS: usize = 10_000;
/// The most leases that a worker names in one message.
pub const HOLDING: usize = SLOTS as usize;
/// The most objectives that a worker offers.
pub const OBJECTIVES: usize = 64;
/// The longest name of an objective, in bytes.
pub const OBJECTIVE: usize = 256;
/// The most studies that a worker asks not to be leased trials of.
pub const WITHOUT_STUDIES: usize = 256;
/// The most trials leased to a worker at once. A worker with more free slots asks again.
pub const ASSIGNMENTS: usize = 64;

/// The most trials that a worker runs at a time.
pub const SLOTS: u32 = 1024;
/// The longest name of a worker's host, and of its device, in bytes.
pub const PLACE: usize = 256;

// An answer.

/// How many items a page of a list has by default.
pub const PAGE: usize = 100;
/// How many items a page has at most.
pub const LARGEST_PAGE: usize = 1000;
/// A page also ends once it has this many bytes.
pub const PAGE_BYTES: usize = 2 * MIB;
/// The most trials searched for one page, which may therefore be empty.
pub const SEARCHED: usize = 50_000;
/// The most studies or trials read for a browser before other callers get a turn.
pub const AT_A_TIME: usize = 500;
/// The most trials of the front in a study's answer, and their bytes. Lists have all of them.
pub const FRONT: usize = 256;
/// See there.
pub const FRONT_BYTES: usize = 128 * KIB;
/// The most bytes of trials in one message to a watcher.
pub const WATCH_BYTES: usize = MIB;
/// The most bytes of workers in one message to a watcher.
pub const WATCHED_WORKERS_BYTES: usize = 256 * KIB;

/// The size of the largest intermediate value on the wire, alone or with those of other objectives.
const REPORT_BYTES: usize = 22;
/// The size of what is said of some bytes in the artifact store, and of the fields and the time around it.
const BLOB_BYTES: usize = BLOB_KEY + 128;
/// The most checkpoints that a study may keep of a trial, and the most attempts that are known of it, each with a worker's
/// id.
const CHECKPOINTS: usize = 100;
const ATTEMPTS: usize = 32 * (256 + 64);

// The largest trial, and the largest message to a watcher, fit into a message. A trial's parameters are no
// longer than the spec, which contains them with two lists of the parameters' names.
const _: () = {
    let names = (ATTRIBUTES + 1) * 16;
    let artifact = ARTIFACT_NAME + MEDIA_TYPE + BLOB_BYTES;
    let kept = CHECKPOINTS * BLOB_BYTES + ATTEMPTS + TRIAL_ARTIFACTS * artifact;
    let remarks = REMARK_NOTE + TAGS * (4 * TAG + 4);
    let told = ATTRIBUTES_IN_ALL + NOTE + names + REASON + remarks;
    assert!(REPORTS * REPORT_BYTES + told + kept + SPEC + 16 * KIB < MESSAGE);
    // All artifacts of a study in one answer.
    assert!(STUDY_ARTIFACTS * artifact + 16 * KIB < MESSAGE);
    let study = 4 * SPEC + FRONT_BYTES + 64 * KIB + remarks;
    assert!(study + WATCH_BYTES + WATCHED_WORKERS_BYTES < MESSAGE);
    assert!(study < PAGE_BYTES);
};

/// Cuts the text to this many bytes and marks that it was cut.
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
