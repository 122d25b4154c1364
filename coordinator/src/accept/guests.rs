//! Who is connected, with limits in total, per address and per token. A caller without a valid
//! request yet is a stranger, and keeps its place only until somebody else needs it.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::connection::Connection;
use crate::observe::{self, DoorName};
use crate::seldom::Seldom;
use crate::who::{Network, TokenId};

/// How long a displaced stranger may take to leave before the newcomer is refused.
const LEAVING: Duration = Duration::from_secs(1);

/// How many connections there may be, and how long strangers may stay.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) places: usize,
    pub(crate) of_an_address: usize,
    pub(crate) with_a_token: usize,
    /// A stranger's time to agree on TLS and to make a first request.
    pub(crate) to_ask: Duration,
    /// A stranger's time from one request that was refused, or is open to everybody, to the next.
    pub(crate) to_ask_again: Duration,
}

impl Limits {
    /// Behind a proxy everybody has one address, and all workers of a cluster share a token. So
    /// both get a large share, but neither gets everything.
    pub(crate) fn of(places: usize, to_ask: Duration, to_ask_again: Duration) -> Self {
        let (of_an_address, with_a_token) = ((places / 2).max(1), places - places / 8);
        Self { places, of_an_address, with_a_token, to_ask, to_ask_again }
    }
}

/// Why a connection gets no place, or loses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// All places are taken, and none by a stranger.
    Full,
    /// This address has used its share.
    Address,
    /// This token has used its share.
    Token,
    /// A stranger had to make room for somebody else.
    Displaced,
    /// A stranger sent no request in time.
    Silent,
    /// TLS failed.
    Tls,
}

impl Refused {
    /// Its name in metrics.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Address => "address",
            Self::Token => "token",
            Self::Displaced => "displaced",
            Self::Silent => "silent",
            Self::Tls => "tls",
        }
    }
}

/// All connections of one door.
#[derive(Debug, Clone)]
pub(crate) struct Guests(Arc<House>);

#[derive(Debug)]
struct House {
    door: DoorName,
    limits: Limits,
    places: Arc<Semaphore>,
    lists: Mutex<Lists>,
    said: Seldom,
}

#[derive(Debug, Default)]
struct Lists {
    next: u64,
    /// Callers that were let in, with their token.
    known: HashMap<u64, (Option<TokenId>, CancellationToken)>,
    /// The other callers, in order of arrival.
    strangers: BTreeMap<u64, (Network, CancellationToken)>,
    addresses: HashMap<Network, usize>,
    tokens: HashMap<TokenId, usize>,
}

impl Guests {
    pub(crate) fn new(door: DoorName, limits: Limits) -> Self {
        let places = Arc::new(Semaphore::new(limits.places));
        let (lists, said) = (Mutex::default(), Seldom::default());
        Self(Arc::new(House { door, limits, places, lists, said }))
    }

