{{- /*
The Deployment of one service. Given: .root, .component, .port, .settings and .secretSettings of the chart itself,
and .image, where that is another service's.
*/ -}}
{{- define "heliograph.deployment" -}}
{{- $root := .root -}}
{{- $name := include "heliograph.name" $root -}}
{{- $own := get $root.Values .component -}}
{{- $scaling := or (dig "autoscaling" "enabled" false $own) (dig "keda" "enabled" false $own) -}}
{{- $settings := mergeOverwrite (dict "HELIOGRAPH_ADVERTISED_HOST" (printf "%s-%s" $name .component)) (default dict .settings) (deepCopy $own.settings) -}}
{{- $secretSettings := mergeOverwrite (default dict .secretSettings) (deepCopy $own.secretSettings) -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ $name }}-{{ .component }}
  labels: {{ include "heliograph.labels" . | nindent 4 }}
spec:
  {{- if not $scaling }}
  replicas: {{ $own.replicas }}
  {{- end }}
  selector:
    matchLabels: {{ include "heliograph.selector" . | nindent 6 }}
  strategy:
    rollingUpdate: { maxUnavailable: 0, maxSurge: 1 }
  template:
    metadata:
      labels: {{ include "heliograph.labels" . | nindent 8 }}
      annotations: {{ toYaml $own.podAnnotations | nindent 8 }}
    spec:
      serviceAccountName: {{ $root.Values.serviceAccount.create | ternary (printf "%s-%s" $name .component) "default" }}
      {{- include "heliograph.podSecurity" $root | nindent 6 }}
      terminationGracePeriodSeconds: {{ $own.terminationGracePeriodSeconds }}
      topologySpreadConstraints:
        - maxSkew: 1
          topologyKey: kubernetes.io/hostname
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels: {{ include "heliograph.selector" . | nindent 14 }}
      containers:
        - name: {{ .component }}
          image: {{ include "heliograph.image" (dict "root" $root "image" (default .component .image)) }}
          imagePullPolicy: {{ $root.Values.image.pullPolicy }}
          {{- include "heliograph.containerSecurity" $root | nindent 10 }}
          ports: [{ name: http, containerPort: {{ .port }} }]
          env: {{- include "heliograph.environment" (dict "root" $root "settings" $settings) | nindent 12 }}
          volumeMounts: {{- include "heliograph.mounts" $root | nindent 12 }}
          # It lives: no dependency is asked, so an outage of NATS restarts nothing.
          startupProbe: { httpGet: { path: /healthz, port: http }, periodSeconds: 2, failureThreshold: 60 }
          livenessProbe: { httpGet: { path: /healthz, port: http }, periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6 }
          # Its dependencies respond: else it gets no requests.
          readinessProbe: { httpGet: { path: /readyz, port: http }, periodSeconds: 5, timeoutSeconds: 4, failureThreshold: 2 }
          # Endpoints forget the pod before it stops listening.
          lifecycle: { preStop: { exec: { command: [sleep, "5"] } } }
          resources: {{ toYaml $own.resources | nindent 12 }}
      volumes:
        {{- include "heliograph.secretsVolume" (dict "root" $root "user" .component "secretSettings" $secretSettings) | nindent 8 }}
        {{- include "heliograph.catalogVolume" (dict "root" $root "name" (printf "%s-catalog" $name)) | nindent 8 }}
        - name: data
          {{- if dig "existingClaim" "" $own }}
          persistentVolumeClaim: { claimName: {{ $own.existingClaim }} }
          {{- else }}
          emptyDir: { sizeLimit: {{ $own.dataSize }} }
          {{- end }}
        - name: tmp
          emptyDir: { sizeLimit: {{ $own.tmpSize }} }
      {{- with $own.nodeSelector }}
      nodeSelector: {{ toYaml . | nindent 8 }}
      {{- end }}
      {{- with $own.tolerations }}
      tolerations: {{ toYaml . | nindent 8 }}
      {{- end }}
      {{- with $own.affinity }}
      affinity: {{ toYaml . | nindent 8 }}
      {{- end }}
{{- end -}}
