// Copyright (c) Obsyk. All rights reserved.
// Licensed under the Apache License, Version 2.0.

// Pins the definitions of ServiceMonitor and PodMonitor. Nothing of it is built.

module obsyk.io/chart/monitoring

go 1.26.0

require github.com/prometheus-operator/prometheus-operator v0.85.0