    /// Gives a place to a connection from this address. If none is free, the oldest stranger has to
    /// leave.
    pub(crate) async fn admit(
        &self,
        address: IpAddr,
        over: &CancellationToken,
    ) -> Result<Place, Refused> {
        let network = Network::of(address);
        if !self.has_share_left(network) {
            return Err(Refused::Address);
        }
        let permit = match self.0.places.clone().try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) if self.displace(|_| true) => {
                let permit = timeout(LEAVING, self.0.places.clone().acquire_owned()).await;
                permit.ok().and_then(Result::ok).ok_or(Refused::Full)?
            }
            Err(_) => return Err(Refused::Full),
        };
        let over = over.child_token();
        let mut lists = self.lists();
        lists.next += 1;
        let id = lists.next;
        lists.strangers.insert(id, (network, over.clone()));
        *lists.addresses.entry(network).or_default() += 1;
        let until = Instant::now() + self.0.limits.to_ask;
        let standing = Mutex::new(Standing::Stranger { until });
        let (connection, guests) = (Connection::new(id), self.clone());
        let caller = Caller(Arc::new(Guest { connection, address, guests, standing }));
        Ok(Place { caller, over, network, _permit: permit })
    }

    /// Whether this address may have one more connection. May displace one of its strangers.
    fn has_share_left(&self, network: Network) -> bool {
        let taken = self.lists().addresses.get(&network).copied().unwrap_or_default();
        taken < self.0.limits.of_an_address || self.displace(|of| of == network)
    }

    /// Ends the connection of the oldest stranger whose network matches. Returns whether there was
    /// one.
    fn displace(&self, is_meant: impl Fn(Network) -> bool) -> bool {
        let mut lists = self.lists();
        let first = lists.strangers.iter().find(|(_, (network, _))| is_meant(*network));
        let Some((&id, _)) = first else { return false };
        if let Some((_, over)) = lists.strangers.remove(&id) {
            over.cancel();
        }
        drop(lists);
        self.refused(Refused::Displaced, None);
        true
    }

    /// Ends the connections that were let in with a token that is no longer valid.
    pub(crate) fn keep_only(&self, is_valid: impl Fn(TokenId) -> bool) {
        for (token, over) in self.lists().known.values() {
            if token.is_some_and(|token| !is_valid(token)) {
                over.cancel();
            }
        }
    }

    /// Counts a refused connection, and logs it now and then.
    pub(crate) fn refused(&self, why: Refused, address: Option<IpAddr>) {
        observe::connection_refused(self.0.door, why.name());
        if let Some(times) = self.0.said.again(std::time::Instant::now()) {
            let (door, reason) = (self.0.door.name(), why.name());
            let from = address.map(tracing::field::display);
            tracing::warn!(
                door,
                reason,
                from,
                times,
                "connections were closed; these are the last one's"
            );
        }
    }

    /// Reports the numbers to the metrics.
    pub(super) fn observe(&self) {
        let lists = self.lists();
        observe::connections(self.0.door, lists.known.len(), lists.strangers.len());
    }

    fn lists(&self) -> MutexGuard<'_, Lists> {
        self.0.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection's place. Dropping it frees the place.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) caller: Caller,
    /// Cancelled when the connection has to end.
    pub(crate) over: CancellationToken,
    network: Network,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Place {
    fn drop(&mut self) {
        let Guest { connection, guests, .. } = &*self.caller.0;
        connection.end();
        let mut lists = guests.lists();
        lists.strangers.remove(&connection.number());
        if let Some((Some(token), _)) = lists.known.remove(&connection.number()) {
            take_one(&mut lists.tokens, &token);
        }
        take_one(&mut lists.addresses, &self.network);
    }
}

fn take_one<K: std::hash::Hash + Eq>(counts: &mut HashMap<K, usize>, of: &K) {
    if let Some(count) = counts.get_mut(of) {
        *count -= 1;
        if *count == 0 {
            counts.remove(of);
        }
    }
}

/// The caller of a request. It is one of the request's extensions.
#[derive(Debug, Clone)]
pub(crate) struct Caller(Arc<Guest>);

#[derive(Debug)]
struct Guest {
    /// Numbered within its door.
    connection: Connection,
    address: IpAddr,
    guests: Guests,
    standing: Mutex<Standing>,
}

#[derive(Debug, Clone, Copy)]
enum Standing {
    /// Not let in yet. Has to leave at this time.
    Stranger { until: Instant },
    /// Let in, with this token if tokens are needed.
    Known(Option<TokenId>),
}

impl Caller {
    pub(crate) fn connection(&self) -> &Connection {
        &self.0.connection
    }

    pub(crate) fn address(&self) -> IpAddr {
        self.0.address
    }

    /// When it has to leave, if it is a stranger.
    pub(crate) fn until(&self) -> Option<Instant> {
        match *self.standing() {
            Standing::Stranger { until } => Some(until),
            Standing::Known(_) => None,
        }
    }

    /// Whether the connection was let in with this token.
    pub(crate) fn showed(&self, token: TokenId) -> bool {
        matches!(*self.standing(), Standing::Known(Some(shown)) if shown == token)
    }

    /// Notes that a whole request has arrived.
    pub(crate) fn asked(&self) {
        if let Standing::Stranger { until } = &mut *self.standing() {
            *until = Instant::now() + self.0.guests.0.limits.to_ask_again;
        }
    }

