// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The shape of the project, held by tests: which crate may know which, that no file lies outside the module tree, that
//! each file has its licence, that what is granted is what the table of kinds needs, and that domain is pure.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use obsyk_domain::rbac;
use obsyk_domain::resource::ResourceKind;
use serde_json::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What cargo knows of the packages of this workspace. It needs no network.
fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output()
        .expect("cargo metadata runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

fn package<'a>(packages: &'a [Value], name: &str) -> &'a Value {
    packages
        .iter()
        .find(|p| p["name"] == name)
        .unwrap_or_else(|| panic!("there is no package {name}"))
}

/// The dependencies of a package of one kind ("normal", "dev", "build"), by name.
fn dependencies<'a>(package: &'a Value, kind: &'a str) -> impl Iterator<Item = (&'a str, &'a Value)> {
    let of_kind = move |d: &&Value| d["kind"].as_str().unwrap_or("normal") == kind;
    package["dependencies"]
        .as_array()
        .unwrap()
        .iter()
        .filter(of_kind)
        .map(|d| (d["name"].as_str().unwrap(), d))
}

/// All files below `folder` that `keep` wants, without what is built and what git or an editor keeps.
fn files(folder: &Path, keep: &dyn Fn(&Path) -> bool) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            let is_ours = !name.starts_with('.') || matches!(name.as_str(), ".ci" | ".github");
            if is_ours && !matches!(name.as_str(), "target" | "vendor" | "node_modules") {
                found.extend(files(&path, keep));
            }
        } else if keep(&path) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn is_rust(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "rs")
}

/// The lines of a file that are code of the product: no comments, and nothing from the inline test module on.
fn product_lines(path: &Path) -> Vec<(usize, String)> {
    let text = fs::read_to_string(path).unwrap();
    let lines = text
        .lines()
        .enumerate()
        .map(|(n, line)| (n + 1, line.trim().to_owned()));
    let code = lines.take_while(|(_, line)| !(line.starts_with("mod tests {") || line.starts_with("mod test {")));
    code.filter(|(_, line)| !line.starts_with("//")).collect()
}

/// The source files of the product below the given folders, without `tests.rs` and folders named `tests`.
fn product_files(folders: &[&str]) -> Vec<PathBuf> {
    let is_product = |path: &Path| {
        is_rust(path) && !path.ends_with("tests.rs") && !path.components().any(|c| c.as_os_str() == "tests")
    };
    folders
        .iter()
        .flat_map(|folder| {
            let folder = root().join(folder);
            let found = files(&folder, &|p| is_product(p.strip_prefix(&folder).unwrap()));
            found.into_iter()
        })
        .collect()
}

fn assert_none_of(words: &[&str], folders: &[&str], why: &str) {
    let mut found = Vec::new();
    for path in product_files(folders) {
        for (n, line) in product_lines(&path) {
            if words.iter().any(|word| line.contains(word)) {
                found.push(format!("{}:{n}: {line}", path.strip_prefix(root()).unwrap().display()));
            }
        }
    }
    assert!(found.is_empty(), "{why}:\n{}", found.join("\n"));
}

#[test]
fn crates_point_from_the_process_to_the_domain() {
    let packages = packages();
    let forbidden: [(&str, &[&str]); 4] = [
        (
            "obsyk-domain",
            &[
                "obsyk-actors",
                "obsyk-operator",
                "obsyk-testkit",
                "actix",
                "actix-rt",
                "tokio",
                "tokio-util",
                "reqwest",
                "hyper",
                "hyper-util",
                "axum",
                "tower",
                "kube-client",
                "kube-runtime",
                "rand",
                "tracing",
            ],
        ),
        (
            "obsyk-actors",
            &[
                "obsyk-operator",
                "obsyk-testkit",
                "kube",
                "kube-core",
                "kube-client",
                "kube-runtime",
                "k8s-openapi",
                "reqwest",
                "hyper",
                "hyper-util",
                "axum",
                "tower",
            ],
        ),
        ("obsyk-operator", &["obsyk-testkit"]),
        ("obsyk-testkit", &["obsyk-actors", "obsyk-operator"]),
    ];
    for (name, forbidden) in forbidden {
        for kind in ["normal", "build"] {
            for (dependency, _) in dependencies(package(&packages, name), kind) {
                assert!(
                    !forbidden.contains(&dependency),
                    "{name} must not depend on {dependency}"
                );
            }
        }
    }
    for name in ["obsyk-domain", "obsyk-actors"] {
        for (dependency, _) in dependencies(package(&packages, name), "dev") {
            assert_ne!(
                dependency, "obsyk-operator",
                "not even the tests of {name} may depend on it"
            );
        }
    }
}

#[test]
fn domain_takes_no_client_from_kube() {
    let packages = packages();
    let (_, kube) = dependencies(package(&packages, "obsyk-domain"), "normal")
        .find(|(n, _)| *n == "kube")
        .unwrap();
    assert_eq!(kube["uses_default_features"], false);
    assert_eq!(kube["features"], serde_json::json!(["derive"]));
}

