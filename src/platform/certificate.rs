// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What a person is told of a server's certificate: who issued it, and until when it is good.

use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use x509_cert::Certificate as Parsed;
use x509_cert::der::Decode;

use crate::text::printable;

/// Of the server's own certificate, whether it is trusted or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The issuer's name, fit to be printed.
    pub issuer: String,
    /// From when it is good.
    pub begins: Timestamp,
    /// Until when it is good.
    pub ends: Timestamp,
}

impl Certificate {
    /// Reads it; nothing when it isn't a certificate as the internet has them (RFC 5280).
    pub(super) fn read(certificate: &CertificateDer<'_>) -> Option<Self> {
        let parsed = Parsed::from_der(certificate).ok()?;
        let parsed = parsed.tbs_certificate();
        let moment = |seconds: u64| Timestamp::from_second(i64::try_from(seconds).ok()?).ok();
        Some(Self {
            issuer: printable(&parsed.issuer().to_string()),
            begins: moment(parsed.validity().not_before.to_unix_duration().as_secs())?,
            ends: moment(parsed.validity().not_after.to_unix_duration().as_secs())?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_is_nothing() {
        assert_eq!(Certificate::read(&CertificateDer::from(vec![])), None);
        assert_eq!(
            Certificate::read(&CertificateDer::from(vec![0x30, 0x03, 1, 2, 3])),
            None
        );
    }
}
