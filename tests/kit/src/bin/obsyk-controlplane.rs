// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! Says where the kit keeps etcd, the API server, the controller manager and the scheduler, and builds them first if they
//! aren't there: for a cluster that others start with these programs (`KUBEBUILDER_ASSETS`).

use std::process::ExitCode;

use obsyk_testkit::controlplane;

fn main() -> ExitCode {
    match controlplane::programs() {
        Ok(folder) => {
            println!("{}", folder.display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("obsyk-controlplane: {error}");
            ExitCode::FAILURE
        }
    }
}
