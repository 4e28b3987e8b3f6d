// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! The table of kinds, and sets of them.

use crate::resource::dispatch::dispatch_kind;
use crate::resource::{Collected, KindSet, ResourceKind};

#[test]
fn the_table_has_the_protocols_lists_in_its_order() {
    let lists = ResourceKind::ALL.map(|kind| kind.spec().list);
    let expected = [
        "namespaces",
        "pods",
        "services",
        "nodes",
        "deployments",
        "statefulsets",
        "daemonsets",
        "jobs",
        "cronjobs",
        "ingresses",
        "network_policies",
        "configmaps",
        "secrets",
    ];
    assert_eq!(lists, expected);
    for kind in ResourceKind::ALL {
        let spec = kind.spec();
        assert_eq!(spec.count_field.to_lowercase(), spec.plural, "{kind}");
        assert_eq!(spec.list.replace('_', ""), spec.plural, "{kind}");
        assert_eq!(dispatch_kind!(kind, K => K::KIND), kind);
        let cluster_scoped = matches!(kind, ResourceKind::Namespace | ResourceKind::Node);
        assert_eq!(spec.namespaced, !cluster_scoped, "{kind}");
        let page = match kind {
            ResourceKind::Secret | ResourceKind::ConfigMap => 20,
            ResourceKind::Pod => 100,
            _ => 250,
        };
        assert_eq!(spec.page_size, page, "{kind}");
    }
}

#[test]
fn a_kind_is_read_by_name_and_plural_in_any_case() {
    for kind in ResourceKind::ALL {
        for text in [
            kind.to_string(),
            kind.spec().plural.to_owned(),
            kind.to_string().to_uppercase(),
            format!(" {kind} "),
        ] {
            assert_eq!(text.parse(), Ok(kind), "{text}");
        }
        let json = serde_json::to_string(&kind).unwrap();
        assert_eq!(json, format!("\"{kind}\""));
        assert_eq!(serde_json::from_str::<ResourceKind>(&json).unwrap(), kind);
    }
    let error = "podz".parse::<ResourceKind>().unwrap_err().to_string();
    assert!(
        error.contains("podz") && error.contains("pods, services") && error.contains("networkpolicies"),
        "{error}"
    );
    assert!(serde_json::from_str::<ResourceKind>("\"pods\"").is_err());
}

#[test]
fn a_set_of_kinds_keeps_their_order() {
    let mut set: KindSet = [ResourceKind::Secret, ResourceKind::Pod, ResourceKind::Secret]
        .into_iter()
        .collect();
    assert_eq!((set.len(), set.to_string().as_str()), (2, "Pod, Secret"));
    assert!(set.contains(ResourceKind::Pod) && !set.contains(ResourceKind::Node));
    set.insert(ResourceKind::Namespace);
    set.remove(ResourceKind::Secret);
    assert!(set.iter().eq([ResourceKind::Namespace, ResourceKind::Pod]));
    assert!(KindSet::ALL.iter().eq(ResourceKind::ALL) && KindSet::ALL.len() == 13);
    assert_eq!(set.union(KindSet::ALL.without(set)), KindSet::ALL);
    assert!(KindSet::EMPTY.is_empty() && KindSet::default() == KindSet::EMPTY);
}
