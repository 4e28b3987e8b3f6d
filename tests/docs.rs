// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The commands of the documentation and of the chart's notes can be pasted: bash parses them, values to fill in are shell
//! variables, and a command fails while its variable is empty.
//!
//! The rendered notes come from `notes_test.yaml`. The chart's suite compares this text with the template.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// The documents with commands, besides those in `docs/`.
const DOCUMENTS: [&str; 4] = [
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "charts/obsyk-operator/README.md",
];

/// The suite with the rendered notes.
const NOTES: &str = "charts/obsyk-operator/tests/notes_test.yaml";

/// The quick start and the chart's README alone have this many blocks: fewer mean that the search is broken.
const LEAST_BLOCKS: usize = 5;

/// The notes have commands for the key, the Secret, the `ObsykAgent` and the result.
const BLOCKS_OF_THE_NOTES: usize = 4;

/// Shell commands, and the place where they stand.
struct Block {
    place: String,
    commands: String,
}

#[test]
fn commands_of_the_documentation_can_be_pasted() {
    let blocks = documentation();
    assert!(blocks.len() >= LEAST_BLOCKS, "only {} blocks", blocks.len());
    assert_no_fault(&blocks);
}

#[test]
fn commands_of_the_notes_can_be_pasted() {
    let blocks = notes();
    assert_eq!(blocks.len(), BLOCKS_OF_THE_NOTES);
    assert_no_fault(&blocks);
}

#[test]
fn command_of_the_notes_fails_while_its_variable_is_empty() {
    let mut blocks = notes();
    blocks.retain(|block| block.commands.contains(":?"));
    assert_eq!(blocks.len(), 2, "the Secret and the ObsykAgent have variables");
    for Block { commands, .. } in blocks {
        // A program of its own, as kubectl is: bash expands its heredoc in the child process.
        let commands = commands.replace("kubectl", "/bin/echo called");
        let is_called = |commands: &str| {
            let output = bash(&["-c", commands]);
            String::from_utf8_lossy(&output.stdout).contains("called")
        };
        assert!(!is_called(&commands), "{commands}");
        assert!(is_called(&commands.replace("=\n", "=filled\n")), "{commands}");
    }
}

#[test]
fn each_fault_is_found() {
    let faults = [
        ("echo the client's id", "unexpected EOF"),
        ("cat <<EOF\nkind: Pod", "here-document"),
        ("grep -c <value>", "<value>"),
        ("gh secret set ID --body <the client's id>", "<the client's id>"),
        ("cat <<EOF\nname: <a name>\nEOF", "<a name>"),
        ("NAME=\necho \"$NAME\"", "NAME"),
        ("NAME=\necho \"${NAME:?}\" \"${NAME}\"", "NAME"),
        ("NAME=\necho web", "NAME"),
    ];
    for (commands, expected) in faults {
        let found = fault(commands).unwrap_or_else(|| panic!("no fault found in {commands}"));
        assert!(found.contains(expected), "{commands}: {found}");
    }
}

#[test]
fn redirections_heredocs_and_checked_variables_are_no_faults() {
    for commands in [
        "cat <<EOF >file\nkind: Pod\nEOF",
        "cat < file > other",
        "source <(obsyk-operator completions bash)",
        "NAME=web\necho \"$NAME\"",
        "NAME=\ncat <<EOF\nname: \"${NAME:?}\"\nEOF",
    ] {
        assert_eq!(fault(commands), None, "{commands}");
    }
}

#[test]
fn blocks_of_a_shell_are_found() {
    let text = "```sh\none\ntwo\n```\n\n```\noutput\n```\n\n```yaml\na: b\n```\n\n```console\n$ three \\\n> four\noutput\n```\n";
    let found = blocks("a.md", text);
    let found: Vec<_> = found.iter().map(|block| (&*block.place, &*block.commands)).collect();
    assert_eq!(found, [("a.md:1", "one\ntwo"), ("a.md:14", "three \\\nfour")]);
}

fn assert_no_fault(blocks: &[Block]) {
    for Block { place, commands } in blocks {
        if let Some(fault) = fault(commands) {
            panic!("{place}: {fault}\n{commands}");
        }
    }
}

