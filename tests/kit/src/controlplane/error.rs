// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What can go wrong with a control plane, in words that say what to do about it.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

/// Why a control plane can't be had, or doesn't do what was asked of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no `go` to build the programs with.
    #[error(
        "building {program} needs Go, and there is no `go` on the PATH: install Go {version} or later. (KUBEBUILDER_ASSETS \
         may name a folder with etcd, kube-apiserver, kube-controller-manager and kube-scheduler; kwok is always built.)"
    )]
    GoMissing {
        /// The program that was to be built.
        program: &'static str,
        /// The version of Go that the module asks for.
        version: &'static str,
    },
    /// `go` ran and failed.
    #[error(
        "building {program} failed: this needs Go {version} or later and, the first time, a Go module proxy that can be \
         reached. go said:\n{output}"
    )]
    Build {
        /// The program that was to be built.
        program: &'static str,
        /// The version of Go that the module asks for.
        version: &'static str,
        /// The last lines that `go` wrote.
        output: String,
    },
    /// `KUBEBUILDER_ASSETS` is set and lacks a program that it must have.
    #[error("KUBEBUILDER_ASSETS is set, and {} is not there: put it there, or unset the variable to have it built", .0.display())]
    AssetMissing(PathBuf),
    /// Neither `XDG_CACHE_HOME` nor `HOME` says where the programs can be kept.
    #[error("there is no folder to keep the built programs in: set HOME or XDG_CACHE_HOME")]
    NoCacheFolder,
    /// A file or folder couldn't be read or written.
    #[error("{doing}: {source}")]
    File {
        /// What was done to which file.
        doing: String,
        /// What the system said.
        source: io::Error,
    },
    /// A certificate couldn't be made.
    #[error("can't make a certificate")]
    Certificate(#[from] rcgen::Error),
    /// A user in more groups than a certificate of the kit can carry.
    #[error("{user}: a client certificate of the kit carries at most two groups")]
    TooManyGroups {
        /// The user's name.
        user: String,
    },
    /// A program couldn't be started.
    #[error("can't start {program}: {source}")]
    Spawn {
        /// The program's name.
        program: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A program ended that should run.
    #[error("{program} ended ({status}). The last lines of its log:\n{log}")]
    Exited {
        /// The program's name.
        program: &'static str,
        /// How it ended.
        status: ExitStatus,
        /// The last lines of its log.
        log: String,
    },
    /// Something didn't come about in time.
    #[error("{what}: not so after {after:?}; at last: {seen}")]
    TimedOut {
        /// What was waited for.
        what: String,
        /// How long.
        after: Duration,
        /// What was seen at the last look.
        seen: String,
    },
    /// The API server's client refused or failed.
    #[error("the client of the API server: {0}")]
    Client(#[source] Box<kube::Error>),
    /// The kubeconfig that the kit wrote can't be read back.
    #[error("the kubeconfig that was written can't be used")]
    Kubeconfig(#[from] kube::config::KubeconfigError),
    /// etcd refused a request, or gave an answer that makes no sense.
    #[error("etcd, {request}: {answer}")]
    Etcd {
        /// The path of the request.
        request: &'static str,
        /// The answer, or why there was none.
        answer: String,
    },
    /// The API server is running where it must not be, or the other way round.
    #[error("the API server {0}")]
    ApiServerIs(&'static str),
    /// etcd isn't running where it must be.
    #[error("etcd {0}")]
    EtcdIs(&'static str),
}

impl Error {
    /// Whether a program found its port taken: somebody was faster, and other ports may do.
    #[must_use]
    pub fn is_port_taken(&self) -> bool {
        matches!(self, Self::Exited { log, .. } if log.contains("address already in use"))
    }

    /// A closure for `map_err` that says what was done to which file.
    pub(super) fn file<'a>(doing: &'a str, path: &'a Path) -> impl FnOnce(io::Error) -> Self + 'a {
        move |source| Self::File {
            doing: format!("{doing} {}", path.display()),
            source,
        }
    }
}

impl From<kube::Error> for Error {
    fn from(error: kube::Error) -> Self {
        Self::Client(Box::new(error))
    }
}

/// The last `count` lines of a text.
pub(super) fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<_> = text.trim_end().lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}
