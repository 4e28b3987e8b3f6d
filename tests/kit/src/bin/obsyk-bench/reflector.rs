// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What a plain reflector needs for the same kinds, so that the ratio is known.

use std::path::Path;
use std::time::{Duration, Instant};

use obsyk_testkit::controlplane::Guard;

use super::Failure;
use super::figures::{Figures, MIB, millis};
use super::stage::Stage;
use obsyk_testkit::process::Measured;

/// It has filled its stores within this.
const LIMIT: Duration = Duration::from_secs(600);

/// Runs it until its stores are filled.
pub async fn measure(stage: &Stage, binary: &Path, figures: &mut Figures) -> Result<(), Failure> {
    let environment = [(
        "KUBECONFIG".to_owned(),
        stage.control_plane.kubeconfig_path().display().to_string(),
    )];
    let since = Instant::now();
    let process = stage
        .control_plane
        .keeper()
        .spawn_with("reflector", binary, &[], &environment)?;
    let guard = Guard::new("the reflector's stores are filled", LIMIT);
    while !process.log().contains("ready") {
        guard.again(process.log()).await?;
    }
    let took = since.elapsed();
    let measured = Measured::new(process.id());
    figures.add(
        "a plain reflector: start until its stores are filled",
        millis(took),
        "ms",
        None,
    );
    figures.add(
        "a plain reflector: CPU until then",
        measured.cpu().as_secs_f64(),
        "s",
        None,
    );
    figures.add(
        "a plain reflector: peak resident memory",
        measured.peak() as f64 / MIB,
        "MiB",
        None,
    );
    Ok(())
}
