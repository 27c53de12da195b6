//! Fetches a blob over HTTP by ranges: a piece is written once it is verified, and what was written before a break counts
//! when it is verified anew.

use super::{OutboardError, PIECE, Root, Verifier, outboard_bytes};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_RANGE, RANGE};
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use sphere_pow_core::text::shown;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::time::Duration;

/// How often a piece is asked for when connections break.
const TRIES: u32 = 5;
/// What is appended to a blob's address for its outboard's.
pub const OUTBOARD: &str = ".obao";

/// What is fetched, and how patiently.
#[derive(Clone, Debug)]
pub struct Order {
    /// Where the blob is served, as `http://host:port/path`; its outboard is at the same with `.obao`.
    pub url: String,
    /// What it is known by.
    pub root: Root,
    /// Most bytes of it.
    pub most: u64,
    /// Longest time for one piece, from the question to its last byte.
    pub patience: Duration,
}

/// What comes of no fetch.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No address.
    #[error("{got} is no address, expected http://host:port/path")]
    Address {
        /// The text, escaped.
        got: String,
    },
    /// Nothing came, again and again.
    #[error("{url} did not answer {TRIES} times: {reason}")]
    Silent {
        /// The address.
        url: String,
        /// What came of it the last time.
        reason: String,
    },
    /// An answer that is no range.
    #[error("{url} answers {got}, expected {expected}")]
    Answer {
        /// The address.
        url: String,
        /// What came.
        got: String,
        /// What a server of ranges answers.
        expected: String,
    },
    /// An outboard that no such blob has.
    #[error("{url}: {error}")]
    Outboard {
        /// The address.
        url: String,
        /// What is wrong.
        error: OutboardError,
    },
    /// A piece, or its outboard, that is not of the root.
    #[error("{url} serves what is not of the root, in the piece at {start}: {reason}")]
    False {
        /// The address.
        url: String,
        /// Where the piece begins.
        start: u64,
        /// What differs.
        reason: String,
    },
    /// The file could not be written or read.
    #[error(transparent)]
    File(#[from] std::io::Error),
}

/// What a fetch did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fetched {
    /// Bytes of the blob.
    pub bytes: u64,
    /// Of them, those that were there before.
    pub kept: u64,
}

type Http = Client<HttpConnector, Empty<Bytes>>;

/// Bytes from `start` to before `end`, of `size`.
#[derive(Clone, Copy)]
struct Piece {
    start: u64,
    end: u64,
    size: u64,
}

/// Fetches a blob into `file`, going on after the pieces that it holds and that are the blob's; `on_piece` hears how many
/// bytes are there of how many, and ends it by an error.
///
/// # Errors
/// [`FetchError`]; the file then holds verified pieces only.
pub async fn fetch(
    order: &Order,
    file: &mut File,
    mut on_piece: impl FnMut(u64, u64) -> std::io::Result<()>,
) -> Result<Fetched, FetchError> {
    let address = |url: &str| {
        let uri: Option<Uri> = url.parse().ok();
        let is_http = |uri: &Uri| uri.scheme_str() == Some("http") && uri.authority().is_some();
        uri.filter(is_http).ok_or_else(|| FetchError::Address { got: shown(url) })
    };
    let (blob, beside) = (address(&order.url)?, address(&format!("{}{OUTBOARD}", order.url))?);
    let client: Http = Client::builder(TokioExecutor::new()).build_http();
    let outboard = answer(&client, &beside, None, outboard_bytes(order.most), order.patience).await?;
    let verifier = Verifier::new(order.root, &outboard, order.most)
        .map_err(|error| FetchError::Outboard { url: shown(&beside.to_string()), error })?;
    let size = verifier.size();
    let is_false = |start, reason: String| FetchError::False { url: shown(&order.url), start, reason };
    let kept = kept(&verifier, file)?;
    let mut start = kept;
    on_piece(start, size)?;
    if size == 0 {
        verifier.verify(0, &[]).map_err(|error| is_false(0, error.to_string()))?;
    }
    while start < size {
        let piece = Piece { start, end: (start + PIECE).min(size), size };
        let bytes = answer(&client, &blob, Some(piece), piece.end - start, order.patience).await?;
        verifier.verify(start, &bytes).map_err(|error| is_false(start, error.to_string()))?;
        file.write_all(&bytes)?;
        start = piece.end;
        on_piece(start, size)?;
    }
    file.sync_all()?;
    Ok(Fetched { bytes: size, kept })
}

