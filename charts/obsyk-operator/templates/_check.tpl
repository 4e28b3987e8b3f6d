{{- /* Copyright (c) Obsyk. All rights reserved. */ -}}
{{- /* Licensed under the Apache License, Version 2.0. */ -}}

{{- /* What values can be wrong about and their schema can't see. Each failure says what to do. */}}
{{- define "obsyk-operator.validate" -}}
{{- if and .Values.agent.clusterName (not .Values.agent.platformURL) -}}
{{- fail "agent.clusterName is set and agent.platformURL isn't: set the platform's address, such as https://platform.example.com" -}}
{{- end -}}
{{- if and .Values.agent.platformURL (not .Values.agent.clusterName) -}}
{{- fail "agent.platformURL is set and agent.clusterName isn't: set the name under which the platform shows this cluster" -}}
{{- end -}}
{{- with .Values.agent.credentials -}}
{{- if and .clientId (not .privateKey) -}}
{{- fail "agent.credentials.clientId is set and agent.credentials.privateKey isn't: set both, the key by --set-file agent.credentials.privateKey=key.pem, or none" -}}
{{- end -}}
{{- if and .privateKey (not .clientId) -}}
{{- fail "agent.credentials.privateKey is set and agent.credentials.clientId isn't: set both or none" -}}
{{- end -}}
{{- end -}}
{{- /* No value that may hold a secret is in the messages; that is why the schema has no pattern for these, since it would quote them. */ -}}
{{- if and .Values.agent.credentials.privateKey (not (contains "PRIVATE KEY-----" .Values.agent.credentials.privateKey)) -}}
{{- fail "agent.credentials.privateKey isn't a private key in PEM: give the file by --set-file agent.credentials.privateKey=key.pem" -}}
{{- end -}}
{{- range $name := list "httpsProxy" "httpProxy" -}}
{{- $proxy := get $.Values.proxy $name -}}
{{- if and $proxy (not (regexMatch "^https?://[^/?#\\s]+/?$" $proxy)) -}}
{{- fail (printf "proxy.%s isn't the address of a proxy: write it as http://proxy.example.com:3128" $name) -}}
{{- end -}}
{{- end -}}
{{- if and .Values.watchAllNamespaces .Values.watchNamespace -}}
{{- fail "watchNamespace and watchAllNamespaces are set: take one" -}}
{{- end -}}
{{- if and .Values.customCA.configMap .Values.customCA.secret -}}
{{- fail "customCA.configMap and customCA.secret are set: take one" -}}
{{- end -}}
{{- if has (int .Values.metrics.port) (list 8081 6060) -}}
{{- fail (printf "metrics.port: %d is the port of the probes or of the debug endpoint; take another one" (int .Values.metrics.port)) -}}
{{- end -}}
{{- with .Values.metrics -}}
{{- if and .serviceMonitor.enabled .podMonitor.enabled -}}
{{- fail "metrics.serviceMonitor and metrics.podMonitor are enabled, and Prometheus would read everything twice: take one" -}}
{{- end -}}
{{- if and .serviceMonitor.enabled (not (and .enabled .service.enabled)) -}}
{{- fail "metrics.serviceMonitor.enabled needs metrics.enabled and metrics.service.enabled" -}}
{{- end -}}
{{- if and .podMonitor.enabled (not .enabled) -}}
{{- fail "metrics.podMonitor.enabled needs metrics.enabled" -}}
{{- end -}}
{{- end -}}
{{- end }}
