// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The summary: a line for each kind, and what it all means.

use std::io::{self, Write};

use obsyk_domain::resource::WithheldTotals;
use obsyk_domain::resource::redact::{LONGEST, Rule};
use obsyk_domain::wire::{SnapshotHead, VERSION};

use super::NO_UID;
use super::listing::{Found, Listing};
use crate::commands::NO_UID_HINT;
use crate::commands::paint::Paint;
use crate::text::{grouped, printable};

/// All that is shown.
pub(super) struct Summary<'a> {
    pub(super) head: SnapshotHead<'a>,
    pub(super) listings: &'a [Listing],
    /// The length of the whole snapshot.
    pub(super) bytes: u64,
}

/// A line of the table.
struct Line {
    kind: String,
    objects: String,
    bytes: String,
    set_aside: String,
    withheld: String,
    /// What to do, when the kind can't be read; `withheld` then says why.
    hint: Option<String>,
}

impl Summary<'_> {
    /// Prints it.
    pub(super) fn print(&self, out: &mut impl Write, paint: Paint) -> io::Result<()> {
        writeln!(
            out,
            "What obsyk-operator {VERSION} would send of this cluster. Nothing was sent.\n"
        )?;
        for (field, value) in self.head_lines() {
            writeln!(out, "{field:<18}  {}", printable(value))?;
        }
        if self.head.cluster_uid.is_empty() {
            writeln!(out, "{}\n  hint: {NO_UID_HINT}", paint.bad(NO_UID))?;
        }
        writeln!(out)?;
        let lines = self.lines();
        let widest = |part: fn(&Line) -> &str| lines.iter().map(|line| part(line).len()).max().unwrap_or_default();
        let kinds = widest(|line| &line.kind);
        let objects = widest(|line| &line.objects);
        let bytes = widest(|line| &line.bytes);
        let set_aside = widest(|line| &line.set_aside);
        for (place, line) in lines.iter().enumerate() {
            let text = format!(
                "{:<kinds$}  {:>objects$}  {:>bytes$}  {:>set_aside$}  {}",
                line.kind, line.objects, line.bytes, line.set_aside, line.withheld,
            );
            let is_frame = place == 0 || place + 1 == lines.len();
            let text = text.trim_end();
            match &line.hint {
                Some(hint) => writeln!(out, "{}\n  hint: {hint}", paint.bad(text))?,
                None if is_frame => writeln!(out, "{}", paint.title(text))?,
                None => writeln!(out, "{text}")?,
            }
        }
        self.explain(out)
    }

    fn head_lines(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let head = &self.head;
        [
            ("cluster_uid", head.cluster_uid),
            ("cluster_name", head.cluster_name),
            ("kubernetes_version", head.kubernetes_version),
            ("platform", head.platform.unwrap_or_default()),
            ("region", head.region.unwrap_or_default()),
            ("agent_version", VERSION),
        ]
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
    }

    fn lines(&self) -> Vec<Line> {
        let head = Line {
            kind: "KIND".to_owned(),
            objects: "OBJECTS".to_owned(),
            bytes: "BYTES".to_owned(),
            set_aside: "SET ASIDE".to_owned(),
            withheld: "ANNOTATIONS WITHHELD".to_owned(),
            hint: None,
        };
        let mut lines = vec![head];
        lines.extend(self.listings.iter().map(line));
        let found = || self.found();
        let total = Line {
            kind: "total".to_owned(),
            objects: grouped(found().map(|found| found.spool.objects()).sum()),
            bytes: grouped(self.bytes),
            set_aside: grouped(found().map(|found| found.set_aside).sum()),
            withheld: grouped(self.withheld().sum()),
            hint: None,
        };
        lines.push(total);
        lines
    }

    fn found(&self) -> impl Iterator<Item = &Found> {
        self.listings.iter().filter_map(|listing| listing.found.as_ref().ok())
    }

    fn withheld(&self) -> WithheldTotals {
        let mut totals = WithheldTotals::default();
        self.found().for_each(|found| totals.merge(&found.withheld));
        totals
    }

    fn explain(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(
            out,
            "\nBytes are JSON; the total is the whole snapshot, its head included."
        )?;
        if self.found().any(|found| found.set_aside > 0) {
            writeln!(
                out,
                "Set aside: something in these objects isn't of the type that the API promises; they aren't sent."
            )?;
        }
        let withheld = self.withheld();
        if withheld.sum() > 0 {
            writeln!(out, "Annotations are withheld by these rules:")?;
        }
        for (rule, _) in withheld.iter() {
            writeln!(out, "  {:<8}  {}", rule.label(), meaning(rule))?;
        }
        write!(
            out,
            "Never sent: values of ConfigMaps and Secrets, values of environment variables, commands, arguments, probes.\n\
             Every object as it would be sent: obsyk-operator preview -o json\n\
             Every field and rule: docs/what-leaves-the-cluster.md\n"
        )?;
        out.flush()
    }
}

fn line(Listing { kind, found }: &Listing) -> Line {
    match found {
        Ok(found) => Line {
            kind: kind.to_string(),
            objects: grouped(found.spool.objects()),
            bytes: grouped(found.spool.plain_bytes()),
            set_aside: grouped(found.set_aside),
            withheld: by_rule(&found.withheld),
            hint: None,
        },
        Err(trouble) => Line {
            kind: kind.to_string(),
            objects: "-".to_owned(),
            bytes: "-".to_owned(),
            set_aside: "-".to_owned(),
            withheld: format!("can't be read: {trouble}"),
            hint: Some(trouble.hint(*kind)),
        },
    }
}

/// `prefix 12, jwt 1`, and nothing when there is nothing.
fn by_rule(totals: &WithheldTotals) -> String {
    let parts: Vec<String> = totals
        .iter()
        .map(|(rule, count)| format!("{} {}", rule.label(), grouped(count)))
        .collect();
    parts.join(", ")
}

fn meaning(rule: Rule) -> String {
    match rule {
        Rule::Kind => "all annotations of ConfigMaps and Secrets".to_owned(),
        Rule::Prefix => "the key is one under which tools keep copies of objects".to_owned(),
        Rule::Copy => "the key says that it is a copy of what was last applied".to_owned(),
        Rule::Long => format!("the value is longer than {LONGEST} bytes"),
        Rule::Manifest => "the value looks like a manifest".to_owned(),
        Rule::Pem => "the value has a PEM block: a key or a certificate".to_owned(),
        Rule::Jwt => "the value has a JWT: a token".to_owned(),
        Rule::Gzip => "the value has gzip in base64: an archive".to_owned(),
        Rule::Base64 => "the value has a document in base64".to_owned(),
        Rule::Document => "the value is a part of a manifest, or holds a password".to_owned(),
    }
}

#[cfg(test)]
mod tests;
