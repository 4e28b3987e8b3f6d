// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The node, and what its kernel says of the operator's process: not what was asked for, but what is.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::process::Command;

use crate::Failure;
use crate::shell::run;

/// A look at some files of /proc.
const LIMIT: Duration = Duration::from_secs(30);

/// Finds the process of a container by its id, $1, which is in the name of its cgroup, and tells of it, one `name value` a
/// line. A pause container is in another cgroup. cgroup v1 has a folder for each controller, v2 has one for all.
const TELL: &str = r#"
for p in /proc/[0-9]*; do
  grep -q "$1" "$p/cgroup" 2>/dev/null || continue
  group=$(awk -F: '$2 == "memory" { print $3 }' "$p/cgroup")
  group=${group:-$(awk -F: '$1 == "0" { print $3 }' "$p/cgroup")}
  for limit in "/sys/fs/cgroup/memory$group/memory.limit_in_bytes" "/sys/fs/cgroup$group/memory.max"; do
    [ -r "$limit" ] && echo "limit $(cat "$limit")"
  done
  echo "pid ${p#/proc/}"
  echo "program $(sha256sum <"$p/exe" | cut -c1-64)"
  echo "root $(awk '$5 == "/" { print $6 }' "$p/mountinfo")"
  sed -n 's/^\([A-Za-z_]*\):[[:space:]]*/\1 /p' "$p/status"
done
"#;

/// Stops the process $1.
const STOP: &str = r#"kill -STOP "$1""#;

/// The way to the node.
pub struct Node {
    /// A command that runs another one there; nothing, when the node is this machine.
    way: Vec<String>,
}

/// What the node's kernel says of a process.
pub struct Told(BTreeMap<String, String>);

impl Node {
    /// The node that this command leads to.
    pub fn new(way: &str) -> Self {
        Self {
            way: way.split_whitespace().map(str::to_owned).collect(),
        }
    }

    /// What it says of the one process of this container.
    pub async fn tell(&self, container: &str) -> Result<Told, Failure> {
        let text = self.sh("a look at the operator's process", TELL, container).await?;
        let pids = text.lines().filter(|line| line.starts_with("pid ")).count();
        if pids != 1 {
            return Err(
                format!("the node has {pids} processes of container {container}, not one: is E2E_NODE right?").into(),
            );
        }
        let pairs = text.lines().filter_map(|line| line.split_once(' '));
        Ok(Told(
            pairs
                .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
                .collect(),
        ))
    }

    /// Stops the process of this container with SIGSTOP: it is there, and does nothing any more.
    pub async fn stop(&self, container: &str) -> Result<(), Failure> {
        let told = self.tell(container).await?;
        self.sh("kill -STOP", STOP, told.get("pid")?).await.map(|_| ())
    }

    async fn sh(&self, what: &str, script: &str, argument: &str) -> Result<String, Failure> {
        let words: Vec<&str> = self.way.iter().map(String::as_str).collect();
        let all = [&words, &["sh", "-c", script, "sh", argument][..]].concat();
        let (program, arguments) = all.split_first().ok_or("no command")?;
        run(what, Command::new(program).args(arguments), LIMIT).await
    }
}

impl Told {
    /// A value that was told.
    pub fn get(&self, name: &str) -> Result<&str, Failure> {
        let value = self.0.get(name).map(String::as_str);
        value.ok_or_else(|| format!("the node doesn't tell {name} of the operator's process").into())
    }

    /// Memory that is told in kB, in KiB.
    pub fn kib(&self, name: &str) -> Result<u64, Failure> {
        let value = self.get(name)?;
        let number = value.split(' ').next().and_then(|number| number.parse().ok());
        number.ok_or_else(|| format!("{name} is {value}, which is no number").into())
    }

    /// Complains when a value isn't this.
    pub fn expect(&self, name: &str, wanted: &str) -> Result<(), Failure> {
        let value = self.get(name)?;
        if value == wanted {
            return Ok(());
        }
        Err(format!("the node says of the operator's process: {name} is {value}, and it must be {wanted}").into())
    }
}
