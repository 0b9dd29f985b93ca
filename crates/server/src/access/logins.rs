//! Who has come in: cookies, and the link that lets the owner in once.

use super::role::Role;
use super::secret::{Secret, SecretHash, hash_of};
use super::theme::Theme;
use super::tokens::Token;
use std::collections::HashMap;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How long somebody who has come in may stay.
const STAY_MS: u64 = 12 * 60 * 60 * 1000;
/// How long a link waits to be opened.
const LINK_MS: u64 = 10 * 60 * 1000;
/// More are not remembered; the oldest has to come in again.
const LOGINS_MAX: usize = 1000;

/// Who asks.
#[derive(Clone)]
pub(crate) struct Who {
    /// The actor of what is done.
    pub actor: String,
    /// What that one is here.
    pub role: Role,
    /// The token with which that one came, by its id; none of the owner's own link.
    pub token: Option<String>,
    /// What each form has to bring back: a page of somebody else does not know it. None of a program that sends its token
    /// each time.
    pub form_secret: Option<String>,
    /// Light or dark, where that one has said so.
    pub theme: Option<Theme>,
}

struct Login {
    who: Who,
    ends_at_ms: u64,
}

#[derive(Default)]
struct Inside {
    logins: HashMap<SecretHash, Login>,
    /// The link that was given out last, and until when it counts.
    link: Option<(SecretHash, u64)>,
}

/// Those who have come in, as long as this process runs.
pub(crate) struct Logins {
    owner: String,
    inside: Mutex<Inside>,
}

impl Logins {
    pub(crate) fn new(owner: String) -> Logins {
        Logins { owner, inside: Mutex::default() }
    }

    /// What the owner's link has to say.
    pub(crate) fn new_link(&self, now_ms: u64) -> io::Result<Secret> {
        let secret = Secret::new()?;
        self.inside().link = Some((secret.hash(), now_ms + LINK_MS));
        Ok(secret)
    }

    /// Lets the owner in who has the link, once.
    pub(crate) fn open_link(&self, text: &str, now_ms: u64) -> io::Result<Option<Secret>> {
        let link = self.inside().link.take_if(|(hash, _)| *hash == hash_of(text));
        match link {
            Some((_, ends_at_ms)) if now_ms < ends_at_ms => {
                self.enter(self.owner.clone(), Role::Admin, None, now_ms).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Lets somebody in who has a token.
    pub(crate) fn open_token(&self, token: &Token, now_ms: u64) -> io::Result<Secret> {
        self.enter(token.actor.clone(), token.role, Some(token.id.clone()), now_ms)
    }

    fn enter(
        &self,
        actor: String,
        role: Role,
        token: Option<String>,
        now_ms: u64,
    ) -> io::Result<Secret> {
        let (cookie, form) = (Secret::new()?, Secret::new()?);
        let who =
            Who { actor, role, token, form_secret: Some(form.text().to_string()), theme: None };
        let mut inside = self.inside();
        inside.logins.retain(|_, login| now_ms < login.ends_at_ms);
        if inside.logins.len() >= LOGINS_MAX {
            let oldest = inside.logins.iter().min_by_key(|(_, login)| login.ends_at_ms);
            let oldest = oldest.map(|(hash, _)| *hash);
            oldest.map(|hash| inside.logins.remove(&hash));
        }
        inside.logins.insert(cookie.hash(), Login { who, ends_at_ms: now_ms + STAY_MS });
        Ok(cookie)
    }

    /// Whose cookie that is.
    pub(crate) fn find(&self, cookie: &str, now_ms: u64) -> Option<Who> {
        let inside = self.inside();
        let login = inside.logins.get(&hash_of(cookie))?;
        (now_ms < login.ends_at_ms).then(|| login.who.clone())
    }

    /// Forgets a cookie.
    pub(crate) fn leave(&self, cookie: &str) {
        self.inside().logins.remove(&hash_of(cookie));
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_lets_in_once_and_not_for_ever() {
        let logins = Logins::new("ada".into());
        let link = logins.new_link(0).unwrap();
        assert!(logins.open_link("no", 1).unwrap().is_none());
        let cookie = logins.open_link(link.text(), 1).unwrap().unwrap();
        assert!(logins.open_link(link.text(), 2).unwrap().is_none(), "once");
        let who = logins.find(cookie.text(), 3).unwrap();
        assert_eq!((who.actor.as_str(), who.role), ("ada", Role::Admin));
        assert!(logins.find(cookie.text(), 1 + STAY_MS).is_none());
        logins.leave(cookie.text());
        assert!(logins.find(cookie.text(), 3).is_none());
        let late = logins.new_link(0).unwrap();
        assert!(logins.open_link(late.text(), LINK_MS).unwrap().is_none());
    }
}
