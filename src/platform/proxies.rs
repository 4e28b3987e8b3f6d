// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Which proxy is on the way to a platform, by the usual variables: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, in upper
//! or lower case.
//!
//! The HTTP client reads the same variables with the same reader. What it can't read it passes over without a word, and
//! connects directly: here it is an error.

use std::fmt;

use http::uri::Scheme;
use http::{HeaderValue, Uri};
use hyper_util::client::proxy::matcher::Matcher;
use obsyk_domain::agent::PlatformUrl;

/// The variables with proxies. Of each pair the first that is set counts, be it empty.
const PAIRS: [[&str; 2]; 3] = [
    ["HTTPS_PROXY", "https_proxy"],
    ["HTTP_PROXY", "http_proxy"],
    ["ALL_PROXY", "all_proxy"],
];

/// Hosts, domains and networks that are reached directly.
const NO_PROXY: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// A variable that can't be used. Its value isn't quoted: a password may be in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0} isn't the address of a proxy; write it like http://proxy.example.com:3128 (socks proxies aren't supported)"
)]
pub struct ProxyError(&'static str);

/// A proxy.
#[derive(Clone)]
pub struct Proxy {
    /// Where it is: without user and password.
    pub(super) uri: Uri,
    /// What it is told of who asks.
    pub(super) auth: Option<HeaderValue>,
    /// The variable that names it.
    variable: &'static str,
}

impl Proxy {
    /// Its host and port.
    pub fn name(&self) -> String {
        self.uri.authority().map(ToString::to_string).unwrap_or_default()
    }

    /// Its address, without user and password.
    pub fn url(&self) -> String {
        self.uri.to_string()
    }

    /// The variable that names it.
    pub const fn variable(&self) -> &'static str {
        self.variable
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Proxy").field(&self.name()).finish()
    }
}

/// The proxies of this process.
pub struct Proxies {
    matcher: Matcher,
    https: Option<&'static str>,
    http: Option<&'static str>,
}

impl Proxies {
    /// Those that the environment names.
    pub fn from_env() -> Result<Self, ProxyError> {
        Self::read(|name| std::env::var(name).ok())
    }

