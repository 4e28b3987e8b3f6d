// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What the page says besides its tables. Constants come from the rules themselves.

use crate::resource::ResourceKind;
use crate::resource::redact::{
    COPIES, GZIP, JWE_PARTS, LONGEST, MANIFEST, OBJECTS as JSON_OBJECTS, PACKED, PEM, PREFIXES, Rule, SHORTEST_CLAIMS,
    SHORTEST_OBJECT, WORDS, may_have_annotations,
};

pub(super) const INTRODUCTION: &str = "\
<!-- Generated from domain/ by `make manifests`: change the Rust types and rules, not this file. -->

# What leaves the cluster

This page is for whoever has to decide whether obsyk-operator may run in a cluster. It has every field that is sent, where
each comes from, and every rule by which something is held back. It is generated from the types that are serialised and
from the constants of the rules, and a test fails when it isn't in step with them.

- Everything goes to one place: the platform that `spec.platformURL` of an `ObsykAgent` names, over TLS
  (plain http needs a flag, but for loopback). With `--allowed-platform` the operator refuses all others.
- Of the cluster's objects only the kinds below are read, with `list` and `watch`. `--kinds`, or `kinds` in the chart, leaves out
  more, and then the right to read them isn't granted either. Besides these the operator reads what it needs to work: its
  `ObsykAgent`s, their credentials' Secrets, the uid of namespace `kube-system`, and the API server's version.
- Values of ConfigMaps, Secrets and environment variables, commands, arguments and probes are never sent. They are skipped
  while an object is read, and never become a value in the operator's memory.
- `obsyk-operator preview` shows what would be sent of your cluster, with your own kubeconfig, and sends nothing;
  `obsyk-operator preview -o json` prints all of it.
";

pub(super) const HEADERS: &str = "\
Each has `User-Agent: obsyk-operator/<version>`, and all but the last `Authorization: Bearer <token>`. Bodies are JSON, but the
last, which is a form. In the tables, \"if any\" means that a field is left out when the object doesn't have it.
";

pub(super) const TOKEN: &str = "
### Token

The form has `grant_type` and `assertion`: a JWT, signed with the private key of the credentials' Secret, that says `iss` and
`sub` (the `client_id` of that Secret), `aud` (`spec.platformURL`), `iat`, `exp` and `jti`. The key itself never leaves.
";

pub(super) const OBJECTS: &str = "
## Objects

Sources are paths in the Kubernetes object. Every object has these:

";

pub(super) const NEVER_READ: &str = "
## What is never read

The API server gives whole objects; it has no way to give parts. These pass through the client's receive buffer, and are skipped
there: they aren't parsed into a value, kept, logged or sent.

| what | where |
|---|---|
| values of ConfigMaps and Secrets | `data`, `binaryData`, `stringData` |
| values of environment variables, and where they come from | `env[].value`, `env[].valueFrom`, `envFrom` |
| commands and arguments | `command`, `args`, and `exec.command` of probes and lifecycle hooks |
| probes and lifecycle hooks, the headers that they send among them | `livenessProbe`, `readinessProbe`, `startupProbe`, `lifecycle` |
| messages and exit codes of containers | `state.*.message`, `lastState` |
| ephemeral containers | `spec.ephemeralContainers` |
| pod templates, but the first container's image and the node selector | `spec.template`, `spec.jobTemplate` |
| who changed which field, and when | `metadata.managedFields` |
| all other fields that no table on this page names | |

The operator also reads the Secret that `spec.credentialsSecretRef` of an `ObsykAgent` names: `client_id` and `private_key`, to
sign for a token.

An object in which something isn't of the type that the API promises is set aside as a whole: counted, and not sent. Errors,
logs, the resource's status, Kubernetes Events, metrics and the debug endpoint name kinds and objects at most, and quote no
value but these, by which a person knows whom they look at: what an `ObsykAgent` says, and the `client_id` of its credentials'
Secret.
";

/// The rules, in the order in which they are looked at.
pub(super) fn rules() -> String {
    let rows: String = Rule::ALL.map(row).concat();
    format!(
        "\n## What is held back of annotations\n\n\
         Annotations can carry copies of whole objects, values included. The first rule that applies counts; what it holds back is \
         skipped while the object is read. Labels are sent as they are: they are there to be looked for.\n\n\
         | rule | an annotation is held back when |\n|---|---|\n{rows}\n\
         `domain/src/resource/redact.rs` alone decides this. How much each rule holds back, `obsyk-operator preview` and the \
         metrics count.\n"
    )
}

fn row(rule: Rule) -> String {
    let when = match rule {
        Rule::Kind => {
            let none = ResourceKind::ALL
                .into_iter()
                .filter(|kind| !may_have_annotations(*kind));
            let none: Vec<String> = none.map(|kind| kind.to_string()).collect();
            format!("its object is a {}: all of them are", none.join(" or a "))
        }
        Rule::Prefix => format!("its key begins with {}", quoted(&PREFIXES, " or ")),
        Rule::Copy => format!("its key has {} in it", quoted(&COPIES, " or ")),
        Rule::Long => format!("its value is longer than {LONGEST} bytes"),
        Rule::Manifest => format!(
            "its value has {}: a manifest, in JSON or YAML",
            quoted(&MANIFEST, " and ")
        ),
        Rule::Pem => format!("its value has `{PEM}`, a blank at the end: a key or a certificate in PEM"),
        Rule::Jwt => format!(
            "somewhere in its value are three parts in base64url with dots between them, the first of which begins with {}, and \
             the second has at least {SHORTEST_CLAIMS} characters, or {JWE_PARTS} such parts: a JWT",
            quoted(&JSON_OBJECTS, " or ")
        ),
        Rule::Gzip => format!("a word in its value begins with `{GZIP}`: gzip in base64"),
        Rule::Base64 => format!(
            "a word in its value begins with {}, or has at least {SHORTEST_OBJECT} characters and begins with {}: a zip archive, a \
             PEM block or a JSON object in base64",
            quoted(&PACKED, " or "),
            quoted(&JSON_OBJECTS, " or ")
        ),
        Rule::Document => format!(
            "it begins with `{{` or `[` and has {}: a part of a manifest, or a password",
            quoted(&WORDS, " or ")
        ),
    };
    format!("| `{}` | {when} |\n", rule.label())
}

fn quoted(words: &[&str], last: &str) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match words.split_last() {
        Some((end, [])) => end.clone(),
        Some((end, others)) => format!("{}{last}{end}", others.join(", ")),
        None => String::new(),
    }
}
