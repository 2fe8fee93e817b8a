{{- /* A rule of egress to peers at ports. Given: .peers, .ports */ -}}
{{- define "heliograph.egress" -}}
- to: {{ toYaml .peers | nindent 4 }}
  ports:
    {{- range .ports }}
    - { protocol: TCP, port: {{ . }} }
    {{- end }}
{{- end -}}

{{- /* Pods of this release. Given: .root, .components */ -}}
{{- define "heliograph.pods" -}}
- podSelector:
    matchLabels: {{ include "heliograph.selector" (dict "root" .root) | nindent 6 }}
    matchExpressions: [{ key: app.kubernetes.io/component, operator: In, values: {{ .components | toJson }} }]
{{- end -}}