/// How many bytes of the file are the blob's, whole pieces from its beginning; what follows them is cut off.
fn kept(verifier: &Verifier, file: &mut File) -> Result<u64, FetchError> {
    file.seek(SeekFrom::Start(0))?;
    let (mut start, mut piece) = (0, Vec::new());
    while start < verifier.size() {
        piece.clear();
        let length = PIECE.min(verifier.size() - start);
        (&*file).take(length).read_to_end(&mut piece)?;
        if verifier.verify(start, &piece).is_err() {
            break;
        }
        start += length;
    }
    file.set_len(start)?;
    file.seek(SeekFrom::Start(start))?;
    Ok(start)
}

/// The body of an answer: of `most` bytes at most, or the whole piece; asked for again when connections break.
async fn answer(
    client: &Http,
    uri: &Uri,
    piece: Option<Piece>,
    most: u64,
    patience: Duration,
) -> Result<Bytes, FetchError> {
    let (url, mut reason) = (shown(&uri.to_string()), String::new());
    for tries in 0..TRIES {
        if tries > 0 {
            tokio::time::sleep(Duration::from_millis(50 << tries)).await;
        }
        let mut request = Request::get(uri.clone());
        if let Some(Piece { start, end, .. }) = piece {
            request = request.header(RANGE, format!("bytes={start}-{}", end - 1));
        }
        let request = request.body(Empty::new()).map_err(|_| FetchError::Address { got: url.clone() })?;
        let asked = tokio::time::timeout(patience, async {
            let response = client.request(request).await.map_err(|error| error.to_string())?;
            if let Err(wrong) = is_asked_for(&url, &response, piece) {
                return Ok(Err(wrong));
            }
            let most = usize::try_from(most).unwrap_or(usize::MAX);
            let body = Limited::new(response.into_body(), most).collect().await;
            Ok::<_, String>(Ok(body.map_err(|error| error.to_string())?.to_bytes()))
        });
        match asked.await {
            Ok(Ok(Ok(body))) if piece.is_none() || body.len() as u64 == most => return Ok(body),
            Ok(Ok(Ok(body))) => reason = format!("{} bytes, expected {most}", body.len()),
            Ok(Ok(Err(wrong))) => return Err(wrong),
            Ok(Err(broken)) => reason = shown(&broken),
            Err(_) => reason = format!("not whole within {} s", patience.as_secs_f32()),
        }
    }
    Err(FetchError::Silent { url, reason })
}

/// Whether the answer is the piece that was asked for, or without one the whole.
fn is_asked_for(url: &str, response: &Response<Incoming>, piece: Option<Piece>) -> Result<(), FetchError> {
    let wrong = |got: String, expected: String| FetchError::Answer { url: url.to_owned(), got, expected };
    let wanted = if piece.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    if response.status() != wanted {
        return Err(wrong(response.status().to_string(), wanted.to_string()));
    }
    let Some(Piece { start, end, size }) = piece else { return Ok(()) };
    let expected = format!("bytes {start}-{}/{size}", end - 1);
    match response.headers().get(CONTENT_RANGE).map(hyper::header::HeaderValue::as_bytes) {
        Some(got) if got == expected.as_bytes() => Ok(()),
        got => {
            let got = got.map_or("no range".into(), |got| shown(&String::from_utf8_lossy(got)));
            Err(wrong(got, expected))
        }
    }
}
