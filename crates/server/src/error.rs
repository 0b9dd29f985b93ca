//! What is refused, and how that is said: a status, what is wrong, what to try.

use crate::ui::layout;
use crate::vouching::Refusal;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use codex_ledger_app::config::REVIEW_WORD;
use codex_ledger_app::{AppError, ErrorKind, Hint, Seq, TargetHint};
use maud::html;

/// Why a request was not done.
#[derive(Clone, Debug)]
pub(crate) struct WebError {
    pub(crate) status: StatusCode,
    /// May repeat what was typed, which then has passed the gate.
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
    /// What was asked for is recorded all the same, as this entry.
    pub(crate) recorded: Option<Seq>,
}

pub(crate) type Result<T> = std::result::Result<T, WebError>;

impl WebError {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> WebError {
        WebError { status, message: message.into(), hint: None, recorded: None }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> WebError {
        self.hint = Some(hint.into());
        self
    }

    /// What was asked for is not one that can be asked for.
    pub(crate) fn bad(message: impl Into<String>) -> WebError {
        WebError::new(StatusCode::BAD_REQUEST, message)
    }

    /// What is asked for is written as it should be, and means nothing.
    pub(crate) fn meaningless(message: impl Into<String>) -> WebError {
        WebError::new(StatusCode::UNPROCESSABLE_ENTITY, message)
    }

    /// The same for programs: how something is written was looked at already, so that it is what it means that is wrong.
    pub(crate) fn of_meaning(self) -> WebError {
        match self.status {
            StatusCode::BAD_REQUEST => {
                WebError { status: StatusCode::UNPROCESSABLE_ENTITY, ..self }
            }
            _ => self,
        }
    }

    /// There is no such thing.
    pub(crate) fn missing(message: impl Into<String>) -> WebError {
        WebError::new(StatusCode::NOT_FOUND, message)
    }
}

impl From<AppError> for WebError {
    fn from(error: AppError) -> WebError {
        let (status, hint) = match error.kind {
            ErrorKind::Usage => (StatusCode::BAD_REQUEST, None),
            ErrorKind::NotFound => (StatusCode::NOT_FOUND, None),
            ErrorKind::Io => (StatusCode::INTERNAL_SERVER_ERROR, None),
            ErrorKind::OutOfSpace => (
                StatusCode::INSUFFICIENT_STORAGE,
                Some("free some space and do it again: what was acknowledged is safe"),
            ),
            ErrorKind::Locked => (
                StatusCode::SERVICE_UNAVAILABLE,
                Some("another command is writing; do it again in a moment"),
            ),
            ErrorKind::Held | ErrorKind::Done => (StatusCode::CONFLICT, None),
            ErrorKind::Damaged => (
                StatusCode::INTERNAL_SERVER_ERROR,
                Some("run `codex-ledger audit` to see what is damaged"),
            ),
            ErrorKind::Views => (
                StatusCode::SERVICE_UNAVAILABLE,
                Some("run `codex-ledger rebuild-views`, then do it again"),
            ),
        };
        let on_page = match &error.hint {
            Some(Hint::NeedsReason) => Some("go back and say why: choose a reason, or write one"),
            Some(Hint::Target(TargetHint::Wide)) => {
                Some("go back and tick that it may hide much, or narrow it down")
            }
            Some(Hint::TestRules) => Some("go back and try it: that page says which"),
            Some(Hint::ReviewWord) => Some(REVIEW_WORD),
            _ => None,
        };
        let hint = on_page.or(hint).filter(|_| error.recorded.is_none()).map(str::to_string);
        WebError { hint, recorded: error.recorded, ..WebError::new(status, error.to_string()) }
    }
}

impl From<Refusal> for WebError {
    fn from(Refusal { message, hint }: Refusal) -> WebError {
        WebError { hint, ..WebError::new(StatusCode::CONFLICT, message) }
    }
}

impl IntoResponse for WebError {
    fn into_response(self) -> Response {
        if let Some(seq) = self.recorded {
            let page = recorded(seq, &self.message);
            let mut response = (self.status, page).into_response();
            response.extensions_mut().insert(self);
            return response;
        }
        let page = layout::bare(
            "Not done",
            &html! {
                h1 { (self.status.canonical_reason().unwrap_or("Not done")) }
                p.refused { (layout::shown(&self.message)) "." }
                @if let Some(hint) = &self.hint { p.quiet { (layout::shown(hint)) "." } }
                p {
                    // Going back keeps what was typed.
                    button type="button" id="back" hidden { "Back" } " "
                    a href="/" { "To the sessions" }
                }
            },
        );
        let mut response = (self.status, page).into_response();
        // For programs, it is told in another way.
        response.extensions_mut().insert(self);
        response
    }
}

/// What is said where something was recorded and pages do not follow it yet. No way back: the same form would record it once more.
fn recorded(seq: Seq, message: &str) -> layout::Page {
    layout::bare(
        "Recorded",
        &html! {
            h1 { "Recorded as entry " (seq) }
            p role="status" { strong { "There is nothing to do again." } " What it hides, if anything, is not shown from now on." }
            p.refused { (layout::shown(message)) "." }
            p { "Pages follow it by themselves as soon as there is room, or what was in the way has ended." }
            p { a href="/" { "To the sessions" } }
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_recorded_on_a_full_disk_is_not_to_be_done_again() {
        let full = AppError::new(ErrorKind::OutOfSpace, "the disk is full");
        let error = WebError::from(full.clone());
        assert!(error.hint.is_some_and(|hint| hint.contains("do it again")));
        let error = WebError::from(AppError { recorded: Some(Seq::new(7)), ..full });
        assert_eq!((error.hint.clone(), error.recorded), (None, Some(Seq::new(7))));
        assert_eq!(error.into_response().status(), StatusCode::INSUFFICIENT_STORAGE);
    }
}
