// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Finds a marker in a text, in whatever way it is written down there.

use std::io::{Read, Write};

use base64::Engine;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

/// A JSON text in a JSON text in a JSON line of a log.
const MOST_ESCAPED: usize = 3;

/// An archive in an archive.
const MOST_PACKED: usize = 2;

/// How a marker is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Encoding {
    Raw,
    /// Base64 of a text with so many bytes before it, modulo 3.
    Base64(usize),
    Base64Url,
    Hex,
    JsonEscaped,
    GzipBase64,
}

impl Encoding {
    pub const ALL: [Self; 8] = [
        Self::Raw,
        Self::Base64(0),
        Self::Base64(1),
        Self::Base64(2),
        Self::Base64Url,
        Self::Hex,
        Self::JsonEscaped,
        Self::GzipBase64,
    ];

    /// A marker, written so.
    pub fn write(self, marker: &str) -> String {
        match self {
            Self::Raw => marker.to_owned(),
            Self::Base64(before) => STANDARD.encode(format!("{}{marker}--", "-".repeat(before))),
            Self::Base64Url => URL_SAFE_NO_PAD.encode(marker),
            Self::Hex => hex(marker),
            Self::JsonEscaped => marker.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect(),
            Self::GzipBase64 => {
                let mut packed = GzEncoder::new(Vec::new(), Compression::best());
                packed.write_all(marker.as_bytes()).unwrap();
                STANDARD.encode(packed.finish().unwrap())
            }
        }
    }
}

fn hex(marker: &str) -> String {
    marker.bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// What is looked for.
pub struct Searcher {
    needles: Vec<(Encoding, String)>,
}

impl Searcher {
    pub fn new(marker: &str) -> Self {
        let mut needles = vec![(Encoding::Raw, marker.to_owned())];
        for before in 0..3 {
            needles.push((Encoding::Base64(before), within(&STANDARD_NO_PAD, marker, before)));
            needles.push((Encoding::Base64Url, within(&URL_SAFE_NO_PAD, marker, before)));
        }
        needles.push((Encoding::Hex, hex(marker)));
        needles.push((Encoding::Hex, hex(marker).to_uppercase()));
        Self { needles }
    }

    /// How the marker is written down in a text, if it is there.
    pub fn find(&self, text: &str) -> Vec<Encoding> {
        self.look(text, MOST_PACKED)
    }

    fn look(&self, text: &str, packed: usize) -> Vec<Encoding> {
        let mut found = Vec::new();
        let mut level = text.to_owned();
        for escaped in 0..=MOST_ESCAPED {
            for (encoding, needle) in &self.needles {
                let encoding = match encoding {
                    Encoding::Raw if escaped > 0 => Encoding::JsonEscaped,
                    encoding => *encoding,
                };
                // What stands there as it is stands there as well when escapes around it are resolved.
                let is_known = encoding == Encoding::JsonEscaped && found.contains(&Encoding::Raw);
                if !is_known && level.contains(needle.as_str()) {
                    found.push(encoding);
                }
            }
            if packed > 0 && archives(&level).any(|inner| !self.look(&inner, packed - 1).is_empty()) {
                found.push(Encoding::GzipBase64);
            }
            let next = unescaped(&level);
            if next == level {
                break;
            }
            level = next;
        }
        found.sort();
        found.dedup();
        found
    }
}

/// The characters that base64 has for a marker with so many bytes before it, without those that also depend on its
/// neighbours.
fn within(engine: &GeneralPurpose, marker: &str, before: usize) -> String {
    let text = engine.encode(format!("{}{marker}", "-".repeat(before)));
    let first = (before * 8).div_ceil(6);
    let last = (before + marker.len()) * 8 / 6;
    text[first..last].to_owned()
}

/// What all gzip in base64 holds that is in a text, as far as it can be read.
fn archives(text: &str) -> impl Iterator<Item = String> {
    text.match_indices("H4sI").map(|(at, _)| {
        let is_part = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '-' | '_');
        let packed = text[at..].chars().take_while(is_part);
        let packed: String = packed
            .map(|c| match c {
                '-' => '+',
                '_' => '/',
                c => c,
            })
            .collect();
        // A rest of one character says nothing.
        let whole = packed.len() - usize::from(packed.len() % 4 == 1);
        let lenient = GeneralPurpose::new(
            &base64::alphabet::STANDARD,
            base64::engine::GeneralPurposeConfig::new()
                .with_decode_allow_trailing_bits(true)
                .with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent),
        );
        let bytes = lenient.decode(&packed[..whole]).unwrap_or_default();
        let mut inner = Vec::new();
        // What came before an error counts.
        let _cut = GzDecoder::new(&bytes[..]).read_to_end(&mut inner);
        String::from_utf8_lossy(&inner).into_owned()
    })
}

/// The text with each escape of JSON replaced by what it stands for.
fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        plain.push_str(before);
        let mut letters = after.chars();
        rest = letters.as_str();
        match letters.next() {
            Some('u') => {
                let code = after.get(1..5).and_then(|code| u32::from_str_radix(code, 16).ok());
                match code.and_then(char::from_u32) {
                    Some(c) => {
                        plain.push(c);
                        rest = &after[5..];
                    }
                    None => plain.push('\\'),
                }
            }
            Some(c @ ('"' | '\\' | '/')) => {
                plain.push(c);
                rest = letters.as_str();
            }
            Some('n' | 'r' | 't') => {
                plain.push(' ');
                rest = letters.as_str();
            }
            _ => plain.push('\\'),
        }
    }
    plain + rest
}
