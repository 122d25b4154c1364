//! File handles: each connection takes one, and enough must be left for the store.

/// Handles for the rest: the store and its log, the standard streams, pipes to child processes,
/// libraries.
const OTHERS: u64 = 256;
/// Handles for readers of metrics.
const METRICS: u64 = 32;
/// Each door has at least this many places, however few handles there are.
const FEWEST: u64 = 16;

/// How many connections each door takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Places {
    pub(crate) grpc: usize,
    pub(crate) page: usize,
}

impl Places {
    /// The wanted places, or as many as the process can have handles for. Raises the limit as far
    /// as allowed.
    pub(crate) fn allowed(wanted: Self) -> Self {
        let handles = match rlimit::increase_nofile_limit(u64::MAX) {
            Ok(handles) => handles,
            Err(error) => {
                tracing::warn!(%error, "the number of file handles could not be raised");
                rlimit::getrlimit(rlimit::Resource::NOFILE).map_or(1024, |(soft, _)| soft)
            }
        };
        let allowed = wanted.within(handles);
        if allowed != wanted {
            let Self { grpc, page } = allowed;
            tracing::warn!(
                "with {handles} file handles there is room for {grpc} connections and {page} of browsers, not {} and \
                 {}; raise the hard limit (ulimit -Hn, LimitNOFILE=, --ulimit nofile=)",
                wanted.grpc,
                wanted.page
            );
        }
        allowed
    }

    fn within(self, handles: u64) -> Self {
        let wanted = (self.grpc + self.page) as u64;
        let room = handles.saturating_sub(OTHERS + METRICS);
        if wanted <= room {
            return self;
        }
        let share = |places: usize| (places as u64 * room / wanted).max(FEWEST) as usize;
        Self { grpc: share(self.grpc), page: share(self.page) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_handles_for_everything_else() {
        let wanted = Places { grpc: 8192, page: 512 };
        assert_eq!(wanted.within(1 << 20), wanted);
        assert_eq!(wanted.within(8192 + 512 + OTHERS + METRICS), wanted);
        let few = wanted.within(1024);
        assert!((few.grpc + few.page) as u64 + OTHERS + METRICS <= 1024, "{few:?}");
        assert!(few.grpc > 600 && few.page > 40, "{few:?}");
        assert_eq!(wanted.within(64), Places { grpc: 16, page: 16 });
    }
}
