//! What this program asks others on the network, and only when somebody wants it: witnesses, time stamps.

use crate::error::{AppError, ErrorKind, Result};
use std::time::Duration;

/// Whoever is asked answers within this time, or not at all.
const ANSWER_TIME: Duration = Duration::from_secs(30);
/// An answer is no longer: signature lines, a word, or a time stamp with its certificates.
const ANSWER_MAX_BYTES: u64 = 64 << 10;

/// What was answered.
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// What it says.
    pub body: Vec<u8>,
}

/// Asks. Nobody is asked who was not named: an answer that names another address is taken as it is.
///
/// # Errors
/// When there is no answer, or one that is too long.
pub fn post(url: &str, content_type: Option<&str>, body: &[u8]) -> Result<Answer> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(ANSWER_TIME))
        .http_status_as_error(false)
        .max_redirects(0)
        .build()
        .into();
    let mut request = agent.post(url);
    if let Some(content_type) = content_type {
        request = request.header("Content-Type", content_type);
    }
    let mut answer = request.send(body).map_err(|error| failed(url, error))?;
    let status = answer.status().as_u16();
    let body = answer.body_mut().with_config().limit(ANSWER_MAX_BYTES).read_to_vec();
    Ok(Answer { status, body: body.map_err(|error| failed(url, error))? })
}

/// What went wrong with whoever was asked.
pub fn failed(url: &str, error: impl std::fmt::Display) -> AppError {
    AppError::new(ErrorKind::Io, format!("{url}: {error}"))
}
