//! An error in the words of the terminal.

use crate::hint;
use codex_ledger_app::AppError;
use codex_ledger_query::{FilterError, FilterName};
use codex_ledger_server::Refusal;

/// What is to be done where only the views do not follow.
const RECORDED: &str = "nothing is to be done again: make space or end what is in the way; the next command brings the views up to date, \
    and `codex-ledger rebuild-views` makes them anew";

pub type Result<T> = std::result::Result<T, DoorError>;

/// What is wrong, and what to try, as a person reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DoorError {
    /// One line that names the file, line or option.
    pub message: String,
    /// What to try.
    hint: Option<String>,
}

impl DoorError {
    pub fn new(message: impl Into<String>) -> DoorError {
        DoorError { message: message.into(), hint: None }
    }

    /// Adds what to try.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> DoorError {
        self.hint = Some(hint.into());
        self
    }

    /// The same for the pages of `serve`.
    pub fn refusal(self) -> Refusal {
        Refusal { message: self.message, hint: self.hint }
    }

    /// The line, and the line below it.
    pub fn described(&self) -> String {
        let message = self.message.replace('\n', " ");
        let hint = self.hint.as_ref().map(|hint| format!("\n  try: {hint}")).unwrap_or_default();
        format!("codex-ledger: {message}{hint}")
    }
}

impl From<AppError> for DoorError {
    fn from(error: AppError) -> DoorError {
        let AppError { filter, message, hint, recorded, .. } = error;
        let option = filter.map(|filter| format!("{}: ", hint::option(filter)));
        DoorError {
            message: option.unwrap_or_default() + &message,
            hint: match recorded {
                None => hint.as_ref().map(hint::words),
                // The same once more would be recorded once more.
                Some(_) => Some(RECORDED.into()),
            },
        }
    }
}

impl From<FilterError> for DoorError {
    fn from(error: FilterError) -> DoorError {
        let message = match &error {
            FilterError::Backwards { since, until } => {
                let options = [FilterName::Since, FilterName::Until].map(hint::option);
                Some(format!("{} ({since}) is after {} ({until})", options[0], options[1]))
            }
            _ => None,
        };
        let said = DoorError::from(AppError::from(error));
        match message {
            Some(message) => DoorError { message, ..said },
            None => said,
        }
    }
}