    pub(super) fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, ProxyError> {
        let first = |names: [&'static str; 2]| {
            let set = names
                .into_iter()
                .find_map(|name| variable(name).map(|value| (name, value)));
            set.filter(|(_, value)| !value.trim().is_empty())
        };
        let [https, http, all] = PAIRS.map(first);
        for (name, value) in [&https, &http, &all].into_iter().flatten() {
            if !is_proxy(value) {
                return Err(ProxyError(name));
            }
        }
        let no = first(NO_PROXY).map(|(_, value)| value).unwrap_or_default();
        let value = |set: &Option<(&str, String)>| set.as_ref().map(|(_, value)| value.clone()).unwrap_or_default();
        let named = |set: &Option<(&'static str, String)>| set.as_ref().or(all.as_ref()).map(|(name, _)| *name);
        Ok(Self {
            matcher: Matcher::builder()
                .https(value(&https))
                .http(value(&http))
                .all(value(&all))
                .no(no)
                .build(),
            https: named(&https),
            http: named(&http),
        })
    }

    /// The proxy on the way to this platform. To plain http on this machine there is none, whatever the variables say.
    pub fn of(&self, platform: &PlatformUrl) -> Option<Proxy> {
        if super::is_on_this_machine(platform) {
            return None;
        }
        let found = self.matcher.intercept(&platform.as_str().parse().ok()?)?;
        Some(Proxy {
            uri: found.uri().clone(),
            auth: found.basic_auth().cloned(),
            variable: if platform.is_https() { self.https } else { self.http }?,
        })
    }
}

fn is_proxy(value: &str) -> bool {
    let matcher = Matcher::builder().all(value).build();
    let found = matcher.intercept(&Uri::from_static("https://platform.example.com"));
    found.is_some_and(|proxy| [Some(&Scheme::HTTP), Some(&Scheme::HTTPS)].contains(&proxy.uri().scheme()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    fn proxies(variables: &[(&str, &str)]) -> Result<Proxies, ProxyError> {
        Proxies::read(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    /// The proxy's name and its variable.
    fn on_the_way(variables: &[(&str, &str)], to: &str) -> Option<(String, &'static str)> {
        let proxy = proxies(variables).unwrap().of(&PlatformUrl::parse(to).unwrap())?;
        Some((proxy.name(), proxy.variable()))
    }

    #[test]
    fn each_scheme_has_its_variable_in_either_case_and_another_for_both() {
        let https = "https://platform.example.com/base";
        for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
            let found = on_the_way(&[(name, "http://proxy:3128")], https);
            assert_eq!(found, Some(("proxy:3128".to_owned(), name)));
        }
        for name in ["HTTP_PROXY", "http_proxy"] {
            assert_eq!(on_the_way(&[(name, "http://proxy:3128")], https), None);
            let found = on_the_way(&[(name, "proxy:3128")], "http://platform.example.com");
            assert_eq!(found, Some(("proxy:3128".to_owned(), name)));
        }
        let both = [("HTTPS_PROXY", "http://own:1"), ("ALL_PROXY", "http://all:1")];
        assert_eq!(on_the_way(&both, https), Some(("own:1".to_owned(), "HTTPS_PROXY")));
        let empty = [("HTTPS_PROXY", ""), ("https_proxy", "http://proxy:1")];
        assert_eq!(on_the_way(&empty, https), None, "the first that is set counts");
        assert_eq!(on_the_way(&[], https), None);
    }

    #[test]
    fn plain_http_on_this_machine_goes_to_no_proxy() {
        let all = [("ALL_PROXY", "http://proxy:3128")];
        for here in [
            "http://127.0.0.1:8080",
            "http://127.0.0.2",
            "http://[::1]",
            "http://localhost",
        ] {
            assert_eq!(on_the_way(&all, here), None, "{here}");
        }
        for elsewhere in ["http://10.0.0.1", "https://127.0.0.1", "https://localhost"] {
            assert!(on_the_way(&all, elsewhere).is_some(), "{elsewhere}");
        }
    }

    #[test]
    fn hosts_domains_and_networks_are_excepted() {
        for (no, to) in [
            ("platform.example.com", "https://platform.example.com"),
            (".example.com", "https://platform.example.com"),
            ("other, example.com", "https://platform.example.com:8443"),
            ("10.0.0.0/8", "https://10.1.2.3"),
            ("*", "https://platform.example.com"),
        ] {
            let variables = [("HTTPS_PROXY", "http://proxy:3128"), ("NO_PROXY", no)];
            assert_eq!(on_the_way(&variables, to), None, "{no}");
            assert!(on_the_way(&variables, "https://platform.example.org").is_some() || no == "*");
        }
    }

    #[test]
    fn user_and_password_are_for_the_proxy_and_nobody_else() {
        let variables = [("HTTPS_PROXY", "http://me:p%40ss@proxy:3128")];
        let proxies = proxies(&variables).unwrap();
        let proxy = proxies.of(&PlatformUrl::parse("https://platform.example.com").unwrap());
        let proxy = proxy.unwrap();
        assert_eq!(proxy.name(), "proxy:3128");
        assert_eq!(proxy.auth.as_ref().unwrap(), "Basic bWU6cEBzcw==");
        assert_eq!(format!("{proxy:?}"), "Proxy(\"proxy:3128\")");
    }

    #[test]
    fn what_is_no_proxy_is_refused_by_its_variable_and_not_quoted() {
        for value in [
            "socks5://me:secret@proxy:1080",
            "ftp://secret",
            "?",
            "http://",
            "/secret",
        ] {
            let error = proxies(&[("https_proxy", value)]).err().expect(value);
            assert_eq!(error, ProxyError("https_proxy"));
            assert!(!error.to_string().contains("secret"));
        }
        assert!(proxies(&[("HTTPS_PROXY", " "), ("NO_PROXY", "…")]).is_ok());
    }
}
