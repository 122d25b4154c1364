//! What callers may have of the coordinator at a time: so much in all, and so much each, so that one
//! caller does not take it from all others.

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

/// Whose share it is: the machine that calls, or nobody knows which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Caller(Option<Network>);

impl Caller {
    /// The caller of a request with these extensions.
    pub(crate) fn of(extensions: &Extensions) -> Self {
        let guest = extensions.get::<accept::Caller>().map(accept::Caller::address);
        // Of a server without a door of ours.
        let other = || Some(extensions.get::<TcpConnectInfo>()?.remote_addr()?.ip());
        Self(guest.or_else(other).map(Network::of))
    }
}

/// So much of something; clones share it.
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

/// What a caller has taken, until it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    of: Arc<Inner>,
    caller: Caller,
    amount: usize,
}

impl Budget {
    /// So much in all, and no more than this for each caller.
    pub(crate) fn new(all: usize, each: usize) -> Self {
        Self(Arc::new(Inner { all, each, taken: Mutex::default() }))
    }

    /// A share, if so much is left.
    pub(crate) fn take(&self, caller: Caller, amount: usize) -> Option<Share> {
        let mut share = Share { of: self.0.clone(), caller, amount: 0 };
        share.grow(amount).then_some(share)
    }

    /// How much is taken, by whomever.
    #[cfg(test)]
    pub(crate) fn taken(&self) -> usize {
        self.0.taken().all
    }

    /// Of something that may be larger than all there is: then it is all that the caller may have.
    pub(crate) fn take_most(&self, caller: Caller, amount: usize) -> Option<Share> {
        self.take(caller, amount.min(self.0.each))
    }
}

impl Share {
    /// Takes more; whether so much was left.
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
    /// Nothing panics while it is locked.
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
