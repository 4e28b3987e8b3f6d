{{- /* Copyright (c) Obsyk. All rights reserved. */ -}}
{{- /* Licensed under the Apache License, Version 2.0. */ -}}

{{- /* The metadata of a monitor. Takes the context and the monitor's values, as a list. */}}
{{- define "obsyk-operator.monitorMetadata" -}}
{{- $context := index . 0 -}}
{{- with index . 1 -}}
{{- $namespace := .namespace | default $context.Release.Namespace -}}
{{- /* Elsewhere there may be one of a release of the same name in another namespace. */ -}}
{{- $name := include "obsyk-operator.fullname" $context -}}
{{- if ne $namespace $context.Release.Namespace }}{{ $name = printf "%s-%s" $name $context.Release.Namespace }}{{ end -}}
name: {{ $name | quote }}
namespace: {{ $namespace | quote }}
labels:
  {{- include "obsyk-operator.labelsWith" (list $context .labels) | nindent 2 }}
{{- with .annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}

{{- /* What is read, and how. Takes the monitor's values. */}}
{{- define "obsyk-operator.monitorEndpoint" -}}
port: metrics
path: /metrics
{{- with .interval }}
interval: {{ . }}
{{- end }}
{{- with .scrapeTimeout }}
scrapeTimeout: {{ . }}
{{- end }}
honorLabels: {{ .honorLabels }}
{{- with .relabelings }}
relabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .metricRelabelings }}
metricRelabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
