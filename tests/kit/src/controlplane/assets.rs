// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The programs that a control plane consists of: found in `KUBEBUILDER_ASSETS`, or built once from the Go module beside
//! this crate into a cache folder that its versions name, so that it outlives `cargo clean` and a new clone.
//!
//! Any number of processes may ask at the same time: one builds, the others wait for it. What has been built is never
//! changed, so none of them needs to ask again.

use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use super::error::{Error, last_lines};

/// The module's folder and the file that pins every version.
const MODULE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/go");
const GO_MOD: &str = include_str!("../../go/go.mod");

/// The last lines of Go's output that an error shows.
const GO_LINES: usize = 20;

/// A build says this often that it goes on.
const STILL_AT_IT: Duration = Duration::from_secs(20);

/// How the names of folders begin in which something is being made.
const PARTIAL: &str = ".partial-";

/// The folders of kwok's module whose stages make nodes ready, keep their leases, and let pods run.
const STAGES: [&str; 3] = ["node/fast", "node/heartbeat-with-lease", "pod/fast"];

/// A program that the kit runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Program {
    Etcd,
    ApiServer,
    ControllerManager,
    Scheduler,
    Kwok,
}

impl Program {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::ApiServer => "kube-apiserver",
            Self::ControllerManager => "kube-controller-manager",
            Self::Scheduler => "kube-scheduler",
            Self::Kwok => "kwok",
        }
    }

    const fn package(self) -> &'static str {
        match self {
            Self::Etcd => "go.etcd.io/etcd/server/v3",
            Self::ApiServer => "k8s.io/kubernetes/cmd/kube-apiserver",
            Self::ControllerManager => "k8s.io/kubernetes/cmd/kube-controller-manager",
            Self::Scheduler => "k8s.io/kubernetes/cmd/kube-scheduler",
            Self::Kwok => "sigs.k8s.io/kwok/cmd/kwok",
        }
    }

    const fn module(self) -> &'static str {
        match self {
            Self::Etcd => "go.etcd.io/etcd/server/v3",
            Self::ApiServer | Self::ControllerManager | Self::Scheduler => "k8s.io/kubernetes",
            Self::Kwok => "sigs.k8s.io/kwok",
        }
    }

    /// Whether a folder of `KUBEBUILDER_ASSETS` without this program is an incomplete one. What is published for that
    /// purpose holds etcd and the API server only.
    const fn must_be_in_assets(self) -> bool {
        matches!(self, Self::Etcd | Self::ApiServer)
    }
}

/// The version of Kubernetes that is built, with its v.
pub(super) fn kubernetes_version() -> &'static str {
    version_of("k8s.io/kubernetes")
}

/// Where the programs are. Asking for one that isn't there builds it, which takes minutes: not for an async thread.
#[derive(Debug, Clone)]
pub(super) struct Assets {
    given: Option<PathBuf>,
    cache: PathBuf,
}

