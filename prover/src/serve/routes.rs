//! Every route, in one table: what it answers is in a module beside this one.

mod admin;
mod answer;
mod machine;
mod others;
mod pow;

use super::body;
use super::node::{Node, Service};
use super::signer;
use answer::Answer;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::AUTHORIZATION;
use axum::response::Response;
use axum::routing::{MethodFilter, any, on};
use std::sync::Arc;
use std::time::Duration;

/// How long a body may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(30);

/// What a route takes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Takes {
    /// Nothing: what comes is not looked at.
    Nothing,
    /// JSON.
    Json,
}

/// Who may ask.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Guard {
    /// Anybody.
    Open,
    /// Who shows the token, where there is one.
    Token,
    /// Who shows the token; without one nobody.
    Operator,
}

/// A route: what it takes, whose it is, and what it does.
#[derive(Clone, Copy)]
struct Route {
    method: MethodFilter,
    path: &'static str,
    takes: Takes,
    /// Refused while another service runs.
    service: Option<Service>,
    guard: Guard,
    /// Answered at once, on the thread that has the connection: it looks at memory alone.
    is_quick: bool,
    act: fn(&Arc<Node>, &str) -> Answer,
}

const fn get(path: &'static str, act: fn(&Arc<Node>, &str) -> Answer) -> Route {
    let (takes, guard) = (Takes::Nothing, Guard::Token);
    Route { method: MethodFilter::GET, path, takes, service: None, guard, is_quick: false, act }
}

const fn post(path: &'static str, takes: Takes, act: fn(&Arc<Node>, &str) -> Answer) -> Route {
    Route {
        method: MethodFilter::POST,
        path,
        takes,
        service: None,
        guard: Guard::Token,
        is_quick: false,
        act,
    }
}

impl Route {
    /// A route of a service.
    const fn of(self, service: Service) -> Self {
        Self { service: Some(service), ..self }
    }

    /// A route that is asked often and costs next to nothing.
    const fn quick(self) -> Self {
        Self { is_quick: true, ..self }
    }

    /// A route for others than those who have the token, or only for them.
    const fn for_whom(self, guard: Guard) -> Self {
        Self { guard, ..self }
    }

    /// Whether its requests must be signed, where a signer is configured: what the API node changes.
    fn is_signed(&self) -> bool {
        self.guard == Guard::Token && self.method == MethodFilter::POST
    }
}

/// What the API node calls.
const NODE: [Route; 30] = [
    get("/api/v1/state", others::state),
    post("/api/v1/stop", Takes::Nothing, others::stop),
    get("/api/v1/pow/status", pow::status).of(Service::Pow).quick(),
    post("/api/v1/pow/init", Takes::Json, pow::init).of(Service::Pow),
    post("/api/v1/pow/init/generate", Takes::Json, pow::init_generate).of(Service::Pow),
    post("/api/v1/pow/init/validate", Takes::Json, pow::init_validate).of(Service::Pow),
    post("/api/v1/pow/phase/generate", Takes::Nothing, pow::phase_generate).of(Service::Pow),
    post("/api/v1/pow/phase/validate", Takes::Nothing, pow::phase_validate).of(Service::Pow),
    post("/api/v1/pow/validate", Takes::Json, pow::validate).of(Service::Pow),
    post("/api/v1/pow/stop", Takes::Nothing, pow::stop).of(Service::Pow),
    post("/api/v1/transcripts/commit", Takes::Json, pow::commit),
    post("/api/v1/transcripts/open", Takes::Json, pow::open),
    post("/api/v1/inference/up", Takes::Nothing, others::inference_up).of(Service::Inference),
    post("/api/v1/inference/up/async", Takes::Nothing, others::inference_up).of(Service::Inference),
    get("/api/v1/inference/up/status", others::inference_status).of(Service::Inference),
    post("/api/v1/inference/down", Takes::Nothing, others::inference_down).of(Service::Inference),
    get("/api/v1/inference/pow/status", others::later_status),
    post("/api/v1/inference/pow/init/generate", Takes::Json, others::later_init),
    post("/api/v1/inference/pow/generate", Takes::Json, others::later_generate),
    post("/api/v1/inference/pow/stop", Takes::Nothing, others::later_stop),
    post("/api/v1/train/start", Takes::Nothing, others::train_start).of(Service::Train),
    get("/api/v1/train/start", others::train_status).of(Service::Train),
    get("/api/v1/train/status", others::train_status).of(Service::Train),
    post("/api/v1/train/stop", Takes::Nothing, others::train_stop).of(Service::Train),
    get("/api/v1/gpu/devices", machine::gpu_devices),
    get("/api/v1/gpu/driver", machine::gpu_driver),
    get("/health", machine::health).for_whom(Guard::Open),
    get("/livez", machine::health).for_whom(Guard::Open),
    get("/readyz", machine::ready).for_whom(Guard::Open).quick(),
    get("/openapi.json", machine::openapi).for_whom(Guard::Open),
];

