{{- /* Copyright (c) Obsyk. All rights reserved. */ -}}
{{- /* Licensed under the Apache License, Version 2.0. */ -}}

{{- /* The port of a URL, its scheme's where it names none. Empty for an empty URL. */}}
{{- define "obsyk-operator.portOf" -}}
{{- if . -}}
{{- $url := urlParse . -}}
{{- regexFind ":[0-9]+$" $url.host | trimPrefix ":" | default (ternary "80" "443" (eq $url.scheme "http")) -}}
{{- end -}}
{{- end }}

{{- /* The ports by which the platform is reached: those of the values, of the proxies, of the ObsykAgent and of those that
are allowed. */}}
{{- define "obsyk-operator.platformPorts" -}}
{{- $ports := list -}}
{{- range .Values.networkPolicy.egress.platform.ports }}{{ $ports = append $ports (int .) }}{{ end -}}
{{- $urls := list .Values.proxy.httpsProxy .Values.proxy.httpProxy .Values.agent.platformURL -}}
{{- range concat $urls (.Values.allowedPlatforms | default list) -}}
{{- with include "obsyk-operator.portOf" . }}{{ $ports = append $ports (int .) }}{{ end -}}
{{- end -}}
{{- range $ports | uniq }}
- port: {{ . }}
  protocol: TCP
{{- end }}
{{- end }}

{{- /* The peers of a list of networks. */}}
{{- define "obsyk-operator.networks" -}}
{{- range . }}
- ipBlock:
    cidr: {{ . }}
{{- end }}
{{- end }}
