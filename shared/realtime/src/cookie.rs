//! The optional session cookie of the first answer.

use std::time::Duration;

use actix_web::cookie::{self, SameSite};

/// A cookie that carries the Engine.IO session id on the first answer of a session that begins with polling; a WebSocket
/// has no later request that it would be for.
///
/// Defaults: path `/`, `HttpOnly`, `SameSite=Lax`, no domain, not `Secure`, a session cookie. Natter itself never
/// reads it; it is there for load balancers. One that is no legal header value is left out.
///
/// Socket.IO server options: `cookie`.
#[derive(Clone, Debug)]
pub struct Cookie {
    name: String,
    path: String,
    domain: Option<String>,
    http_only: bool,
    secure: bool,
    same_site: SameSite,
    max_age: Option<Duration>,
}

impl Cookie {
    /// A cookie of that name with the defaults above. (The reference calls it `io`.)
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            path: "/".to_owned(),
            domain: None,
            http_only: true,
            secure: false,
            same_site: SameSite::Lax,
            max_age: None,
        }
    }

    /// Sets the `Path` attribute, `/` by default.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Sets the `Domain` attribute; by default there is none.
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.domain = Some(domain.into());
        self
    }

    /// Whether scripts of the page are kept from reading it (`HttpOnly`); yes by default.
    pub fn http_only(mut self, yes: bool) -> Self {
        self.http_only = yes;
        self
    }

    /// Whether it travels over HTTPS only (`Secure`); no by default.
    pub fn secure(mut self, yes: bool) -> Self {
        self.secure = yes;
        self
    }

    /// Sets the `SameSite` attribute, `Lax` by default.
    pub fn same_site(mut self, same_site: SameSite) -> Self {
        self.same_site = same_site;
        self
    }

    /// Sets the `Max-Age` attribute, in whole seconds; by default there is none, and the cookie ends with the browser.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.max_age = Some(age);
        self
    }

    pub(crate) fn header(&self, sid: &str) -> String {
        let mut cookie = cookie::Cookie::build(self.name.clone(), sid.to_owned())
            .path(self.path.clone())
            .http_only(self.http_only)
            .secure(self.secure)
            .same_site(self.same_site);
        if let Some(domain) = &self.domain {
            cookie = cookie.domain(domain.clone());
        }
        if let Some(age) = self.max_age {
            cookie = cookie
                .max_age(cookie::time::Duration::seconds(i64::try_from(age.as_secs()).unwrap_or(i64::MAX)));
        }
        cookie.finish().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_those_of_the_reference() {
        assert_eq!(Cookie::named("io").header("abc"), "io=abc; HttpOnly; SameSite=Lax; Path=/");
    }
}
