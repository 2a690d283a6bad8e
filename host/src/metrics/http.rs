//! The HTTP side: one path, two methods, bounded in number and time.

use super::text::{Reading, exposition};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// Scrapers connected at once; further ones wait in the backlog.
pub const CONNECTIONS_MAX: usize = 8;
/// What a connection gets for its request and answer; after it, it is closed.
pub const DEADLINE: Duration = Duration::from_secs(10);
/// Longest request head in bytes.
const HEAD_MAX: usize = 8 * 1024;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Takes a reading; called on a blocking thread. The error is for the scraper to read.
pub type Read = dyn Fn() -> Result<Reading, String> + Send + Sync;

/// Answers scrapers until the runtime ends.
pub async fn serve(listener: TcpListener, read: Arc<Read>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of descriptors, or the scraper left at once: neither may end or spin the daemon.
                tracing::warn!(%error, "a scraper could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let read = Arc::clone(&read);
        tokio::spawn(async move {
            let _place = place;
            let service = service_fn(move |request| answer(request, Arc::clone(&read)));
            // One request a connection: a scraper comes every some seconds, and places are few.
            let connection = http1::Builder::new()
                .keep_alive(false)
                .max_buf_size(HEAD_MAX)
                .serve_connection(TokioIo::new(stream), service);
            if let Ok(Err(error)) = tokio::time::timeout(DEADLINE, connection).await {
                tracing::debug!(%error, "a scraper's connection ended early");
            }
        });
    }
}

async fn answer(request: Request<Incoming>, read: Arc<Read>) -> Result<Response<Full<Bytes>>, Infallible> {
    if request.uri().path() != "/metrics" {
        return Ok(plain(StatusCode::NOT_FOUND, "nothing is here; the metrics are at /metrics\n"));
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut refused = plain(StatusCode::METHOD_NOT_ALLOWED, "/metrics can only be read: use GET\n");
        refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return Ok(refused);
    }
    let read = tokio::task::spawn_blocking(move || {
        read().and_then(|reading| exposition(&reading).map_err(|error| error.to_string()))
    });
    Ok(match read.await {
        Ok(Ok(text)) => {
            let mut response = Response::new(Full::new(Bytes::from(text)));
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(OPEN_METRICS));
            response
        }
        Ok(Err(reason)) => plain(StatusCode::SERVICE_UNAVAILABLE, &format!("the switch did not answer: {reason}\n")),
        Err(error) => plain(StatusCode::INTERNAL_SERVER_ERROR, &format!("the reading failed: {error}\n")),
    })
}

fn plain(status: StatusCode, words: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::copy_from_slice(words.as_bytes())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