impl Assets {
    /// As the environment says.
    pub(super) fn from_environment() -> Result<Self, Error> {
        let set = |name| {
            std::env::var_os(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        let cache = set("XDG_CACHE_HOME").filter(|path| path.is_absolute());
        let cache = cache.or_else(|| set("HOME").map(|home| home.join(".cache")));
        Ok(Self {
            given: set("KUBEBUILDER_ASSETS"),
            cache: cache.ok_or(Error::NoCacheFolder)?.join("obsyk-testkit").join(key()),
        })
    }

    /// The path of a program, which is built if it has to be.
    pub(super) fn program(&self, program: Program) -> Result<PathBuf, Error> {
        if let Some(given) = self.given.as_ref().map(|folder| folder.join(program.name())) {
            if given.is_file() {
                return Ok(given);
            }
            if program.must_be_in_assets() {
                return Err(Error::AssetMissing(given));
            }
        }
        let path = self.cache.join("bin").join(program.name());
        self.provide(&path, |path| build(program, path))?;
        Ok(path)
    }

    /// kwok's stage files, in a fixed order.
    pub(super) fn stages(&self) -> Result<Vec<PathBuf>, Error> {
        let folder = self.cache.join("stages");
        self.provide(&folder, copy_stages)?;
        let mut files = yaml_files(&folder)?;
        files.sort();
        Ok(files)
    }

    /// Has `make` make what isn't at `path` yet, under a lock, at another place from which it is then moved: what lies at
    /// `path` is complete.
    fn provide(&self, path: &Path, make: impl FnOnce(&Path) -> Result<(), Error>) -> Result<(), Error> {
        if path.exists() {
            return Ok(());
        }
        let parent = path.parent().unwrap_or(&self.cache);
        fs::create_dir_all(parent).map_err(Error::file("can't create", parent))?;
        let lock_file = self.cache.join("lock");
        // The lock goes with the file, however this process ends.
        let lock = File::create(&lock_file).map_err(Error::file("can't create", &lock_file))?;
        if let Err(TryLockError::WouldBlock) = lock.try_lock() {
            say("another process is building the control plane: waiting for it…");
        }
        lock.lock().map_err(Error::file("can't lock", &lock_file))?;
        if path.exists() {
            return Ok(());
        }
        self.remove_partial()?;
        let partial = tempfile::Builder::new()
            .prefix(PARTIAL)
            .tempdir_in(&self.cache)
            .map_err(Error::file("can't write to", &self.cache))?;
        let made = partial.path().join("made");
        make(&made)?;
        fs::rename(&made, path).map_err(Error::file("can't create", path))
    }

    /// Removes what a process that was killed while it built has left. The lock is held, so nobody builds now.
    fn remove_partial(&self) -> Result<(), Error> {
        for entry in fs::read_dir(&self.cache)
            .map_err(Error::file("can't read", &self.cache))?
            .flatten()
        {
            if entry.file_name().to_string_lossy().starts_with(PARTIAL) {
                fs::remove_dir_all(entry.path()).map_err(Error::file("can't remove", &entry.path()))?;
            }
        }
        Ok(())
    }
}

fn build(program: Program, to: &Path) -> Result<(), Error> {
    let name = program.name();
    let version = version_of(program.module());
    say(&format!(
        "building {name} {} (once; some minutes on a new machine)…",
        version.trim_start_matches('v')
    ));
    let since = Instant::now();
    let flags = linker_flags();
    let arguments = ["build", "-mod=readonly", "-trimpath", "-ldflags", &flags, "-o"].map(OsStr::new);
    let target = [to.as_os_str(), OsStr::new(program.package())];
    with_progress(name, since, || go(program, arguments.into_iter().chain(target)))?;
    say(&format!("built {name} in {} s", since.elapsed().as_secs()));
    Ok(())
}

/// Does the work, and says now and then that it still goes on.
fn with_progress<T>(name: &str, since: Instant, work: impl FnOnce() -> T) -> T {
    let (working, over) = mpsc::channel::<()>();
    thread::scope(|scope| {
        scope.spawn(move || {
            while over.recv_timeout(STILL_AT_IT) == Err(RecvTimeoutError::Timeout) {
                say(&format!(
                    "  still building {name}, {} s so far",
                    since.elapsed().as_secs()
                ));
            }
        });
        // It ends with the work, also when that panics: its end stops the thread.
        let _working = working;
        work()
    })
}

fn copy_stages(to: &Path) -> Result<(), Error> {
    let module = Program::Kwok.module();
    // Kwok has been built, or will be: that its module is in Go's cache is not left to chance.
    go(Program::Kwok, ["mod", "download", module].map(OsStr::new))?;
    let output = go(Program::Kwok, ["list", "-m", "-f", "{{.Dir}}", module].map(OsStr::new))?;
    let folder = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    fs::create_dir_all(to).map_err(Error::file("can't create", to))?;
    for stage in STAGES {
        let from = folder.join("kustomize/stage").join(stage);
        for file in yaml_files(&from)? {
            let name = file.file_name().unwrap_or_default();
            if name == "kustomization.yaml" {
                continue;
            }
            // Read and written, not copied: a copy would be read-only as all of Go's cache is.
            let text = fs::read(&file).map_err(Error::file("can't read", &file))?;
            fs::write(to.join(name), text).map_err(Error::file("can't write to", to))?;
        }
    }
    Ok(())
}

fn yaml_files(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = fs::read_dir(folder).map_err(Error::file("can't read", folder))?;
    let paths = entries.map(|entry| entry.map(|e| e.path()));
    let paths: Vec<_> = paths
        .collect::<io::Result<_>>()
        .map_err(Error::file("can't read", folder))?;
    let is_yaml = |path: &PathBuf| path.extension().is_some_and(|e| e == "yaml");
    Ok(paths.into_iter().filter(is_yaml).collect())
}

fn go<'a>(program: Program, arguments: impl IntoIterator<Item = &'a OsStr>) -> Result<Output, Error> {
    let (program, version) = (program.name(), go_version());
    let output = Command::new("go")
        .args(arguments)
        .current_dir(MODULE)
        .env("CGO_ENABLED", "0")
        .env("GOTOOLCHAIN", "local")
        .env("GOWORK", "off")
        .env_remove("GOOS")
        .env_remove("GOARCH")
        .output();
    match output {
        Ok(output) if output.status.success() => Ok(output),
        Ok(output) => Err(Error::Build {
            program,
            version,
            output: last_lines(&String::from_utf8_lossy(&output.stderr), GO_LINES),
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Error::GoMissing { program, version }),
        Err(source) => Err(Error::Spawn { program: "go", source }),
    }
}

/// Small programs that say which version they are, as the released ones do.
fn linker_flags() -> String {
    let version = kubernetes_version();
    let mut parts = version.trim_start_matches('v').split('.');
    let (major, minor) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let variable = "k8s.io/component-base/version.git";
    format!("-s -w -X {variable}Version={version} -X {variable}Major={major} -X {variable}Minor={minor}")
}

/// A name for everything that what is built depends on: versions, flags, machine.
fn key() -> String {
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    let all = format!("{GO_MOD}\n{}\n{STAGES:?}\n{os} {arch}", linker_flags());
    // FNV-1a: the same for every version of the compiler, unlike std's, and nobody attacks it.
    let hash = all.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("kubernetes-{}-{hash:016x}", kubernetes_version())
}

fn version_of(module: &str) -> &'static str {
    let required = |line: &'static str| line.trim().strip_prefix(module)?.strip_prefix(' ')?.split(' ').next();
    GO_MOD.lines().find_map(required).expect("go.mod requires the module")
}

fn go_version() -> &'static str {
    let go = GO_MOD.lines().find_map(|line| line.strip_prefix("go "));
    go.map_or("1.26", |version| version.trim().trim_end_matches(".0"))
}

/// One line of progress. Not `eprintln!`: a test's output is held back until it fails, and a silence of minutes is what
/// these lines are for.
fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