    /// Lets the caller in, so that it is no stranger any more. Fails if its token has as many
    /// connections as it may.
    pub(crate) fn let_in(&self, token: Option<TokenId>) -> Result<(), Refused> {
        let mut standing = self.standing();
        let Standing::Stranger { .. } = *standing else { return Ok(()) };
        let mut lists = self.0.guests.lists();
        if let Some(token) = token {
            let places = lists.tokens.get(&token).copied().unwrap_or_default();
            if places >= self.0.guests.0.limits.with_a_token {
                drop(lists);
                self.0.guests.refused(Refused::Token, Some(self.0.address));
                return Err(Refused::Token);
            }
        }
        // If it is not in the list, it was displaced just now.
        if let Some((_, over)) = lists.strangers.remove(&self.0.connection.number()) {
            lists.known.insert(self.0.connection.number(), (token, over));
            if let Some(token) = token {
                *lists.tokens.entry(token).or_default() += 1;
            }
        }
        *standing = Standing::Known(token);
        Ok(())
    }

    /// Counts a caller that sent no request in time.
    pub(super) fn was_silent(&self) {
        self.0.guests.refused(Refused::Silent, Some(self.0.address));
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.0.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_mins(10);
    const ONE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const TWO: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    fn guests(places: usize, of_an_address: usize, with_a_token: usize) -> Guests {
        let limits =
            Limits { places, of_an_address, with_a_token, to_ask: LONG, to_ask_again: LONG };
        Guests::new(DoorName::Grpc, limits)
    }

    impl Guests {
        async fn come(&self, from: IpAddr) -> Result<Place, Refused> {
            self.admit(from, &CancellationToken::new()).await
        }
    }

    #[tokio::test]
    async fn a_stranger_makes_room_and_who_was_let_in_does_not() {
        let guests = guests(2, 9, 9);
        let known = guests.come(ONE).await.expect("a place");
        known.caller.let_in(None).expect("let in");
        let stranger = guests.come(ONE).await.expect("a place");
        let told = stranger.over.clone();
        let (newcomer, ()) = tokio::join!(guests.come(TWO), async {
            told.cancelled().await;
            drop(stranger);
        });
        let newcomer = newcomer.expect("the stranger's place");
        assert!(!known.over.is_cancelled());
        newcomer.caller.let_in(None).expect("let in");
        assert_eq!(guests.come(TWO).await.expect_err("full"), Refused::Full);
        drop(known);
        assert!(guests.come(ONE).await.is_ok());
    }

    #[tokio::test]
    async fn an_address_has_its_share_and_its_own_strangers_make_room() {
        let guests = guests(9, 2, 9);
        let mut places = Vec::new();
        for _ in 0..2 {
            places.push(guests.come(ONE).await.expect("a place"));
        }
        let third = guests.come(ONE).await.expect("the first's place");
        assert!(places.remove(0).over.is_cancelled());
        for place in places.iter().chain([&third]) {
            place.caller.let_in(None).expect("let in");
        }
        assert_eq!(guests.come(ONE).await.expect_err("its share"), Refused::Address);
        assert!(guests.come(TWO).await.is_ok());
    }

    #[tokio::test]
    async fn a_token_has_its_share() {
        let (guests, token, other) = (guests(9, 9, 1), TokenId(1), TokenId(2));
        let first = guests.come(ONE).await.expect("a place");
        assert_eq!(first.caller.let_in(Some(token)), Ok(()));
        assert_eq!(first.caller.let_in(Some(token)), Ok(()), "again");
        assert!(first.caller.showed(token) && !first.caller.showed(other));
        let second = guests.come(ONE).await.expect("a place");
        assert_eq!(second.caller.let_in(Some(token)), Err(Refused::Token));
        assert_eq!(second.caller.let_in(Some(other)), Ok(()));
        drop(first);
        let third = guests.come(ONE).await.expect("a place");
        assert_eq!(third.caller.let_in(Some(token)), Ok(()));
        guests.keep_only(|valid| valid == other);
        assert!(third.over.is_cancelled() && !second.over.is_cancelled());
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one_address() {
        let network = |text: &str| Network::of(text.parse().expect("an address"));
        assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:2"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
    }
}
