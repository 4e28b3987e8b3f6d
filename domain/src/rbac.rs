// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! What the operator may do in a cluster: the rules that are installed with it, generated from the table of kinds.
//!
//! What is granted is what is used: list and watch of the collected kinds, of the resource and of one Secret by name,
//! patch of the resource's status, and create and patch of Kubernetes Events beside the resource. There is no get, since
//! everything is read by list and watch; no wildcard; and no write but the status and Events.
//!
//! A rule with a resource name grants list and watch to a client that selects by `metadata.name`, and to no other.

use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;

use crate::agent::ObsykAgent;
use crate::resource::ResourceKind;

/// The name of everything that is installed for the operator, unless a chart's release says otherwise.
pub const NAME: &str = "obsyk-operator";

/// The namespace that the manifests install into.
pub const NAMESPACE: &str = "obsyk-system";

/// The Secret that the manifests let the operator read.
pub const CREDENTIALS_SECRET: &str = "obsyk-credentials";

/// The API group of the Kubernetes Events that are recorded on a resource.
pub const EVENTS_GROUP: &str = "events.k8s.io";

/// Their plural.
pub const EVENTS: &str = "events";

/// What is done with them: one is created, and when it happens again its count is patched.
pub const EVENT_VERBS: [&str; 2] = ["create", "patch"];

/// The namespace whose uid is the cluster's.
const CLUSTER_NAMESPACE: &str = "kube-system";

/// The name of what is installed outside namespaces for the operator in this one: two operators of one name in two
/// namespaces have a role each.
pub fn cluster_name(namespace: &str) -> String {
    format!("{NAME}:{namespace}")
}

/// The right of the operator in this namespace to collect these kinds in the whole cluster.
///
/// Without Namespace among them, namespace kube-system alone may be listed besides: its uid is the cluster's.
pub fn cluster_role(kinds: &[ResourceKind], namespace: &str) -> ClusterRole {
    let mut rules: Vec<PolicyRule> = Vec::new();
    for kind in kinds {
        let spec = kind.spec();
        let of_group = |rule: &&mut PolicyRule| rule.api_groups.iter().flatten().any(|group| group == spec.group);
        match rules.iter_mut().find(of_group) {
            Some(rule) => rule.resources.get_or_insert_default().push(spec.plural.to_owned()),
            None => rules.push(rule(spec.group, &[spec.plural], &["list", "watch"])),
        }
    }
    if !kinds.contains(&ResourceKind::Namespace) {
        rules.push(by_name(CLUSTER_NAMESPACE, rule("", &["namespaces"], &["list"])));
    }
    ClusterRole {
        metadata: named(&cluster_name(namespace), None),
        rules: Some(rules),
        aggregation_rule: None,
    }
}

/// The right to be an operator in one namespace: to follow the resources there, to write their status, to record Events on
/// them, and to read the Secrets with these names.
pub fn role(namespace: &str, secrets: &[&str]) -> Role {
    let group = ObsykAgent::group(&());
    let plural = ObsykAgent::plural(&());
    let status = format!("{plural}/status");
    let mut rules = vec![
        rule(&group, &[plural.as_ref()], &["list", "watch"]),
        rule(&group, &[status.as_str()], &["patch"]),
        rule(EVENTS_GROUP, &[EVENTS], &EVENT_VERBS),
    ];
    rules.extend(
        secrets
            .iter()
            .map(|name| by_name(name, rule("", &["secrets"], &["list", "watch"]))),
    );
    Role {
        metadata: named(NAME, Some(namespace)),
        rules: Some(rules),
    }
}

/// The account that the operator runs as. Nobody gets its token unasked: the pod asks for one with a short life.
pub fn service_account(namespace: &str) -> ServiceAccount {
    ServiceAccount {
        metadata: named(NAME, Some(namespace)),
        automount_service_account_token: Some(false),
        ..ServiceAccount::default()
    }
}

/// Gives [`cluster_role`] to the account in this namespace.
pub fn cluster_role_binding(namespace: &str) -> ClusterRoleBinding {
    ClusterRoleBinding {
        metadata: named(&cluster_name(namespace), None),
        role_ref: role_ref("ClusterRole", &cluster_name(namespace)),
        subjects: Some(vec![account(namespace)]),
    }
}

/// Gives [`role`] to the account in this namespace.
pub fn role_binding(namespace: &str) -> RoleBinding {
    RoleBinding {
        metadata: named(NAME, Some(namespace)),
        role_ref: role_ref("Role", NAME),
        subjects: Some(vec![account(namespace)]),
    }
}

fn rule(group: &str, resources: &[&str], verbs: &[&str]) -> PolicyRule {
    let owned = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
    PolicyRule {
        api_groups: Some(vec![group.to_owned()]),
        resources: Some(owned(resources)),
        verbs: owned(verbs),
        ..PolicyRule::default()
    }
}

