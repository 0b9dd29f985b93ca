//! What a query reads with: a desk, the state of the ledger when it was asked, and until when it may take.

use crate::access::Right;
use crate::error::{Result as WebResult, WebError};
use crate::state::Desk;
use crate::ui::hide_split;
use async_graphql::{Context, Error, ErrorExtensions, InputValueError, InputValueResult};
use async_graphql::{Result, Scalar, ScalarType, Value};
use axum::http::StatusCode;
use codex_ledger_app::HeadSummary;
use codex_ledger_query::Seq;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How long an answer may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// Bytes of all texts of an answer.
const TEXTS_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What a field is that may be refused: null then, with an error at its place, and those beside it are answered. (Of a field that
/// is a plain [`Result`], the library leaves the name out where it is refused.)
pub(super) type Field<T> = Option<Result<T>>;

/// What fields of a query read with.
pub(super) struct Reading {
    pub(super) desk: Desk,
    pub(super) head: HeadSummary,
    /// What cursors are bound to: the entry after those that are shown, and which start of the server it is.
    pub(super) bound: String,
    ends: Instant,
    /// Bytes of texts that were given so far.
    given: AtomicUsize,
}

impl Reading {
    pub(super) fn new(desk: Desk, bound: String, ends: Instant) -> WebResult<Reading> {
        let head = desk.app.head()?;
        Ok(Reading { desk, head, bound, ends, given: AtomicUsize::new(0) })
    }

    /// Answers a field that asks for a right.
    pub(super) fn field<'c, T>(
        ctx: &'c Context<'_>,
        right: Right,
        work: impl FnOnce(&'c Reading) -> WebResult<T>,
    ) -> Field<T> {
        Some(Reading::read(ctx, right, work))
    }

    fn read<'c, T>(
        ctx: &'c Context<'_>,
        right: Right,
        work: impl FnOnce(&'c Reading) -> WebResult<T>,
    ) -> Result<T> {
        let reading = ctx.data::<Reading>()?;
        let desk = &reading.desk;
        let done = if Instant::now() > reading.ends {
            Err(too_long())
        } else if desk.who.role.may(right) {
            work(reading)
        } else {
            Err(may_not(right))
        };
        done.map_err(|error| match error.status.is_client_error() {
            true => told(error),
            false => told(desk.without_hidden(error)),
        })
    }

    /// A text in which marks of Markdown do not split what is hidden.
    pub(super) fn clear(&self, text: &str) -> WebResult<String> {
        let given = self.given.fetch_add(text.len(), Ordering::Relaxed) + text.len();
        if given > TEXTS_BYTES_MAX {
            let message =
                format!("the texts of this answer have more than {TEXTS_BYTES_MAX} bytes");
            return Err(WebError::bad(message).hint("ask for less at once"));
        }
        let mut text = text.to_string();
        hide_split(&*self.desk.gate()?, &mut text);
        Ok(text)
    }
}

pub(super) fn may_not(right: Right) -> WebError {
    WebError::new(StatusCode::FORBIDDEN, format!("your role may not {}", right.words()))
}

pub(super) fn too_long() -> WebError {
    let message = format!("this takes longer than {} seconds", PATIENCE.as_secs());
    WebError::new(StatusCode::GATEWAY_TIMEOUT, message).hint("ask for less at once")
}

/// An error as it is told: what, a word for programs, what to try.
pub(super) fn told(error: WebError) -> Error {
    Error::new(error.message).extend_with(|_, more| {
        more.set("code", code_of(error.status));
        if let Some(hint) = error.hint {
            more.set("hint", hint);
        }
        if let Some(seq) = error.recorded {
            more.set("recorded", seq.to_string());
        }
    })
}

/// A word for programs.
pub(super) fn code_of(status: StatusCode) -> &'static str {
    match status {
        StatusCode::FORBIDDEN => "FORBIDDEN",
        StatusCode::NOT_FOUND => "NOT_FOUND",
        StatusCode::CONFLICT => "CONFLICT",
        StatusCode::GONE => "STALE_CURSOR",
        StatusCode::UNPROCESSABLE_ENTITY => "KEY_USED_OTHERWISE",
        StatusCode::TOO_MANY_REQUESTS => "TOO_MANY_REQUESTS",
        StatusCode::UNAUTHORIZED => "UNAUTHENTICATED",
        StatusCode::GATEWAY_TIMEOUT => "TIMEOUT",
        StatusCode::SERVICE_UNAVAILABLE => "UNAVAILABLE",
        status if status.is_client_error() => "BAD_USER_INPUT",
        _ => "INTERNAL_SERVER_ERROR",
    }
}

/// A whole number of up to 64 bits, with or without a sign, written as a string of digits: no reader of JSON rounds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub(super) struct Int64(pub(super) i128);

#[Scalar]
impl ScalarType for Int64 {
    fn parse(value: Value) -> InputValueResult<Int64> {
        let wrong = || InputValueError::custom("this is no whole number of 64 bits");
        let number = match &value {
            Value::String(text) => text.parse().map_err(|_| wrong())?,
            Value::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(number), _) => number.into(),
                (_, Some(number)) => number.into(),
                _ => return Err(wrong()),
            },
            _ => return Err(InputValueError::expected_type(value)),
        };
        let fits = (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(&number);
        if fits { Ok(Int64(number)) } else { Err(wrong()) }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

impl Int64 {
    /// The number of an entry.
    pub(super) fn seq(self) -> WebResult<Seq> {
        let number = u64::try_from(self.0).map(Seq::new);
        number.map_err(|_| WebError::bad(format!("{} is no number of an entry", self.0)))
    }
}

impl From<u64> for Int64 {
    fn from(number: u64) -> Int64 {
        Int64(number.into())
    }
}

impl From<i64> for Int64 {
    fn from(number: i64) -> Int64 {
        Int64(number.into())
    }
}

impl From<Seq> for Int64 {
    fn from(seq: Seq) -> Int64 {
        seq.get().into()
    }
}
