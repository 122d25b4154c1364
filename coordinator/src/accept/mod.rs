//! Accepts connections: TLS, a place for each, and an end for all of them.

mod connection;
mod guests;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::either::Either;
use tokio_util::sync::CancellationToken;

pub(crate) use self::connection::Connection;
use self::guests::Place;
pub(crate) use self::guests::{Caller, Guests, Limits, Refused};
use crate::seldom::Seldom;

/// How long to wait after a failed accept, for instance when file handles have run out.
const PAUSE: Duration = Duration::from_millis(100);
/// How often connections are counted for the metrics.
const COUNT: Duration = Duration::from_secs(10);

/// Returns the newest certificates.
pub(crate) type TlsConfig = Arc<dyn Fn() -> Arc<ServerConfig> + Send + Sync>;

/// Accepts connections until the stream is dropped. One that gets no place is closed at once, and
/// may come back later. All connections end when `over` is cancelled.
pub(crate) fn connections(
    listener: TcpListener,
    guests: Guests,
    tls: Option<TlsConfig>,
    over: CancellationToken,
) -> ReceiverStream<io::Result<Connection>> {
    let (accepted, stream) = mpsc::channel(1);
    tokio::spawn(async move {
        let failed = Seldom::default();
        let mut count = tokio::time::interval(COUNT);
        loop {
            let incoming = tokio::select! {
                incoming = listener.accept() => incoming,
                _ = count.tick() => {
                    guests.observe();
                    continue;
                }
                () = accepted.closed() => return,
            };
            let (stream, address) = match incoming {
                Ok(incoming) => incoming,
                Err(error) => {
                    if let Some(times) = failed.again(std::time::Instant::now()) {
                        tracing::warn!(%error, times, "a connection was not accepted");
                    }
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            };
            let address = address.ip();
            let place = match guests.admit(address, &over).await {
                Ok(place) => place,
                Err(refused) => {
                    guests.refused(refused, Some(address));
                    continue;
                }
            };
            // Otherwise an answer waits some 40 ms for the caller to acknowledge the one before.
            _ = stream.set_nodelay(true);
            let Some(tls) = &tls else {
                let connection = Connection::new(Either::Left(stream), place);
                if accepted.send(Ok(connection)).await.is_err() {
                    return;
                }
                continue;
            };
            let acceptor = TlsAcceptor::from(tls());
            let (guests, accepted) = (guests.clone(), accepted.clone());
            tokio::spawn(async move {
                match shake_hands(acceptor, stream, place).await {
                    // This fails when nobody accepts any more.
                    Ok(connection) => _ = accepted.send(Ok(connection)).await,
                    Err(Refused::Displaced) => {} // Counted when it was displaced.
                    Err(refused) => guests.refused(refused, Some(address)),
                }
            });
        }
    });
    ReceiverStream::new(stream)
}

/// Does the TLS handshake, within a stranger's time.
async fn shake_hands(
    acceptor: TlsAcceptor,
    stream: TcpStream,
    place: Place,
) -> Result<Connection, Refused> {
    let until = place.caller.until().unwrap_or_else(tokio::time::Instant::now);
    tokio::select! {
        agreed = acceptor.accept(stream) => match agreed {
            Ok(stream) => Ok(Connection::new(Either::Right(stream), place)),
            Err(error) => {
                tracing::debug!(%error, "no TLS");
                Err(Refused::Tls)
            }
        },
        () = tokio::time::sleep_until(until) => Err(Refused::Silent),
        () = place.over.cancelled() => Err(Refused::Displaced),
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio_stream::StreamExt as _;
    use tonic::transport::server::Connected as _;

    use super::*;
    use crate::observe::DoorName;

    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    const SHORT: Duration = Duration::from_millis(100);
    const LONG: Duration = Duration::from_mins(10);

    /// A door with this many places and this much time for strangers. Returns its address, too.
    async fn accepting(
        places: usize,
        to_ask: Duration,
        over: &CancellationToken,
    ) -> (ReceiverStream<io::Result<Connection>>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound").to_string();
        let limits = Limits { of_an_address: places, ..Limits::of(places, to_ask, SHORT) };
        let guests = Guests::new(DoorName::Grpc, limits);
        (connections(listener, guests, None, over.clone()), address)
    }

    #[tokio::test]
    async fn one_too_many_is_closed_and_the_next_is_not() {
        let over = CancellationToken::new();
        let (mut accepted, address) = accepting(1, LONG, &over).await;
        let _first = TcpStream::connect(&address).await.expect("connected");
        let held = accepted.next().await.expect("a connection").expect("accepted");
        held.connect_info().let_in(None).expect("let in");
        let mut second = TcpStream::connect(&address).await.expect("connected");
        assert_eq!(second.read(&mut [0; 9]).await.expect("closed"), 0);
        drop(held);
        let _third = TcpStream::connect(&address).await.expect("connected");
        accepted.next().await.expect("a connection").expect("accepted");
    }

    #[tokio::test]
    async fn all_end_when_it_is_over() {
        let over = CancellationToken::new();
        let (mut accepted, address) = accepting(9, LONG, &over).await;
        let _peer = TcpStream::connect(address).await.expect("connected");
        let mut held = accepted.next().await.expect("a connection").expect("accepted");
        held.connect_info().let_in(None).expect("let in");
        let reading = tokio::spawn(async move { held.read(&mut [0; 9]).await });
        over.cancel();
        let ended = reading.await.expect("no panic").expect_err("over");
        assert_eq!(ended.kind(), ErrorKind::ConnectionAborted);
    }

    #[tokio::test]
    async fn a_stranger_who_asks_for_nothing_is_dropped_whatever_it_says() {
        let over = CancellationToken::new();
        let (mut accepted, address) = accepting(9, SHORT, &over).await;
        let mut peer = TcpStream::connect(&address).await.expect("connected");
        let mut held = accepted.next().await.expect("a connection").expect("accepted");
        peer.write_all(PREFACE).await.expect("heard");
        assert_eq!(held.read(&mut [0; 99]).await.expect("said"), PREFACE.len());
        let ended = held.read(&mut [0; 99]).await.expect_err("dropped");
        assert_eq!(ended.kind(), ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_refused_request_gives_more_time_and_one_that_is_let_in_all_of_it() {
        let over = CancellationToken::new();
        let (mut accepted, address) = accepting(9, LONG, &over).await;
        let _peer = TcpStream::connect(&address).await.expect("connected");
        let mut held = accepted.next().await.expect("a connection").expect("accepted");
        held.connect_info().asked();
        let ended = held.read(&mut [0; 99]).await.expect_err("dropped");
        assert_eq!(ended.kind(), ErrorKind::TimedOut);
        let _peer = TcpStream::connect(&address).await.expect("connected");
        let mut held = accepted.next().await.expect("a connection").expect("accepted");
        held.connect_info().asked();
        held.connect_info().let_in(None).expect("let in");
        let more = tokio::time::timeout(SHORT * 3, held.read(&mut [0; 9])).await;
        assert!(more.is_err(), "who was let in may be silent");
    }
}
