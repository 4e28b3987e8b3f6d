// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The processes of one control plane, and the promise that none of them, nor their folder, outlives the process that
//! started them.
//!
//! All programs are in one process group. Beside it runs a guard, a shell that does nothing but read from a pipe that only
//! this process holds: when the pipe ends, because [`Keeper`] was dropped or because this process is gone in whatever way,
//! the guard kills the group and removes the folder. Guard and group are apart from this process's own group, so that a
//! Ctrl-C at a terminal reaches neither: who started a control plane decides when it ends.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use super::error::{Error, last_lines};

/// What the guard runs: $1 is the process group, $2 the folder. A dying program may still write, hence the loop; its end
/// is bounded (10 s), because a guard that never ends would itself be left behind.
const GUARD: &str = r#"
trap '' HUP INT TERM
while read -r _; do :; done
kill -s KILL -- "-$1" 2>/dev/null
n=0
rm -rf -- "$2" 2>/dev/null
while [ -e "$2" ] && [ $n -lt 100 ]; do
  sleep 0.1
  rm -rf -- "$2" 2>/dev/null
  n=$((n + 1))
done
"#;

/// Where a program that was built for `make coverage` writes which of its lines ran. The one variable that is passed on.
const PROFILE: &str = "LLVM_PROFILE_FILE";

/// The last lines of a log that an error shows.
const LOG_LINES: usize = 20;

/// Owns a temporary folder and a process group: what it starts, and the folder, are gone when it is dropped, and when this
/// process is killed.
#[derive(Debug)]
pub struct Keeper {
    folder: PathBuf,
    /// Keeps the process group in being while no program runs; ends by itself when its input does.
    anchor: Child,
    guard: Child,
}

impl Keeper {
    /// A keeper of an empty temporary folder.
    ///
    /// # Errors
    ///
    /// The folder can't be made, or the guard can't be started.
    pub fn in_temporary_folder(prefix: &str) -> Result<Self, Error> {
        let folder = tempfile::Builder::new().prefix(prefix).tempdir();
        let folder = folder
            .map_err(Error::file("can't create a folder in", &std::env::temp_dir()))?
            .keep();
        let logs = folder.join("logs");
        let keeper = Self::new(folder)?;
        fs::create_dir(&logs).map_err(Error::file("can't create", &logs))?;
        Ok(keeper)
    }

    /// Takes charge of `folder`, which exists.
    pub(super) fn new(folder: PathBuf) -> Result<Self, Error> {
        let kept = helper("cat", &[]).and_then(|anchor| {
            let folder_name = folder.to_string_lossy();
            let guard = helper("sh", &["-c", GUARD, "guard", &anchor.id().to_string(), &folder_name])?;
            Ok((anchor, guard))
        });
        match kept {
            Ok((anchor, guard)) => Ok(Self { folder, anchor, guard }),
            Err(error) => {
                let _ = fs::remove_dir_all(&folder);
                Err(error)
            }
        }
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The helpers' process ids.
    pub(super) fn ids(&self) -> [u32; 2] {
        [self.anchor.id(), self.guard.id()]
    }

    /// Starts a program in the group. It sees nothing of our environment, lest a variable change what a test means, and
    /// writes its log, and whatever else it likes to write, into the folder.
    pub(super) fn spawn(&self, name: &'static str, program: &Path, args: &[String]) -> Result<Process, Error> {
        self.spawn_with(name, program, args, &[])
    }

    /// Starts a program in the group, with nothing of our environment but these variables. `name` is that of its log.
    ///
    /// # Errors
    ///
    /// It can't be started.
    pub fn spawn_with(
        &self,
        name: &'static str,
        program: &Path,
        args: &[String],
        environment: &[(String, String)],
    ) -> Result<Process, Error> {
        let log = self.folder.join("logs").join(format!("{name}.log"));
        let mut options = OpenOptions::new();
        let file = options
            .create(true)
            .append(true)
            .open(&log)
            .map_err(Error::file("can't write", &log))?;
        let log_from = file.metadata().map_or(0, |m| m.len());
        let spawn_error = |source| Error::Spawn { program: name, source };
        let child = Command::new(program)
            .args(args)
            .env_clear()
            .env("HOME", &self.folder)
            .env("TMPDIR", &self.folder)
            .envs(std::env::vars_os().filter(|(name, _)| name == PROFILE))
            .envs(environment.iter().cloned())
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(file.try_clone().map_err(spawn_error)?)
            .stderr(file)
            .process_group(self.anchor.id().cast_signed())
            .spawn()
            .map_err(spawn_error)?;
        Ok(Process {
            name,
            log,
            log_from,
            child,
        })
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // The end of its input sets the guard going; its end says that group and folder are gone.
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
        drop(self.anchor.stdin.take());
        let _ = self.anchor.wait();
        // Only if somebody killed the guard is there still something to remove.
        if self.folder.exists() {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// A small process in a group of its own that lives until its input ends.
fn helper(program: &'static str, args: &[&str]) -> Result<Child, Error> {
    Command::new(program)
        .args(args)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .map_err(|source| Error::Spawn { program, source })
}

/// A running program. Dropping it kills it and waits until it is gone; in a test that fails, the end of its log is shown.
#[derive(Debug)]
pub struct Process {
    name: &'static str,
    log: PathBuf,
    /// Where in the log this run begins; a program that is started again goes on in the same file.
    log_from: u64,
    child: Child,
}

impl Process {
    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it did.
    pub fn exit_status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// An error with the end of the log when the program has ended.
    pub(super) fn check_running(&mut self) -> Result<(), Error> {
        match self.exit_status() {
            None => Ok(()),
            Some(status) => Err(Error::Exited {
                program: self.name,
                status,
                log: self.log_tail(),
            }),
        }
    }

    /// The last line that the program logged, for errors about one that runs and doesn't do what it should.
    pub(super) fn last_line(&self) -> String {
        last_lines(&self.log_tail(), 1)
    }

    /// Sends a signal by its name, without SIG.
    ///
    /// # Errors
    ///
    /// There is no such process, or no such signal.
    pub fn signal(&self, name: &str) -> Result<(), Error> {
        let failed = |source| Error::Spawn { program: "sh", source };
        // std sends no signal but KILL; the shell's own `kill` is there wherever the guard is.
        let status = Command::new("sh")
            .args(["-c", r#"kill -s "$1" "$2""#, "kill", name, &self.id().to_string()])
            .stdin(Stdio::null())
            .status()
            .map_err(failed)?;
        if status.success() {
            return Ok(());
        }
        Err(Error::Exited {
            program: self.name,
            status,
            log: self.log_tail(),
        })
    }

    /// The file of its log.
    #[must_use]
    pub fn log_path(&self) -> &Path {
        &self.log
    }

    /// All that this run has logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.read_log()
            .unwrap_or_else(|error| format!("({}: {error})", self.log.display()))
    }

    fn read_log(&self) -> std::io::Result<String> {
        let mut text = Vec::new();
        let mut file = File::open(&self.log)?;
        file.seek(SeekFrom::Start(self.log_from))?;
        file.read_to_end(&mut text)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    fn log_tail(&self) -> String {
        last_lines(&self.log(), LOG_LINES)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let ended = self.child.wait();
        if std::thread::panicking() {
            let ended = ended.map_or_else(|error| error.to_string(), |status| status.to_string());
            eprintln!("{}: {ended}; the end of its log:\n{}", self.name, self.log_tail());
        }
    }
}
