// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Runs the tools, and reads what they render.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use obsyk_testkit::tools;
use serde::Deserialize;
use serde_json::Value;

/// The release and namespace that are rendered: those of the manifests.
pub const RELEASE: &str = "obsyk-operator";
pub const NAMESPACE: &str = "obsyk-system";

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub fn chart() -> PathBuf {
    root().join("charts/obsyk-operator")
}

/// The files of `ci/`: with the values without any file, everything that is rendered.
pub fn value_files() -> Vec<PathBuf> {
    let entries = fs::read_dir(chart().join("ci")).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

/// Runs a program, and gives back what it wrote and how it ended.
pub fn run(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// Runs a program that must succeed, and gives back what it wrote.
pub fn stdout(command: &mut Command) -> String {
    let output = run(command);
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{command:?}: {}\n{out}\n{err}", output.status);
    out.into_owned()
}

/// Runs a program with a text on its standard input, and gives back what it wrote, however it ended.
pub fn fed(command: &mut Command, text: &str) -> Output {
    let command = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let mut stdin = child.stdin.take().unwrap();
    std::thread::scope(|scope| {
        // Beside reading: a program may write before it has read everything.
        scope.spawn(move || stdin.write_all(text.as_bytes()));
        child.wait_with_output().unwrap()
    })
}

pub fn tool(name: &'static str) -> Command {
    Command::new(tools::path(name).unwrap())
}

/// A module of Python that is run as a program, in the root of the repository.
pub fn python(module: &str) -> Command {
    let mut command = Command::new("python3");
    command
        .args(["-m", module])
        .env("PYTHONPATH", tools::path("python").unwrap())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(root());
    command
}

/// What the chart renders, all hooks and the definition with it.
pub fn template(arguments: &[&str]) -> String {
    let mut helm = tool("helm");
    let given = ["template", RELEASE, ".", "--namespace", NAMESPACE, "--include-crds"];
    stdout(helm.args(given).args(arguments).current_dir(chart()))
}

/// The same with a file of values.
pub fn template_with(values: &Path) -> String {
    template(&["--values", values.to_str().unwrap()])
}

/// The objects of a text with any number of documents.
pub fn objects(text: &str) -> Vec<Value> {
    serde_yaml_ng::Deserializer::from_str(text)
        .map(|document| Value::deserialize(document).unwrap())
        .filter(|object| !object.is_null())
        .collect()
}
