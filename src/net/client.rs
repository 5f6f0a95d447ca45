//! Asking carriers: one request, one answer, one deadline. An error says whether the request can have reached
//! the carrier, because a text that may have left is never sent again.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, LOCATION};
use http::{HeaderMap, Request, Response, StatusCode};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use url::Url;

/// How long connecting may take, TLS included: what is over before then has certainly not reached the carrier.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Idle connections are closed by us before the carriers' side does it under a request's feet.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);
/// Idle connections kept for each host.
const IDLE_PER_HOST_MAX: usize = 32;
/// Redirects followed for a file; never for anything else.
const REDIRECTS_MAX: usize = 3;

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// The request has certainly not reached the other side.
    #[error("not sent: {0}")]
    NotSent(&'static str),
    /// It may have been carried out.
    #[error("outcome unknown: {0}")]
    Unknown(&'static str),
}

impl ClientError {
    /// The outcome as metrics name it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::NotSent(_) => "not_sent",
            Self::Unknown(_) => "unknown",
        }
    }
}

/// The connections to carriers. Cheap to clone; clones share them.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    /// For hosts that somebody else named: never reaches this machine or its network.
    abroad: reqwest::Client,
    answer_bytes_max: usize,
}

impl Client {
    /// A client that reads at most `answer_bytes_max` bytes of an answer.
    pub fn new(answer_bytes_max: usize) -> Result<Self, ClientError> {
        let build = |builder: reqwest::ClientBuilder| {
            builder
                .build()
                .map_err(|_| ClientError::NotSent("no client for TLS could be made"))
        };
        Ok(Self {
            http: build(builder())?,
            abroad: build(builder().dns_resolver(Arc::new(PublicOnly)))?,
            answer_bytes_max,
        })
    }

    /// One request and its whole answer, redirects included as they are. The deadline covers everything.
    pub async fn send(
        &self,
        request: Request<Bytes>,
        deadline: Duration,
    ) -> Result<Response<Bytes>, ClientError> {
        let host = request.uri().host().unwrap_or("").to_owned();
        let whole = async {
            let answer = execute(&self.http, request).await?;
            let (status, headers) = (answer.status(), answer.headers().clone());
            let body = whole(answer.bytes_stream().boxed(), self.answer_bytes_max).await?;
            let mut response = Response::new(body);
            (*response.status_mut(), *response.headers_mut()) = (status, headers);
            Ok(response)
        };
        let result = tokio::time::timeout(deadline, whole)
            .await
            .unwrap_or(Err(LATE));
        match &result {
            Ok(answer) => {
                tracing::debug!(
                    host,
                    status = answer.status().as_u16(),
                    "asked another system"
                )
            }
            Err(error) => tracing::warn!(host, %error, "another system gave no answer"),
        }
        result
    }

    /// Fetches a file: follows a few redirects, and gives credentials only to the origin they were meant for.
    /// Its body arrives within `deadline` and has at most `bytes_max` bytes, or ends in an error.
    pub async fn fetch(
        &self,
        request: Request<Bytes>,
        bytes_max: u64,
        deadline: Duration,
    ) -> Result<Fetched, ClientError> {
        let mut over = Box::pin(tokio::time::sleep(deadline));
        let answer = tokio::select! {
            answer = self.follow(request) => answer?,
            () = &mut over => return Err(LATE),
        };
        if answer
            .content_length()
            .is_some_and(|length| length > bytes_max)
        {
            return Err(ClientError::Unknown("the file is too large"));
        }
        Ok(Fetched {
            status: answer.status(),
            headers: answer.headers().clone(),
            body: bounded(answer.bytes_stream().boxed(), bytes_max, over),
        })
    }

    /// The first answer that is no redirect.
    async fn follow(&self, request: Request<Bytes>) -> Result<reqwest::Response, ClientError> {
        let (mut parts, body) = request.into_parts();
        let first = url(&parts.uri.to_string())?;
        let mut at = first.clone();
        for _ in 0..=REDIRECTS_MAX {
            let mut hop = Request::new(body.clone());
            *hop.method_mut() = parts.method.clone();
            *hop.headers_mut() = parts.headers.clone();
            *hop.uri_mut() = at.as_str().parse().map_err(|_| BAD_ADDRESS)?;
            let own = at.host_str() == first.host_str();
            let answer = execute(if own { &self.http } else { &self.abroad }, hop).await?;
            let Some(next) = redirect(&answer, &at)? else {
                return Ok(answer);
            };
            guard(&first, &next)?;
            if next.origin() != first.origin() {
                parts.headers.remove(AUTHORIZATION);
                parts.headers.remove(COOKIE);
            }
            at = next;
        }
        Err(ClientError::Unknown("redirected too often"))
    }
}

