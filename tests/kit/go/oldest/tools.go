//go:build tools

// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

// Package tools pins the control plane of the oldest version of Kubernetes that is supported.
package tools

import (
	_ "go.etcd.io/etcd/server/v3"
	_ "k8s.io/kubernetes/cmd/kube-apiserver"
	_ "k8s.io/kubernetes/cmd/kube-controller-manager"
	_ "k8s.io/kubernetes/cmd/kube-scheduler"
)
