{{- /* Copyright (c) Obsyk. All rights reserved. */ -}}
{{- /* Licensed under the Apache License, Version 2.0. */ -}}

{{- /* The name in labels. */}}
{{- define "obsyk-operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end }}

{{- /* The name of the objects: the release's, and the chart's where the release's doesn't have it in it. */}}
{{- define "obsyk-operator.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- default $full .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- end }}

{{- /* The same with an ending, of 63 characters at most. Takes the context and the ending, as a list. */}}
{{- define "obsyk-operator.named" -}}
{{- $ending := printf "-%s" (index . 1) -}}
{{- printf "%s%s" (include "obsyk-operator.fullname" (index . 0) | trunc (sub 63 (len $ending) | int) | trimSuffix "-") $ending -}}
{{- end }}

{{- /* The name of objects without a namespace: releases of one name in two namespaces don't get in each other's way. */}}
{{- define "obsyk-operator.clusterName" -}}
{{- printf "%s:%s" (include "obsyk-operator.fullname" .) .Release.Namespace -}}
{{- end }}

{{- define "obsyk-operator.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "obsyk-operator.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end }}

{{- /* The namespace of the ObsykAgent resources, when it is one. */}}
{{- define "obsyk-operator.agentNamespace" -}}
{{- default .Release.Namespace .Values.watchNamespace -}}
{{- end }}

{{- define "obsyk-operator.image" -}}
{{- $image := .Values.image -}}
{{- $global := .Values.global | default dict -}}
{{- $registry := $global.imageRegistry | default $image.registry -}}
{{- $name := ternary (printf "%s/%s" $registry $image.repository) $image.repository (not (empty $registry)) -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $name $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $name (default .Chart.AppVersion $image.tag) -}}
{{- end -}}
{{- end }}

{{- /* What selects the pods of this release, whatever they do. */}}
{{- define "obsyk-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "obsyk-operator.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{- /* The labels of every object. What the chart sets itself can't be replaced. */}}
{{- define "obsyk-operator.labels" -}}
{{- $own := include "obsyk-operator.selectorLabels" . | fromYaml -}}
{{- $_ := set $own "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-") -}}
{{- $_ := set $own "app.kubernetes.io/version" (.Chart.AppVersion | replace "+" "_") -}}
{{- $_ := set $own "app.kubernetes.io/managed-by" .Release.Service -}}
{{- toYaml (merge $own (deepCopy (.Values.commonLabels | default dict))) -}}
{{- end }}

{{- /* The same with labels of the values added. Takes the context and those labels, as a list. */}}
{{- define "obsyk-operator.labelsWith" -}}
{{- $own := include "obsyk-operator.labels" (index . 0) | fromYaml -}}
{{- toYaml (merge $own (deepCopy (index . 1 | default dict))) -}}
{{- end }}

{{- /* The labels of a pod. Takes the context and what the pod does, as a list. */}}
{{- define "obsyk-operator.podLabels" -}}
{{- $context := index . 0 -}}
{{- $own := include "obsyk-operator.labels" $context | fromYaml -}}
{{- $_ := set $own "app.kubernetes.io/component" (index . 1) -}}
{{- toYaml (merge $own (deepCopy ($context.Values.podLabels | default dict))) -}}
{{- end }}
