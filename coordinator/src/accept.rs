//! Connections: so many at a time, none that says nothing, and none after the end.

use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::Sleep;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::transport::server::{Connected, TcpConnectInfo};

/// What HTTP/2 begins with, in bytes.
const GREETING: usize = 24;
/// How long to wait when the system has no room for a connection, such as for want of file handles.
const PAUSE: Duration = Duration::from_millis(100);

/// Accepts until the stream is dropped. More than `limit` connections at a time are closed at once,
/// so that their callers know, and come back later. So are those that have not said as much as a
/// greeting within `patience`. All end when `over` is cancelled.
pub(crate) fn connections(
    listener: TcpListener,
    limit: usize,
    patience: Duration,
    over: CancellationToken,
) -> ReceiverStream<io::Result<Connection>> {
    let (accepted, stream) = mpsc::channel(1);
    tokio::spawn(async move {
        let places = Arc::new(Semaphore::new(limit));
        loop {
            let incoming = tokio::select! {
                incoming = listener.accept() => incoming,
                () = accepted.closed() => return,
            };
            let stream = match incoming {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            };
            let Ok(place) = places.clone().try_acquire_owned() else {
                tracing::warn!(limit, "a connection too many was closed");
                continue;
            };
            // Otherwise an answer waits for the caller's acknowledgement of the one before, some 40 ms.
            _ = stream.set_nodelay(true);
            let connection = Connection {
                stream,
                heard: 0,
                patience: Box::pin(tokio::time::sleep(patience)),
                over: Box::pin(over.clone().cancelled_owned()),
                _place: place,
            };
            if accepted.send(Ok(connection)).await.is_err() {
                return;
            }
        }
    });
    ReceiverStream::new(stream)
}

/// A caller's connection.
pub(crate) struct Connection {
    stream: TcpStream,
    /// Bytes, up to the greeting's end.
    heard: usize,
    patience: Pin<Box<Sleep>>,
    over: Pin<Box<WaitForCancellationFutureOwned>>,
    _place: OwnedSemaphorePermit,
}

impl Connected for Connection {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        self.stream.connect_info()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.over.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(ErrorKind::ConnectionAborted.into()));
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if self.heard < GREETING {
            self.heard += buffer.filled().len() - before;
            if read.is_pending() {
                ready!(self.patience.as_mut().poll(context));
                return Poll::Ready(Err(ErrorKind::TimedOut.into()));
            }
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio_stream::StreamExt as _;

    use super::*;

    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    const SHORT: Duration = Duration::from_millis(100);

    async fn accepting(limit: usize) -> (ReceiverStream<io::Result<Connection>>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound").to_string();
        (connections(listener, limit, SHORT, CancellationToken::new()), address)
    }

    #[tokio::test]
    async fn one_too_many_is_closed_and_the_next_is_not() {
        let (mut accepted, address) = accepting(1).await;
        let _first = TcpStream::connect(&address).await.expect("connected");
        let held = accepted.next().await.expect("a connection").expect("accepted");
        let mut second = TcpStream::connect(&address).await.expect("connected");
        assert_eq!(second.read(&mut [0; 9]).await.expect("closed"), 0);
        drop(held);
        let mut third = TcpStream::connect(&address).await.expect("connected");
        let mut held = accepted.next().await.expect("a connection").expect("accepted");
        third.write_all(PREFACE).await.expect("heard");
        assert_eq!(held.read(&mut [0; 99]).await.expect("said"), PREFACE.len());
        let more = tokio::time::timeout(SHORT * 3, held.read(&mut [0; 9])).await;
        assert!(more.is_err(), "who greeted may be silent");
    }

    #[tokio::test]
    async fn all_end_when_it_is_over() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let over = CancellationToken::new();
        let mut accepted = connections(listener, 9, SHORT * 1000, over.clone());
        let _peer = TcpStream::connect(address).await.expect("connected");
        let mut held = accepted.next().await.expect("a connection").expect("accepted");
        let reading = tokio::spawn(async move { held.read(&mut [0; 9]).await });
        over.cancel();
        let ended = reading.await.expect("no panic").expect_err("over");
        assert_eq!(ended.kind(), ErrorKind::ConnectionAborted);
    }

    #[tokio::test]
    async fn who_says_too_little_is_dropped() {
        let (mut accepted, address) = accepting(9).await;
        let mut peer = TcpStream::connect(&address).await.expect("connected");
        let mut held = accepted.next().await.expect("a connection").expect("accepted");
        peer.write_all(b"PRI").await.expect("heard");
        assert_eq!(held.read(&mut [0; 99]).await.expect("said"), 3);
        let ended = held.read(&mut [0; 99]).await.expect_err("dropped");
        assert_eq!(ended.kind(), ErrorKind::TimedOut);
    }
}
