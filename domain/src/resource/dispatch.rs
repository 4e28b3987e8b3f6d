// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

//! From a kind as a value to a kind as a type.

/// Evaluates an expression with a type alias for the kind's marker type: `dispatch_kind!(kind, K => read::<K>())`.
/// A new kind breaks the build here.
macro_rules! dispatch_kind {
    ($kind:expr, $alias:ident => $body:expr) => {
        match $kind {
            $crate::resource::ResourceKind::Namespace => {
                type $alias = $crate::resource::Namespace;
                $body
            }
            $crate::resource::ResourceKind::Pod => {
                type $alias = $crate::resource::Pod;
                $body
            }
            $crate::resource::ResourceKind::Service => {
                type $alias = $crate::resource::Service;
                $body
            }
            $crate::resource::ResourceKind::Node => {
                type $alias = $crate::resource::Node;
                $body
            }
            $crate::resource::ResourceKind::Deployment => {
                type $alias = $crate::resource::Deployment;
                $body
            }
            $crate::resource::ResourceKind::StatefulSet => {
                type $alias = $crate::resource::StatefulSet;
                $body
            }
            $crate::resource::ResourceKind::DaemonSet => {
                type $alias = $crate::resource::DaemonSet;
                $body
            }
            $crate::resource::ResourceKind::Job => {
                type $alias = $crate::resource::Job;
                $body
            }
            $crate::resource::ResourceKind::CronJob => {
                type $alias = $crate::resource::CronJob;
                $body
            }
            $crate::resource::ResourceKind::Ingress => {
                type $alias = $crate::resource::Ingress;
                $body
            }
            $crate::resource::ResourceKind::NetworkPolicy => {
                type $alias = $crate::resource::NetworkPolicy;
                $body
            }
            $crate::resource::ResourceKind::ConfigMap => {
                type $alias = $crate::resource::ConfigMap;
                $body
            }
            $crate::resource::ResourceKind::Secret => {
                type $alias = $crate::resource::Secret;
                $body
            }
        }
    };
}

pub(crate) use dispatch_kind;
