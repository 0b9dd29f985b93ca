//! How much one token may ask for in a while.

use crate::access::Who;
use crate::error::{Result, WebError};
use crate::state::Shared;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Of each kind, so many at once, and so many more in each second.
const READS: Rate = Rate { burst: 2_000.0, a_second: 1_000.0 };
const WRITES: Rate = Rate { burst: 400.0, a_second: 100.0 };
/// More than so many who ask are not told apart: those that have asked for nothing for a while are forgotten.
const ASKERS_MAX: usize = 10_000;

struct Rate {
    burst: f64,
    a_second: f64,
}

/// What each of those who ask has left.
#[derive(Default)]
pub(crate) struct Limits(Mutex<HashMap<(String, bool), Left>>);

struct Left {
    requests: f64,
    at_ms: u64,
}

impl Limits {
    /// Counts a request.
    ///
    /// # Errors
    /// For whoever asks too much.
    pub(crate) fn check(&self, who: &Who, is_write: bool, now_ms: u64) -> Result<()> {
        match self.take(who, is_write, now_ms) {
            true => Ok(()),
            false => {
                let message = "this token asks too much";
                Err(WebError::new(StatusCode::TOO_MANY_REQUESTS, message).hint("wait a moment"))
            }
        }
    }

    /// Takes one away; false where none is left.
    fn take(&self, who: &Who, is_write: bool, now_ms: u64) -> bool {
        let rate = if is_write { WRITES } else { READS };
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= ASKERS_MAX {
            // Full again after so long.
            let full_ms = (rate.burst / rate.a_second * 1000.0) as u64;
            all.retain(|_, left| now_ms.saturating_sub(left.at_ms) < full_ms);
        }
        let name = who.token.clone().unwrap_or_else(|| format!("login of {}", who.actor));
        let left =
            all.entry((name, is_write)).or_insert(Left { requests: rate.burst, at_ms: now_ms });
        let gained = now_ms.saturating_sub(left.at_ms) as f64 / 1000.0 * rate.a_second;
        left.requests = (left.requests + gained).min(rate.burst);
        left.at_ms = now_ms;
        let may = left.requests >= 1.0;
        if may {
            left.requests -= 1.0;
        }
        may
    }
}

/// Refuses whoever asks too much.
pub(crate) async fn limit(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let is_write = !matches!(*request.method(), Method::GET | Method::HEAD);
    let who = request.extensions().get::<Who>();
    let counted = who.map(|who| shared.limits().check(who, is_write, shared.now_ms()));
    match counted {
        Some(Err(error)) => error.into_response(),
        _ => next.run(request).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Role;

    #[test]
    fn what_is_left_comes_back_with_time() {
        let limits = Limits::default();
        let token = |id: &str| Who {
            actor: "ada".into(),
            role: Role::Viewer,
            token: Some(id.into()),
            form_secret: None,
            theme: Default::default(),
        };
        let taken = |id: &str, at| (0..1_000).filter(|_| limits.take(&token(id), true, at)).count();
        assert_eq!(taken("a", 0), 400);
        assert_eq!(taken("a", 1_000), 100);
        assert_eq!(taken("b", 1_000), 400, "each has its own");
        assert!(limits.take(&token("a"), false, 1_000), "reads are counted apart");
    }
}
