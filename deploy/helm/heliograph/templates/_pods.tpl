{{- /*
What all pods of this chart have in common: nobody's user, a read-only root, no capability, secrets as files,
and no token of the cluster.
*/ -}}
{{- define "heliograph.podSecurity" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: { type: RuntimeDefault }
{{- with .Values.image.pullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "heliograph.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: { drop: [ALL] }
{{- end -}}

{{- /* Settings as variables. Given: .root and .settings, which win over those of the chart */ -}}
{{- define "heliograph.environment" -}}
{{- $values := .root.Values -}}
{{- $name := include "heliograph.name" .root -}}
{{- $settings := dict
  "HELIOGRAPH_SECRETS_DIR" "/run/secrets/heliograph"
  "HELIOGRAPH_LOG_FORMAT" "json"
  "HELIOGRAPH_PROVISION" (ternary "false" "true" $values.provision.enabled)
  "HELIOGRAPH_NATS_REPLICAS" ($values.nats.replicas | toString)
  "HELIOGRAPH_PUBLIC_URL" $values.publicUrl
  "HELIOGRAPH_STATUS_PUBLIC_URL" $values.publicUrl
  "HELIOGRAPH_STORAGE_PUBLIC_URL" $values.publicUrl
  "HELIOGRAPH_STORAGE_INTERNAL_URL" (printf "http://%s-storage:8082" $name)
  "HELIOGRAPH_S3_ENDPOINT" $values.s3.endpoint
  "HELIOGRAPH_S3_PUBLIC_ENDPOINT" (default $values.s3.endpoint $values.s3.publicEndpoint)
  "HELIOGRAPH_S3_BUCKET" $values.s3.bucket
  "HELIOGRAPH_S3_REGION" $values.s3.region -}}
{{- with $values.nats.url -}}
{{- $_ := set $settings "HELIOGRAPH_NATS_URL" . -}}
{{- $_ := set $settings "HELIOGRAPH_NATS_NKEY_FILE" "/run/secrets/heliograph/nats_nkey" -}}
{{- end -}}
{{- with $values.nats.caSecret -}}
{{- $_ := set $settings "HELIOGRAPH_NATS_CA_FILE" "/run/secrets/heliograph/nats_ca.crt" -}}
{{- end -}}
{{- range $section, $_ := $values.catalog -}}
{{- $_ := set $settings (printf "HELIOGRAPH_%s" ($section | upper)) (printf "/etc/heliograph/%s.yaml" $section) -}}
{{- end -}}
{{- $settings = mergeOverwrite $settings (deepCopy $values.settings) .settings -}}
{{- range $setting := keys $settings | sortAlpha }}
- name: {{ $setting }}
  value: {{ get $settings $setting | toString | quote }}
{{- end }}
{{- end -}}

{{- /* Secret settings, by name: {secret, key}. Given: .root, .user of NATS, .secretSettings */ -}}
{{- define "heliograph.secretsVolume" -}}
{{- $nats := dict "secret" .root.Values.nats.existingSecret "key" (get .root.Values.nats.keys .user) -}}
{{- $login := .root.Values.nats.url | empty | ternary "HELIOGRAPH_NATS_URL" "nats_nkey" -}}
{{- $files := mergeOverwrite (dict $login $nats) (deepCopy .root.Values.secretSettings) .secretSettings -}}
{{- with .root.Values.nats.caSecret -}}
{{- $_ := set $files "nats_ca.crt" (dict "secret" . "key" $.root.Values.nats.caKey) -}}
{{- end -}}
- name: secrets
  projected:
    defaultMode: 0440
    sources:
      {{- range $setting := keys $files | sortAlpha }}
      {{- $from := get $files $setting }}
      - secret:
          name: {{ $from.secret }}
          items: [{ key: {{ $from.key }}, path: {{ $setting }} }]
      {{- end }}
{{- end -}}

{{- define "heliograph.catalogVolume" -}}
{{- if .root.Values.catalog }}
- name: catalog
  configMap: { name: {{ .name }} }
{{- end }}
{{- end -}}

{{- define "heliograph.mounts" -}}
- { name: secrets, mountPath: /run/secrets/heliograph, readOnly: true }
- { name: data, mountPath: /data }
- { name: tmp, mountPath: /tmp }
{{- if .Values.catalog }}
- { name: catalog, mountPath: /etc/heliograph, readOnly: true }
{{- end }}
{{- end -}}
