// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What went wrong on the way, as a word. No text of an error gets any further: it may quote what the platform sent.

use std::error::Error;

use obsyk_domain::answer::{Fault, Outcome};

/// Why there is no answer, and whether the request may have been carried out all the same: anything after a connection
/// was made may have been.
pub(super) fn lost(error: &reqwest::Error) -> Outcome {
    let fault = fault(error);
    let ambiguous = !matches!(fault, Fault::Dns | Fault::Connect | Fault::Tls | Fault::Proxy);
    Outcome::Lost { fault, ambiguous }
}

fn fault(error: &reqwest::Error) -> Fault {
    if error.is_dns() {
        return Fault::Dns;
    }
    if error.is_connect() {
        if has::<rustls::Error>(error) {
            return Fault::Tls;
        }
        // The tunnel's error type isn't public; its text is a constant of the library.
        if chain(error).any(|cause| cause.to_string().contains("tunnel")) {
            return Fault::Proxy;
        }
        return Fault::Connect;
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

fn chain(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    std::iter::from_fn(move || {
        let cause = next?;
        next = cause.source();
        Some(cause)
    })
}

/// Whether an error of this type is among the causes.
fn has<E: Error + 'static>(error: &reqwest::Error) -> bool {
    chain(error).any(is_or_wraps::<E>)
}

/// An `io::Error` hides what it wraps from the chain of causes, and may be wrapped in another.
fn is_or_wraps<E: Error + 'static>(cause: &(dyn Error + 'static)) -> bool {
    let wrapped = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    cause.is::<E>() || wrapped.is_some_and(|inner| is_or_wraps::<E>(inner))
}
