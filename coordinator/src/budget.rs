//! Limits on what callers hold at the same time, in total and per caller, so that one caller cannot
//! take everything.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use http_body::Frame;
use tonic::codegen::http::Extensions;
use tonic::transport::server::TcpConnectInfo;

use crate::accept;
use crate::who::Network;

/// Whose share it is: the calling network, or an unknown one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Caller(Option<Network>);

impl Caller {
    /// The caller of a request with these extensions.
    pub(crate) fn of(extensions: &Extensions) -> Self {
        let guest = extensions.get::<accept::Caller>().map(accept::Caller::address);
        // For a server without our own accept loop, as in tests.
        let other = || Some(extensions.get::<TcpConnectInfo>()?.remote_addr()?.ip());
        Self(guest.or_else(other).map(Network::of))
    }
}

/// An amount of something to share. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Budget(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    all: usize,
    each: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by: HashMap<Caller, usize>,
}

/// What a caller has taken. Dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Share {
    of: Arc<Inner>,
    caller: Caller,
    amount: usize,
}

impl Budget {
    /// `all` in total, and at most `each` per caller.
    pub(crate) fn new(all: usize, each: usize) -> Self {
        Self(Arc::new(Inner { all, each, taken: Mutex::default() }))
    }

    /// A share of this size, if that much is left.
    pub(crate) fn take(&self, caller: Caller, amount: usize) -> Option<Share> {
        let mut share = Share { of: self.0.clone(), caller, amount: 0 };
        share.grow(amount).then_some(share)
    }

    /// How much is taken by all callers together.
    #[cfg(test)]
    pub(crate) fn taken(&self) -> usize {
        self.0.taken().all
    }

    /// Like [`Self::take`], for something that may be larger than a caller's limit. Then it takes
    /// the whole limit.
    pub(crate) fn take_most(&self, caller: Caller, amount: usize) -> Option<Share> {
        self.take(caller, amount.min(self.0.each))
    }
}

impl Share {
    /// Takes more. Returns whether that much was left.
    pub(crate) fn grow(&mut self, more: usize) -> bool {
        let mut taken = self.of.taken();
        let Taken { all, by } = &mut *taken;
        let own = by.entry(self.caller).or_default();
        let fits = *own + more <= self.of.each && *all + more <= self.of.all;
        if fits {
            *own += more;
            *all += more;
            self.amount += more;
        } else if *own == 0 {
            by.remove(&self.caller);
        }
        fits
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut taken = self.of.taken();
        taken.all -= self.amount;
        if let Some(own) = taken.by.get_mut(&self.caller) {
            *own -= self.amount;
            if *own == 0 {
                taken.by.remove(&self.caller);
            }
        }
    }
}

impl Inner {
    /// Poisoning does not matter: nothing panics while it is locked.
    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A body that keeps a share until it was read.
pub(crate) fn held(body: Body, share: Arc<Share>) -> Body {
    Body::new(Held { body, _share: share })
}

struct Held {
    body: Body,
    _share: Arc<Share>,
}

impl HttpBody for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(address: &str) -> Caller {
        Caller(Some(Network::of(address.parse().expect("an address"))))
    }

    #[test]
    fn nobody_takes_more_than_there_is_or_than_is_theirs() {
        let (one, other) = (caller("10.0.0.1"), caller("10.0.0.2"));
        let budget = Budget::new(10, 6);
        let first = budget.take(one, 4).expect("there is enough");
        assert!(budget.take(one, 3).is_none(), "more than one caller's");
        let second = budget.take(other, 6).expect("there is enough");
        assert!(budget.take(one, 1).is_none(), "more than all");
        drop(second);
        assert!(budget.take(one, 2).is_some());
        assert!(budget.take_most(other, 1000).is_some());
        drop(first);
        assert_eq!(budget.0.taken().all, 0);
        assert!(budget.0.taken().by.is_empty(), "who has nothing is not remembered");
    }

    #[test]
    fn a_machine_is_one_caller_whatever_its_address() {
        assert_eq!(caller("2001:db8::1"), caller("2001:db8::9999:1"));
        assert_ne!(caller("2001:db8::1"), caller("2001:db8:0:1::1"));
        assert_eq!(caller("::ffff:10.0.0.1"), caller("10.0.0.1"));
        assert_ne!(caller("10.0.0.1"), caller("10.0.0.2"));
    }
}