const LATE: ClientError = ClientError::Unknown("no answer within the deadline");
const BAD_ADDRESS: ClientError = ClientError::NotSent("the address makes no sense");

fn builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .user_agent(concat!("signalbox/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .pool_max_idle_per_host(IDLE_PER_HOST_MAX)
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
}

fn url(text: &str) -> Result<Url, ClientError> {
    Url::parse(text).map_err(|_| BAD_ADDRESS)
}

async fn execute(
    http: &reqwest::Client,
    request: Request<Bytes>,
) -> Result<reqwest::Response, ClientError> {
    let request = reqwest::Request::try_from(request).map_err(|_| BAD_ADDRESS)?;
    http.execute(request).await.map_err(|error| judge(&error))
}

/// Whether the request can have left. Only what fails before the connection stands is certain.
fn judge(error: &reqwest::Error) -> ClientError {
    if error.is_builder() {
        BAD_ADDRESS
    } else if error.is_connect() && error.is_timeout() {
        ClientError::NotSent("connecting took too long")
    } else if error.is_connect() {
        ClientError::NotSent("no connection")
    } else if error.is_timeout() {
        LATE
    } else {
        ClientError::Unknown("the connection broke")
    }
}

/// Where an answer sends us, if it does.
fn redirect(answer: &reqwest::Response, at: &Url) -> Result<Option<Url>, ClientError> {
    let moved = matches!(answer.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    let Some(target) = answer.headers().get(LOCATION).filter(|_| moved) else {
        return Ok(None);
    };
    let target = target.to_str().ok().and_then(|target| at.join(target).ok());
    target.map(Some).ok_or(ClientError::Unknown(
        "redirected to an address that makes no sense",
    ))
}

/// Refuses a redirect to a weaker protocol, or to an address inside our own network when the carrier's is not
/// the same host. Names are judged when they are resolved.
fn guard(first: &Url, next: &Url) -> Result<(), ClientError> {
    let weaker = first.scheme() == "https" && next.scheme() != "https";
    let strange = !matches!(next.scheme(), "http" | "https");
    let own = first.host_str() == next.host_str();
    let address = match next.host() {
        Some(url::Host::Ipv4(address)) => Some(IpAddr::V4(address)),
        Some(url::Host::Ipv6(address)) => Some(IpAddr::V6(address)),
        _ => None,
    };
    let inside = !own && address.is_some_and(|address| !is_public(address));
    if weaker || strange || inside {
        return Err(ClientError::Unknown(
            "redirected to where files must not come from",
        ));
    }
    Ok(())
}

/// Whether an address can be of a machine outside.
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            let shared = a == 100 && (64..128).contains(&b);
            !(v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_unspecified()
                || v4.is_broadcast()
                || v4.is_multicast()
                || a == 0
                || shared)
        }
        IpAddr::V6(v6) => {
            !(v6.is_loopback()
                || v6.is_unspecified()
                || v6.is_multicast()
                || v6.is_unique_local()
                || v6.is_unicast_link_local())
        }
    }
}

