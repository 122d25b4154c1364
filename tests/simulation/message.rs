//! A call or an answer that can be stored, repeated and parsed.

use std::convert::Infallible;

use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use kindling_coordinator::Connection;
use tonic::Status;
use tonic::body::Body;

use crate::network::collect;

/// The size of gRPC's prefix of a message: a flag and a length.
const FRAME: usize = 5;

#[derive(Debug, Clone)]
pub(crate) struct Message {
    /// The path of a call.
    pub(crate) path: String,
    headers: HeaderMap,
    body: Vec<u8>,
    trailers: Option<HeaderMap>,
    /// What a call came over, if the coordinator is to know.
    connection: Option<Connection>,
}

impl Message {
    pub(crate) async fn read(
        request: Request<Body>,
        connection: Option<Connection>,
    ) -> Result<Self, Status> {
        let (parts, body) = request.into_parts();
        let (body, trailers) = collect(body).await?;
        let (path, headers) = (parts.uri.path().to_owned(), parts.headers);
        Ok(Self { path, headers, body, trailers, connection })
    }

    /// Whether it can arrive no more, because its connection has ended.
    pub(crate) fn is_lost(&self) -> bool {
        self.connection.as_ref().is_some_and(Connection::has_ended)
    }

    /// The protobuf message inside; of a stream the first one.
    pub(crate) fn content(&self) -> &[u8] {
        let Some((prefix, rest)) = self.body.split_at_checked(FRAME) else { return &[] };
        let length = prefix[1..].iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
        rest.get(..length).unwrap_or_default()
    }

    pub(crate) fn into_request(self) -> Request<Body> {
        let mut request = Request::post(format!("http://coordinator{}", self.path));
        if let Some(headers) = request.headers_mut() {
            *headers = self.headers;
        }
        if let (Some(connection), Some(extensions)) = (self.connection, request.extensions_mut()) {
            extensions.insert(connection);
        }
        request.body(body(self.body, self.trailers)).expect("a request")
    }

    pub(crate) fn into_response(self) -> Response<Body> {
        let mut response = Response::new(body(self.body, self.trailers));
        *response.headers_mut() = self.headers;
        response
    }
}

/// The answer, or its error status.
pub(crate) async fn read_response(response: Response<Body>) -> Result<Message, Status> {
    let (parts, body) = response.into_parts();
    assert_eq!(parts.status, StatusCode::OK, "gRPC says its own errors otherwise");
    let (body, trailers) = collect(body).await?;
    for headers in [Some(&parts.headers), trailers.as_ref()].into_iter().flatten() {
        if let Some(status) = Status::from_header_map(headers)
            && status.code() != tonic::Code::Ok
        {
            return Err(status);
        }
    }
    let (path, headers) = (String::new(), parts.headers);
    Ok(Message { path, headers, body, trailers, connection: None })
}

fn body(bytes: Vec<u8>, trailers: Option<HeaderMap>) -> Body {
    let trailers = async move { trailers.map(Ok::<_, Infallible>) };
    Body::new(Full::from(bytes).with_trailers(trailers))
}
