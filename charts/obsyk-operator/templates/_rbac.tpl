{{- /* Copyright (c) Obsyk. All rights reserved. */ -}}
{{- /* Licensed under the Apache License, Version 2.0. */ -}}

{{- /* The rows of the table of kinds that are collected, in its order. */}}
{{- define "obsyk-operator.kinds" -}}
{{- $table := .Files.Get "files/kinds.yaml" | fromYamlArray -}}
{{- $known := list -}}
{{- range $table }}{{ $known = append $known .resource }}{{ end -}}
{{- range .Values.kinds -}}
{{- if not (has . $known) -}}
{{- fail (printf "kinds: there is no kind %q; take from: %s" . (join ", " $known)) -}}
{{- end -}}
{{- end -}}
{{- $wanted := .Values.kinds | default $known -}}
{{- $rows := list -}}
{{- range $table }}{{ if has .resource $wanted }}{{ $rows = append $rows . }}{{ end }}{{ end -}}
{{- toYaml $rows -}}
{{- end }}

{{- /*
The right to collect: list and watch of each kind, one rule a group. Where namespaces aren't collected, kube-system alone may be
listed, because its uid is the cluster's.
*/}}
{{- define "obsyk-operator.collectRules" -}}
{{- $groups := list -}}
{{- $resources := dict -}}
{{- range include "obsyk-operator.kinds" . | fromYamlArray -}}
{{- if not (has .group $groups) }}{{ $groups = append $groups .group }}{{ end -}}
{{- $_ := set $resources .group (append (get $resources .group | default list) .resource) -}}
{{- end -}}
{{- range $groups }}
- apiGroups: [{{ . | quote }}]
  resources:
    {{- toYaml (get $resources .) | nindent 4 }}
  verbs: [list, watch]
{{- end }}
{{- if and .Values.kinds (not (has "namespaces" .Values.kinds)) }}
- apiGroups: [""]
  resources: [namespaces]
  resourceNames: [kube-system]
  verbs: [list]
{{- end }}
{{- end }}

{{- /* The right to be an operator where the ObsykAgent resources are: to follow them, to write their status, to record Events on
them, to read their Secrets. */}}
{{- define "obsyk-operator.operateRules" -}}
- apiGroups: [obsyk.io]
  resources: [obsykagents]
  verbs: [list, watch]
- apiGroups: [obsyk.io]
  resources: [obsykagents/status]
  verbs: [patch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
- apiGroups: [""]
  resources: [secrets]
  resourceNames:
    {{- toYaml (prepend (.Values.rbac.credentialsSecrets | default list) .Values.agent.credentialsSecretRef.name | uniq) | nindent 4 }}
  verbs: [list, watch]
{{- end }}

{{- /* Who gets a right. */}}
{{- define "obsyk-operator.subject" -}}
- kind: ServiceAccount
  name: {{ include "obsyk-operator.serviceAccountName" . | quote }}
  namespace: {{ .Release.Namespace | quote }}
{{- end }}
