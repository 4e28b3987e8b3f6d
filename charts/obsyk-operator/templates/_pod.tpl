{{- /* Copyright (c) Obsyk. All rights reserved. */ -}}
{{- /* Licensed under the Apache License, Version 2.0. */ -}}

{{- /* What a pod of this release runs under, whatever it does: its account, its rights, where it may run. */}}
{{- define "obsyk-operator.podBase" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.podSecurityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with .Values.runtimeClassName }}
runtimeClassName: {{ . | quote }}
{{- end }}
{{- with .Values.schedulerName }}
schedulerName: {{ . | quote }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- /* What a container of this release has in any case. */}}
{{- define "obsyk-operator.containerBase" -}}
image: {{ include "obsyk-operator.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- with .Values.securityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- /*
The account's token, where every client looks for it. It lives for an hour and the kubelet renews it; the one that Kubernetes
mounts by itself would come with the account's default.
*/}}
{{- define "obsyk-operator.tokenVolume" -}}
- name: token
  projected:
    sources:
      - serviceAccountToken:
          path: token
          expirationSeconds: 3600
      - configMap:
          name: kube-root-ca.crt
          items:
            - key: ca.crt
              path: ca.crt
      - downwardAPI:
          items:
            - path: namespace
              fieldRef:
                fieldPath: metadata.namespace
{{- end }}

{{- define "obsyk-operator.tokenMount" -}}
- name: token
  mountPath: /var/run/secrets/kubernetes.io/serviceaccount
  readOnly: true
{{- end }}

{{- /* The volumes of the operator and of its check: the token, the CAs, what the values add. */}}
{{- define "obsyk-operator.volumes" -}}
{{ include "obsyk-operator.tokenVolume" . }}
{{- if or .Values.customCA.configMap .Values.customCA.secret }}
- name: platform-ca
  {{- if .Values.customCA.configMap }}
  configMap:
    name: {{ .Values.customCA.configMap | quote }}
  {{- else }}
  secret:
    secretName: {{ .Values.customCA.secret | quote }}
  {{- end }}
    items:
      - key: {{ .Values.customCA.key | quote }}
        path: ca.crt
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "obsyk-operator.volumeMounts" -}}
{{ include "obsyk-operator.tokenMount" . }}
{{- if or .Values.customCA.configMap .Values.customCA.secret }}
- name: platform-ca
  mountPath: /etc/obsyk/platform-ca
  readOnly: true
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /*
What the values say to the operator and to its check. Variables, not flags: a flag in extraArgs wins over them, while a flag that
is given twice is refused. A variable of extraEnv wins too: then the chart's own of that name is left out, since server-side apply
takes no name twice. Takes the context and further variables of the chart, as a list.
*/}}
{{- define "obsyk-operator.env" -}}
{{- $given := (index . 0).Values.extraEnv | default list -}}
{{- $names := list -}}
{{- range $given }}{{ $names = append $names .name }}{{ end -}}
{{- $env := list -}}
{{- range concat (include "obsyk-operator.ownEnv" (index . 0) | fromYamlArray) (index . 1) -}}
{{- if not (has .name $names) }}{{ $env = append $env . }}{{ end -}}
{{- end -}}
{{- toYaml (concat $env $given) -}}
{{- end }}

{{- define "obsyk-operator.ownEnv" -}}
- name: OBSYK_LOG_LEVEL
  value: {{ .Values.logLevel | quote }}
{{- with .Values.kinds }}
- name: OBSYK_KINDS
  value: {{ join "," . | quote }}
{{- end }}
{{- if .Values.watchAllNamespaces }}
- name: OBSYK_WATCH_ALL_NAMESPACES
  value: "true"
{{- else if .Values.watchNamespace }}
- name: OBSYK_WATCH_NAMESPACE
  value: {{ .Values.watchNamespace | quote }}
{{- end }}
{{- with .Values.allowedPlatforms }}
- name: OBSYK_ALLOWED_PLATFORM
  value: {{ join "," . | quote }}
{{- end }}
{{- if .Values.allowInsecurePlatform }}
- name: OBSYK_ALLOW_INSECURE_PLATFORM
  value: "true"
{{- end }}
{{- if or .Values.customCA.configMap .Values.customCA.secret }}
- name: OBSYK_PLATFORM_CA_FILE
  value: /etc/obsyk/platform-ca/ca.crt
{{- end }}
{{- with .Values.proxy }}
{{- if or .httpsProxy .httpProxy .noProxy }}
{{- with .httpsProxy }}
- name: HTTPS_PROXY
  value: {{ . | quote }}
{{- end }}
{{- with .httpProxy }}
- name: HTTP_PROXY
  value: {{ . | quote }}
{{- end }}
- name: NO_PROXY
  value: {{ include "obsyk-operator.noProxy" $ | quote }}
{{- end }}
{{- end }}
{{- end }}

{{- /* What is reached without a proxy: what the values name, and the cluster's own. The kubelet fills in the API server's
address. */}}
{{- define "obsyk-operator.noProxy" -}}
{{- $domain := printf ".%s" (.Values.clusterDomain | trimPrefix ".") -}}
{{- $own := list "$(KUBERNETES_SERVICE_HOST)" ".svc" $domain "localhost" "127.0.0.1" -}}
{{- $given := .Values.proxy.noProxy | replace " " "" | splitList "," | compact -}}
{{- concat $given $own | uniq | join "," -}}
{{- end }}
