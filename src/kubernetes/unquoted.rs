// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Errors of the way to the API server, in words that quote nothing of a kubeconfig, nor of what its command (exec) prints:
//! both hold tokens and keys, and the errors of the libraries show the lines that they couldn't read.

use std::error::Error;
use std::iter::successors;

use kube::client::AuthError;
use kube::config::KubeconfigError;

use crate::text::with_causes;

/// What went wrong, without what couldn't be read.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unquoted(String);

impl Unquoted {
    /// Of this error.
    pub fn of(error: &(dyn Error + 'static)) -> Self {
        Self(words(error).unwrap_or_else(|| with_causes(error)))
    }
}

/// Words of ours for an error that quotes, or comes from one that does; none for others.
pub fn words(error: &(dyn Error + 'static)) -> Option<String> {
    successors(Some(error), |error: &&(dyn Error + 'static)| (*error).source()).find_map(|error| {
        let of_file = error.downcast_ref().and_then(words_of_file);
        of_file.or_else(|| error.downcast_ref().and_then(words_of_command))
    })
}

fn words_of_file(error: &KubeconfigError) -> Option<String> {
    let KubeconfigError::Parse(error) = error else {
        return None;
    };
    let place = error.location().map(|at| format!(": see line {}", at.line()));
    Some(format!(
        "it isn't the YAML of a kubeconfig{}",
        place.unwrap_or_default()
    ))
}

fn words_of_command(error: &AuthError) -> Option<String> {
    match error {
        AuthError::AuthExecRun { out, .. } => Some(format!(
            "the command that the kubeconfig names for credentials (exec) ended with {}: run it to see why",
            out.status
        )),
        AuthError::AuthExecParse(_) => Some(
            "what the kubeconfig's command for credentials (exec) printed isn't an ExecCredential: run it to see it"
                .to_owned(),
        ),
        AuthError::ParseTokenKey(_) | AuthError::AuthExecSerialize(_) | AuthError::MalformedTokenExpirationDate(_) => {
            Some("the kubeconfig's credentials can't be read".to_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::connect;
    use crate::text::with_causes;

    /// What is said of a kubeconfig with this text, by the words that are logged and printed.
    async fn said(text: &str) -> String {
        let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let folder = tempfile::tempdir().expect("a folder can be made");
        let path = folder.path().join("config");
        std::fs::write(&path, text).expect("a file can be written");
        let path: &Path = &path;
        match connect(Some(path.to_owned())).await {
            Ok(_) => String::new(),
            Err(error) => with_causes(&error),
        }
    }

    fn a_kubeconfig(user: &str) -> String {
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts:\n- name: c\n  context: {{ cluster: c, user: u }}\n\
             clusters:\n- name: c\n  cluster: {{ server: \"https://127.0.0.1:1\" }}\nusers:\n- name: u\n  user:\n{user}"
        )
    }

    fn with_command(script: &str) -> String {
        a_kubeconfig(&format!(
            "    exec:\n      apiVersion: client.authentication.k8s.io/v1\n      command: sh\n      interactiveMode: Never\n      \
             args: [\"-c\", \"{script}\"]\n      env: [{{ name: PASSWORD, value: open-sesame }}]\n"
        ))
    }

    #[tokio::test]
    async fn of_a_kubeconfig_that_is_no_yaml_the_line_is_told_and_nothing_that_is_in_it() {
        let said = said(&a_kubeconfig("    token: open-sesame\n    token: [open-sesame\n")).await;
        assert!(said.contains("isn't the YAML of a kubeconfig: see line 14"), "{said}");
        assert!(!said.contains("sesame"), "{said}");
    }

    #[tokio::test]
    async fn of_a_command_for_credentials_its_end_is_told_and_nothing_that_it_prints() {
        for (script, told) in [
            ("echo open-sesame; exit 3", "exit status: 3"),
            ("echo open-sesame: [", "isn't an ExecCredential"),
        ] {
            let said = said(&with_command(script)).await;
            assert!(said.contains(told), "{said}");
            assert!(!said.contains("sesame"), "{said}");
        }
    }
}