/// Planted bugs live in the simulation and its patches.
#[test]
fn product_has_no_planted_bug() {
    assert_none_of(
        &["planted", "feature = \"sim\"", "OBSYK_MUTANT"],
        &["domain/src", "actors/src", "src"],
        "the simulation plants bugs at its edge, or by patches in a tree of its own",
    );
}

#[test]
fn every_source_file_is_in_a_module_tree() {
    let mut reached = BTreeSet::new();
    for package in packages() {
        for target in package["targets"].as_array().unwrap() {
            let crate_root = PathBuf::from(target["src_path"].as_str().unwrap());
            let folder = crate_root.parent().unwrap().to_path_buf();
            reach(&crate_root, &folder, &mut reached);
        }
    }
    let orphans: Vec<_> = files(root(), &is_rust)
        .into_iter()
        .filter(|path| !reached.contains(path))
        .collect();
    assert!(
        orphans.is_empty(),
        "no mod names these files, so they are never compiled: {orphans:#?}"
    );
}

/// Follows the `mod name;` lines of a file whose submodules lie in `folder`.
fn reach(file: &Path, folder: &Path, reached: &mut BTreeSet<PathBuf>) {
    if !reached.insert(file.to_path_buf()) {
        return;
    }
    let text = fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    for line in text.lines() {
        assert!(
            !line.trim_start().starts_with("#[path"),
            "{}: a module lies where its name says",
            file.display()
        );
        let Some(declaration) = line.trim().strip_suffix(';') else {
            continue;
        };
        let Some((before, name)) = declaration.rsplit_once(' ') else {
            continue;
        };
        if before != "mod" && !(before.starts_with("pub") && before.ends_with(" mod")) {
            continue;
        }
        let (flat, nested) = (folder.join(format!("{name}.rs")), folder.join(name).join("mod.rs"));
        assert!(
            !flat.exists() || !folder.join(name).is_dir(),
            "{}: a module with submodules is a folder with mod.rs",
            flat.display()
        );
        let child = if flat.exists() { flat } else { nested };
        reach(&child, &folder.join(name), reached);
    }
}

#[test]
fn every_file_begins_with_its_licence() {
    let needs_licence = |path: &Path| {
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
        matches!(extension, "rs" | "go" | "mk" | "toml" | "yaml" | "yml" | "sh")
            || path.ends_with("Makefile")
            || path.ends_with("Containerfile")
            || path.ends_with(".ci/run")
    };
    for path in files(root(), &needs_licence) {
        let text = fs::read_to_string(&path).unwrap();
        // A shebang or Go's build tag may come first; the comment's own sign differs.
        let is_first = |line: &&str| line.is_empty() || line.starts_with("#!/") || line.starts_with("//go:build");
        let head: Vec<_> = text.lines().skip_while(is_first).take(2).collect();
        let has = |n: usize, words: &str| head.get(n).is_some_and(|line| line.contains(words));
        assert!(
            has(0, "Copyright (c) Obsyk. All rights reserved.")
                && has(1, "Licensed under the Apache License, Version 2.0."),
            "{}: the two lines of the licence are missing",
            path.display()
        );
    }
}

#[test]
fn what_is_granted_is_what_the_table_of_kinds_needs() {
    let kinds = ResourceKind::ALL;
    let granted: BTreeSet<(String, String)> = rbac::cluster_role(&kinds, rbac::NAMESPACE)
        .rules
        .unwrap_or_default()
        .into_iter()
        .flat_map(|rule| {
            assert_eq!(rule.verbs, ["list", "watch"]);
            let groups = rule.api_groups.unwrap_or_default();
            let resources = rule.resources.unwrap_or_default();
            groups
                .into_iter()
                .flat_map(move |g| resources.clone().into_iter().map(move |r| (g.clone(), r)))
        })
        .collect();
    let needed = kinds
        .iter()
        .map(|k| (k.spec().group.to_owned(), k.spec().plural.to_owned()))
        .collect();
    assert_eq!(granted, needed);
}

#[test]
fn our_code_has_no_lock() {
    let locks = [
        "Mutex",
        "RwLock",
        "Condvar",
        "Semaphore",
        "parking_lot",
        "DashMap",
        "static mut ",
    ];
    assert_none_of(
        &locks,
        &["domain/src", "actors/src", "src"],
        "an actor owns its state; what others need is a message",
    );
}

#[test]
fn domain_reads_no_clock_chance_or_file() {
    let impure = [
        "Instant::now",
        "SystemTime::now",
        "Timestamp::now",
        "Zoned::now",
        "rand::",
        "std::fs",
        "std::env",
        "std::process",
        "std::thread",
        "std::io::std",
        "TcpStream",
        "UdpSocket",
    ];
    assert_none_of(
        &impure,
        &["domain/src"],
        "domain is pure: time and chance are parameters",
    );
}

#[test]
fn main_only_starts_the_process() {
    let lines = fs::read_to_string(root().join("src/main.rs")).unwrap().lines().count();
    assert!(
        lines <= 40,
        "src/main.rs has {lines} lines: what it does belongs into a module"
    );
}