/// Resolves names to addresses outside our own network only.
struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|at| is_public(at.ip())).collect();
            if public.is_empty() {
                let inside = io::Error::other("the name leads into our own network");
                return Err(Box::from(inside));
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

type Pieces = BoxStream<'static, reqwest::Result<Bytes>>;

async fn whole(mut pieces: Pieces, bytes_max: usize) -> Result<Bytes, ClientError> {
    let mut body = BytesMut::new();
    while let Some(piece) = pieces.next().await {
        body.extend_from_slice(&piece.map_err(|error| judge(&error))?);
        if body.len() > bytes_max {
            return Err(ClientError::Unknown("the answer is too large"));
        }
    }
    Ok(body.freeze())
}

/// A file on its way: read its body as a stream, or whole.
pub struct Fetched {
    /// The answer's status; not judged here.
    pub status: StatusCode,
    /// The answer's headers.
    pub headers: HeaderMap,
    /// The pieces. The first error is the last item.
    pub body: BoxStream<'static, Result<Bytes, ClientError>>,
}

impl std::fmt::Debug for Fetched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fetched")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

impl Fetched {
    /// What the other side says the file is; `application/octet-stream` when it does not say.
    pub fn content_type(&self) -> &str {
        let named = self
            .headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        let bare = named
            .and_then(|named| named.split(';').next())
            .map(str::trim);
        bare.filter(|bare| !bare.is_empty())
            .unwrap_or("application/octet-stream")
    }

    /// The answer with its whole body, for files small enough to be held in memory.
    pub async fn whole(mut self) -> Result<Response<Bytes>, ClientError> {
        let mut body = BytesMut::new();
        while let Some(piece) = self.body.next().await {
            body.extend_from_slice(&piece?);
        }
        let mut response = Response::new(body.freeze());
        (*response.status_mut(), *response.headers_mut()) = (self.status, self.headers);
        Ok(response)
    }
}

/// The pieces until they are all there, too many, or too late.
fn bounded(
    pieces: Pieces,
    bytes_max: u64,
    over: std::pin::Pin<Box<tokio::time::Sleep>>,
) -> BoxStream<'static, Result<Bytes, ClientError>> {
    let begin = Some((pieces, bytes_max, over));
    futures_util::stream::unfold(begin, |state| async {
        let (mut pieces, left, mut over) = state?;
        let piece = tokio::select! {
            piece = pieces.next() => piece?.map_err(|error| judge(&error)),
            () = &mut over => Err(LATE),
        };
        let fits = piece.and_then(|piece| {
            let left = left.checked_sub(piece.len() as u64);
            left.map(|left| (piece, left))
                .ok_or(ClientError::Unknown("the file is too large"))
        });
        Some(match fits {
            Ok((piece, left)) => (Ok(piece), Some((pieces, left, over))),
            Err(error) => (Err(error), None),
        })
    })
    .boxed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use wiremock::matchers::{header_exists, path};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    const SECOND: Duration = Duration::from_secs(1);

    fn get(url: &str) -> Request<Bytes> {
        Request::get(url)
            .header(AUTHORIZATION, "Basic eDp5")
            .body(Bytes::new())
            .unwrap()
    }

    fn client() -> Client {
        Client::new(64).unwrap()
    }

    async fn serve(at: &MockServer, place: &str, answer: ResponseTemplate) {
        Mock::given(path(place))
            .respond_with(answer)
            .mount(at)
            .await;
    }

    #[tokio::test]
    async fn what_cannot_have_been_sent_is_told_apart() {
        let closed = tokio::net::TcpListener::bind(("127.0.0.1", 0))
            .await
            .unwrap();
        let address = closed.local_addr().unwrap();
        drop(closed);
        let refused = client()
            .send(get(&format!("http://{address}/")), SECOND)
            .await;
        assert_eq!(refused.unwrap_err(), ClientError::NotSent("no connection"));
        let nowhere = client().send(get("http://name.invalid/"), SECOND * 8).await;
        assert_eq!(nowhere.unwrap_err(), ClientError::NotSent("no connection"));
        // One who takes the request and goes away may have done what it asked.
        let hangs_up = tokio::net::TcpListener::bind(("127.0.0.1", 0))
            .await
            .unwrap();
        let address = hangs_up.local_addr().unwrap();
        tokio::spawn(async move {
            use tokio::io::AsyncReadExt;
            while let Ok((mut stream, _)) = hangs_up.accept().await {
                let _ = stream.read(&mut [0; 512]).await;
            }
        });
        let lost = client()
            .send(get(&format!("http://{address}/")), SECOND)
            .await;
        assert_eq!(
            lost.unwrap_err(),
            ClientError::Unknown("the connection broke")
        );
        // So may one who speaks no TLS: but nothing of ours was sent yet.
        let plain = client()
            .send(get(&format!("https://{address}/")), SECOND)
            .await;
        assert_eq!(plain.unwrap_err(), ClientError::NotSent("no connection"));
    }

    #[tokio::test]
    async fn answers_are_bounded_and_redirects_are_not_followed() {
        let at = MockServer::start().await;
        serve(
            &at,
            "/ok",
            ResponseTemplate::new(201).set_body_string("yes"),
        )
        .await;
        serve(
            &at,
            "/big",
            ResponseTemplate::new(200).set_body_string("x".repeat(65)),
        )
        .await;
        serve(
            &at,
            "/late",
            ResponseTemplate::new(200).set_delay(SECOND * 5),
        )
        .await;
        serve(
            &at,
            "/moved",
            ResponseTemplate::new(302).insert_header("location", "/ok"),
        )
        .await;
        let ask = async |place: &str| {
            client()
                .send(get(&format!("{}{place}", at.uri())), SECOND)
                .await
        };
        let answer = ask("/ok").await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), &answer.body()[..]),
            (201, &b"yes"[..])
        );
        assert_eq!(
            ask("/big").await.unwrap_err(),
            ClientError::Unknown("the answer is too large")
        );
        assert_eq!(ask("/late").await.unwrap_err(), LATE);
        assert_eq!(ask("/moved").await.unwrap().status().as_u16(), 302);
    }

    #[tokio::test]
    async fn credentials_stay_with_their_origin() {
        let (carrier, bucket) = (MockServer::start().await, MockServer::start().await);
        let file = ResponseTemplate::new(200).set_body_raw("sound", "audio/x-wav; rate=8000");
        Mock::given(path("/file"))
            .and(header_exists("authorization"))
            .respond_with(ResponseTemplate::new(400))
            .mount(&bucket)
            .await;
        serve(&bucket, "/file", file).await;
        let moved =
            ResponseTemplate::new(307).insert_header("location", format!("{}/file", bucket.uri()));
        Mock::given(path("/recording"))
            .and(header_exists("authorization"))
            .respond_with(moved)
            .mount(&carrier)
            .await;
        let url = format!("{}/recording", carrier.uri());
        let fetched = client().fetch(get(&url), 100, SECOND).await.unwrap();
        assert_eq!(
            (fetched.status.as_u16(), fetched.content_type()),
            (200, "audio/x-wav")
        );
        assert_eq!(fetched.whole().await.unwrap().body(), "sound");
        let large = client().fetch(get(&url), 4, SECOND).await;
        assert_eq!(
            large.unwrap_err(),
            ClientError::Unknown("the file is too large")
        );
    }

    #[tokio::test]
    async fn redirects_lead_neither_inside_nor_round_in_circles() {
        let at = MockServer::start().await;
        let port = at.address().port();
        let to = |target: String| ResponseTemplate::new(302).insert_header("location", target);
        serve(&at, "/round", to("/round".to_owned())).await;
        serve(&at, "/name", to(format!("http://localhost:{port}/round"))).await;
        serve(
            &at,
            "/address",
            to("http://169.254.169.254/secrets".to_owned()),
        )
        .await;
        serve(&at, "/file", to("file:///etc/passwd".to_owned())).await;
        let ask = async |place: &str| {
            client()
                .fetch(get(&format!("{}{place}", at.uri())), 100, SECOND)
                .await
        };
        assert_eq!(
            ask("/round").await.unwrap_err(),
            ClientError::Unknown("redirected too often")
        );
        assert!(matches!(
            ask("/name").await.unwrap_err(),
            ClientError::NotSent(_)
        ));
        let inside = ClientError::Unknown("redirected to where files must not come from");
        assert_eq!(ask("/address").await.unwrap_err(), inside);
        assert_eq!(ask("/file").await.unwrap_err(), inside);
    }

    #[test]
    fn addresses_inside_are_known() {
        for (address, public) in [
            ("127.0.0.1", false),
            ("10.1.2.3", false),
            ("169.254.169.254", false),
            ("100.64.0.1", false),
            ("::ffff:192.168.0.1", false),
            ("fd00::1", false),
            ("fe80::1", false),
            ("203.0.113.9", true),
            ("2001:db8::1", true),
        ] {
            assert_eq!(is_public(address.parse().unwrap()), public, "{address}");
        }
    }
}