/// Returns a reason why a user cannot paste the commands.
fn fault(commands: &str) -> Option<String> {
    if let Some(words) = placeholder(commands) {
        return Some(format!("<{words}> is a placeholder: use a shell variable"));
    }
    if let Some(name) = unchecked(commands) {
        return Some(format!("{name} is empty: use it as ${{{name}:?}}"));
    }
    // An unterminated heredoc is a warning: bash succeeds.
    let parsed = bash(&["-n", "-c", commands]);
    let message = String::from_utf8_lossy(&parsed.stderr).into_owned();
    (!parsed.status.success() || !message.is_empty()).then_some(message)
}

/// Returns the words of the first `<word>` or `<several words>`. A redirection has a space after `<` or before `>`, a heredoc
/// begins with `<<`.
fn placeholder(commands: &str) -> Option<&str> {
    commands.match_indices('<').find_map(|(start, _)| {
        let line = commands[start + 1..].lines().next()?;
        let words = &line[..line.find('>')?];
        let is_heredoc = commands[..start].ends_with('<');
        let is_words = words.starts_with(|first: char| first.is_ascii_alphabetic()) && !words.ends_with(' ');
        (is_words && !is_heredoc).then_some(words)
    })
}

/// Returns the first variable with an empty value that is unused, or used without `:?`.
fn unchecked(commands: &str) -> Option<&str> {
    let is_name = |name: &&str| name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    let mut empty = commands
        .lines()
        .filter_map(|line| line.strip_suffix('='))
        .filter(is_name);
    empty.find(|name| {
        let uses = |spelling: String| commands.contains(&spelling);
        uses(format!("${name}")) || uses(format!("${{{name}}}")) || !uses(format!("${{{name}:?"))
    })
}

fn bash(arguments: &[&str]) -> Output {
    // In a locale that the machine lacks, bash would write a warning to stderr.
    let output = Command::new("bash").args(arguments).env("LC_ALL", "C").output();
    output.unwrap_or_else(|error| panic!("cannot run bash: {error}"))
}

fn read(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn documentation() -> Vec<Block> {
    let entries = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let markdown = names.filter(|name| name.ends_with(".md"));
    let files = markdown.map(|name| format!("docs/{name}"));
    let files = files.chain(DOCUMENTS.map(String::from));
    files.flat_map(|file| blocks(&file, &read(&file))).collect()
}

/// Returns the blocks of a Markdown file whose language is a shell. A typed line of a console begins with `$ ` or `> `; its
/// other lines are output.
fn blocks(file: &str, text: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut lines = text.lines().zip(1..);
    while let Some((line, number)) = lines.next() {
        let Some(language) = line.trim_start().strip_prefix("```") else {
            continue;
        };
        let body = lines.by_ref().map(|(line, _)| line);
        let body = body.take_while(|line| line.trim() != "```");
        let prompt = |line: &'_ str| Some(line.strip_prefix("$ ").or_else(|| line.strip_prefix("> "))?.to_owned());
        let commands: Vec<String> = match language.trim() {
            "sh" | "bash" => body.map(str::to_owned).collect(),
            "console" => body.filter_map(prompt).collect(),
            _ => {
                body.for_each(drop);
                continue;
            }
        };
        found.push(Block {
            place: format!("{file}:{number}"),
            commands: commands.join("\n"),
        });
    }
    found
}

/// Returns the command paragraphs of the rendered notes. The paragraph before each of them ends with a colon.
fn notes() -> Vec<Block> {
    let suite: Value = serde_yaml_ng::from_str(&read(NOTES)).unwrap();
    let text = &suite["tests"][0]["asserts"][0]["equalRaw"]["value"];
    let paragraphs: Vec<_> = text.as_str().unwrap().split("\n\n").collect();
    let pairs = paragraphs.windows(2).filter(|pair| pair[0].ends_with(':'));
    let block = |commands: &str| Block {
        place: NOTES.to_owned(),
        commands: commands.to_owned(),
    };
    pairs.map(|pair| block(pair[1])).collect()
}