fn by_name(name: &str, rule: PolicyRule) -> PolicyRule {
    PolicyRule {
        resource_names: Some(vec![name.to_owned()]),
        ..rule
    }
}

fn named(name: &str, namespace: Option<&str>) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.to_owned()),
        namespace: namespace.map(str::to_owned),
        labels: Some([("app.kubernetes.io/name".to_owned(), NAME.to_owned())].into()),
        ..ObjectMeta::default()
    }
}

fn role_ref(kind: &str, name: &str) -> RoleRef {
    RoleRef {
        api_group: "rbac.authorization.k8s.io".to_owned(),
        kind: kind.to_owned(),
        name: name.to_owned(),
    }
}

fn account(namespace: &str) -> Subject {
    Subject {
        kind: "ServiceAccount".to_owned(),
        name: NAME.to_owned(),
        namespace: Some(namespace.to_owned()),
        ..Subject::default()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

    use super::*;

    /// Group, resources, names and verbs of a rule.
    type Told = (String, Vec<String>, Vec<String>, Vec<String>);

    fn told(rules: Option<Vec<PolicyRule>>) -> Vec<Told> {
        rules
            .unwrap()
            .into_iter()
            .map(|rule| {
                let groups = rule.api_groups.unwrap();
                assert_eq!(groups.len(), 1);
                let names = rule.resource_names.unwrap_or_default();
                (groups[0].clone(), rule.resources.unwrap(), names, rule.verbs)
            })
            .collect()
    }

    #[test]
    fn each_collected_kind_may_be_listed_and_watched_and_nothing_else() {
        let rules = told(cluster_role(&ResourceKind::ALL, NAMESPACE).rules);
        let mut granted = Vec::new();
        for (group, resources, names, verbs) in rules {
            assert_eq!(verbs, ["list", "watch"]);
            assert!(names.is_empty());
            granted.extend(resources.into_iter().map(|resource| (group.clone(), resource)));
        }
        let mut expected = ResourceKind::ALL.map(|kind| (kind.spec().group.to_owned(), kind.spec().plural.to_owned()));
        expected.sort();
        granted.sort();
        assert_eq!(granted, expected);
    }

    #[test]
    fn the_clusters_uid_may_be_read_though_namespaces_arent_collected() {
        let rules = told(cluster_role(&[ResourceKind::Pod], NAMESPACE).rules);
        assert_eq!(rules.len(), 2);
        let (group, resources, names, verbs) = &rules[1];
        assert_eq!(
            (group.as_str(), resources.as_slice()),
            ("", ["namespaces".to_owned()].as_slice())
        );
        assert_eq!(
            (names.as_slice(), verbs.as_slice()),
            (["kube-system".to_owned()].as_slice(), ["list".to_owned()].as_slice())
        );
    }

    #[test]
    fn the_operators_own_namespace_has_the_resource_its_status_its_events_and_named_secrets() {
        let rules = told(role(NAMESPACE, &[CREDENTIALS_SECRET]).rules);
        let strings = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        let expected = [
            ("obsyk.io", &["obsykagents"][..], &[][..], &["list", "watch"][..]),
            ("obsyk.io", &["obsykagents/status"], &[], &["patch"]),
            ("events.k8s.io", &["events"], &[], &["create", "patch"]),
            ("", &["secrets"], &[CREDENTIALS_SECRET], &["list", "watch"]),
        ]
        .map(|(group, resources, names, verbs)| (group.to_owned(), strings(resources), strings(names), strings(verbs)));
        assert_eq!(rules, expected);
        assert_eq!(told(role(NAMESPACE, &[]).rules).len(), 3);
    }

    #[test]
    fn operators_in_two_namespaces_have_a_cluster_role_each() {
        assert_eq!(cluster_name(NAMESPACE), "obsyk-operator:obsyk-system");
        let names = ["here", "there"].map(|namespace| cluster_role(&[], namespace).metadata.name);
        assert_ne!(names[0], names[1]);
    }

    #[test]
    fn the_bindings_name_the_account_in_its_namespace() {
        let account = service_account("here").metadata;
        for (name, role, subjects) in [
            (
                cluster_role(&[], "here").metadata.name,
                cluster_role_binding("here").role_ref,
                cluster_role_binding("here").subjects,
            ),
            (
                role("here", &[]).metadata.name,
                role_binding("here").role_ref,
                role_binding("here").subjects,
            ),
        ] {
            assert_eq!(Some(role.name), name);
            let subjects = subjects.unwrap();
            assert_eq!(subjects.len(), 1);
            assert_eq!(
                (Some(&subjects[0].name), subjects[0].namespace.as_ref()),
                (account.name.as_ref(), account.namespace.as_ref())
            );
        }
    }
}
