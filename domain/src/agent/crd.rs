// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The custom resource definition, as it is installed.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray,
};
use kube::CustomResourceExt;

use super::ObsykAgent;

/// The definition of `obsykagents.obsyk.io`: what `manifests/crd`, the chart and the tests install.
///
/// It is kube's, with each description on one line: a doc comment ends its lines where the source does, and
/// `kubectl explain` would print them so.
pub fn crd() -> CustomResourceDefinition {
    let mut crd = ObsykAgent::crd();
    for version in &mut crd.spec.versions {
        if let Some(schema) = version.schema.as_mut().and_then(|s| s.open_api_v3_schema.as_mut()) {
            unwrap_lines(schema);
        }
    }
    crd
}

fn unwrap_lines(schema: &mut JSONSchemaProps) {
    if let Some(description) = &mut schema.description {
        *description = description.split_whitespace().collect::<Vec<_>>().join(" ");
    }
    for property in schema.properties.iter_mut().flat_map(|p| p.values_mut()) {
        unwrap_lines(property);
    }
    match &mut schema.items {
        Some(JSONSchemaPropsOrArray::Schema(item)) => unwrap_lines(item),
        Some(JSONSchemaPropsOrArray::Schemas(items)) => items.iter_mut().for_each(unwrap_lines),
        None => {}
    }
}
