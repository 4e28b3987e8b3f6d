// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What went wrong on the way, as a word. No text of an error gets any further: it may quote what the platform sent.

use std::error::Error;

use obsyk_domain::answer::{Fault, Outcome};

/// How errors of a tunnel begin, and how some of them end. Their type can't be named, and these texts are constants of the
/// library; the tests with a real proxy hold them.
const TUNNEL: &str = "tunnel error: ";
const NO_CONNECTION: &str = "failed to create underlying connection";
const WANTS_AUTHENTICATION: &str = "proxy authorization required";

/// Why there is no answer, and whether the request may have been carried out all the same: anything after a connection
/// was made may have been. `by_proxy`: the request went to a proxy that hands it on, instead of a tunnel through one.
pub(super) fn lost(error: &reqwest::Error, by_proxy: bool) -> Outcome {
    let fault = fault(error, by_proxy);
    let ambiguous = !(fault.is_of_proxy() || matches!(fault, Fault::Dns | Fault::Connect | Fault::Tls));
    Outcome::Lost { fault, ambiguous }
}

fn fault(error: &reqwest::Error, by_proxy: bool) -> Fault {
    // First of all: a proxy, too, has a name and may speak TLS.
    if let Some(fault) = of_tunnel(error) {
        return fault;
    }
    if by_proxy && (error.is_dns() || error.is_connect()) {
        return Fault::Proxy;
    }
    if error.is_dns() {
        return Fault::Dns;
    }
    if error.is_connect() {
        return if has::<rustls::Error>(error) {
            Fault::Tls
        } else {
            Fault::Connect
        };
    }
    if error.is_timeout() {
        return Fault::Timeout;
    }
    if chain(error)
        .filter_map(|cause| cause.downcast_ref::<hyper::Error>())
        .any(hyper::Error::is_parse)
    {
        return Fault::Garbled;
    }
    Fault::Reset
}

/// What the proxy did, when it made no tunnel.
pub(super) fn of_tunnel(error: &(dyn Error + 'static)) -> Option<Fault> {
    let texts = chain(error).map(ToString::to_string);
    let why = texts
        .filter_map(|text| text.strip_prefix(TUNNEL).map(str::to_owned))
        .next()?;
    Some(match why.as_str() {
        NO_CONNECTION => Fault::Proxy,
        WANTS_AUTHENTICATION => Fault::ProxyAuth,
        _ => Fault::ProxyRefused,
    })
}

fn chain<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let cause = next?;
        next = cause.source();
        Some(cause)
    })
}

/// Whether an error of this type is among the causes.
fn has<E: Error + 'static>(error: &(dyn Error + 'static)) -> bool {
    chain(error).any(is_or_wraps::<E>)
}

/// An `io::Error` hides what it wraps from the chain of causes, and may be wrapped in another.
fn is_or_wraps<E: Error + 'static>(cause: &(dyn Error + 'static)) -> bool {
    let wrapped = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    cause.is::<E>() || wrapped.is_some_and(|inner| is_or_wraps::<E>(inner))
}
