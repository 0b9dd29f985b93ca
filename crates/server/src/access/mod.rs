//! Who may come in, and what each may do.

mod guard;
mod logins;
mod role;
mod secret;
mod theme;
mod tokens;

pub(crate) use guard::{bearer, cookie, cookie_name, guard, with_right};
pub(crate) use logins::{Logins, Who};
pub use role::{Right, Role};
pub(crate) use theme::{COOKIE as THEME_COOKIE, Theme};
pub use tokens::{DAYS_MAX, Token, TokenError, TokenFile};
