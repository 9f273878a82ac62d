//! The adapter without sockets: the same server code, called as a function, so that virtual time can pass.

use axum::Router;
use axum::body::Body;
use domain::BoxFuture;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use tower::ServiceExt as _;

use super::{CallLimits, Cleared, NetError, Reply, Request, Response, Transport, too_long};

/// A server in this process. Hosts and schemes are ignored: whoever holds it decided who is reached.
#[derive(Clone, Debug)]
pub struct InProcess(pub Router);

impl InProcess {
    async fn exchange(&self, cleared: Cleared) -> Reply {
        let (request, limits) = cleared.into_parts();
        match tokio::time::timeout(limits.timeout, serve(self.0.clone(), request, limits)).await {
            Ok(reply) => reply,
            Err(_elapsed) => Err(NetError::Ambiguous("timed out".into())),
        }
    }
}

impl Transport for InProcess {
    fn carry(&self, cleared: Cleared) -> BoxFuture<'_, Reply> {
        Box::pin(self.exchange(cleared))
    }
}

async fn serve(router: Router, request: Request, limits: CallLimits) -> Reply {
    let response = match router.oneshot(request.map(Body::from)).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    let (head, body) = response.into_parts();
    match Limited::new(body, limits.max_body_bytes).collect().await {
        Ok(body) => Ok(Response::from_parts(head, body.to_bytes())),
        Err(error) if error.is::<LengthLimitError>() => Err(too_long(limits)),
        Err(error) => Err(NetError::Ambiguous(format!("the body broke off: {error}"))),
    }
}