/// What the API node asks of a node that infers; what begins with `/v1/` is passed on to a backend.
const INFERENCE: [Route; 1] = [get("/health", others::inference_health).for_whom(Guard::Open)];

/// What an operator asks: what changes something needs the token.
const ADMIN: [Route; 5] = [
    get("/status", admin::status).for_whom(Guard::Open),
    get("/metrics", admin::metrics).for_whom(Guard::Open),
    get("/openapi.json", machine::openapi).for_whom(Guard::Open),
    post("/pause", Takes::Nothing, admin::pause).for_whom(Guard::Operator),
    post("/resume", Takes::Nothing, admin::resume).for_whom(Guard::Operator),
];

/// The routes for the API node.
pub(super) fn node(node: &Arc<Node>) -> Router {
    router(node, &NODE)
}

/// The routes of the second listener.
pub(super) fn inference(node: &Arc<Node>) -> Router {
    let own = Arc::clone(node);
    let pass = move |request: Request| {
        let node = Arc::clone(&own);
        async move { pass(&node, request).await }
    };
    router(node, &INFERENCE).route("/v1/{*rest}", any(pass))
}

/// Passes a request on to a backend while the node infers.
async fn pass(node: &Node, request: Request) -> Response {
    if node.service() != Service::Inference {
        return Answer::error(503, "inference is down").into();
    }
    let passed = node.backends.pass(request, node.settings.max_body).await;
    passed.unwrap_or_else(|(status, why)| Answer::error(status, &why).into())
}

/// The routes of the operator's listener.
pub(super) fn admin(node: &Arc<Node>) -> Router {
    router(node, &ADMIN)
}

fn router(node: &Arc<Node>, routes: &'static [Route]) -> Router {
    let mut router = Router::new();
    for route in routes {
        let node = Arc::clone(node);
        let handler = move |request: Request| {
            let node = Arc::clone(&node);
            async move { handle(node, route, request).await }
        };
        router = router.route(route.path, on(route.method, handler));
    }
    router
        .fallback(|| async { Response::from(Answer::error(404, "Not Found")) })
        .method_not_allowed_fallback(|| async { Response::from(Answer::error(405, "Method Not Allowed")) })
}

/// Reads the body and acts. What is begun is carried out whole: the API node closes connections in mid-request.
async fn handle(node: Arc<Node>, route: &'static Route, request: Request) -> Response {
    if let Some(refused) = refusal(&node, route, &request) {
        return refused.into();
    }
    if route.is_quick && route.takes == Takes::Nothing {
        return act(&node, route, &[]).into();
    }
    let (head, body) = request.into_parts();
    let bytes = match tokio::time::timeout(BODY_TIME, read(body, node.settings.max_body)).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(answer)) => return answer.into(),
        Err(_) => return Answer::error(408, "the body did not arrive in time").into(),
    };
    let acted = tokio::task::spawn_blocking(move || {
        let signature = head.headers.get(signer::HEADER).and_then(|value| value.to_str().ok());
        match &node.settings.signer {
            Some(signer) if route.is_signed() && !signer.has_signed(signature, &bytes) => {
                Answer::error(403, "Invalid signature")
            }
            _ => act(&node, route, &bytes),
        }
    })
    .await;
    acted.unwrap_or_else(|_| Answer::error(500, "Internal Server Error")).into()
}

/// The answer for whoever may not ask.
fn refusal(node: &Node, route: &Route, request: &Request) -> Option<Answer> {
    let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    match (route.guard, &node.settings.token) {
        (Guard::Open, _) | (Guard::Token, None) => None,
        (_, Some(token)) if token.is_shown(header) => None,
        (Guard::Operator, None) => Some(Answer::error(403, "no token is configured: see --token-file")),
        _ => Some(Answer::error(401, "Authorization: Bearer with the node's token is expected")),
    }
}

async fn read(body: Body, most: usize) -> Result<axum::body::Bytes, Answer> {
    use http_body_util::LengthLimitError;
    axum::body::to_bytes(body, most).await.map_err(|error| {
        let is_long = std::error::Error::source(&error).is_some_and(|source| source.is::<LengthLimitError>());
        if is_long {
            Answer::error(413, &format!("the body is longer than {most} bytes"))
        } else {
            Answer::error(400, "the body broke off")
        }
    })
}

/// In the reference's order: JSON that is none, another service that runs, then what the route says.
fn act(node: &Arc<Node>, route: &Route, bytes: &[u8]) -> Answer {
    let body = match route.takes {
        Takes::Nothing => "",
        Takes::Json => match body::parse(bytes) {
            Ok(body) => body,
            Err(faults) => return Answer::json(422, &body::detail(&faults)),
        },
    };
    let running = node.service();
    if let Some(own) = route.service
        && running != Service::Stopped
        && running != own
    {
        let (own, running) = (own.words(), running.words());
        let why = format!(
            "Cannot run {own} because MLNode is currently in {running} mode. Please stop {running} first."
        );
        return Answer::error(409, &why);
    }
    (route.act)(node, body)
}

#[cfg(test)]
mod tests;
