{{- define "tally.name" -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "tally.labels" -}}
app.kubernetes.io/name: tally
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}

{{/* The Prometheus operator may select its resources by labels. */}}
{{- define "tally.monitoringLabels" -}}
{{ include "tally.labels" . }}
{{- with .Values.metrics.labels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "tally.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}

{{- define "tally.secret" -}}
{{- .Values.existingSecret | default (include "tally.name" .) -}}
{{- end -}}

{{- define "tally.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "tally.name" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end -}}

{{/* What every pod of ours has: no root, no writing, no token. */}}
{{- define "tally.pod" -}}
serviceAccountName: {{ include "tally.serviceAccount" . }}
automountServiceAccountToken: false
{{- with .Values.image.pullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: { type: RuntimeDefault }
{{- end -}}

{{- define "tally.container" -}}
image: {{ include "tally.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: { drop: [ALL] }
{{- end -}}

{{/* Secrets come as files: an environment is seen by more than its process. */}}
{{- define "tally.secretVolume" -}}
- name: secrets
  secret:
    secretName: {{ include "tally.secret" . }}
    defaultMode: 0440
    # Not the owner's URL, which the migration alone needs.
    items:
      - { key: database-url, path: database-url }
      - { key: redis-url, path: redis-url }
      {{- if include "tally.separateQueue" . }}
      - { key: queue-redis-url, path: queue-redis-url }
      {{- end }}
      - { key: admin-key, path: admin-key }
{{- end -}}

{{- define "tally.separateQueue" -}}
{{- if or .Values.redis.separateQueue .Values.secrets.queueRedisUrl }}yes{{ end -}}
{{- end -}}

{{- define "tally.redisVolume" -}}
{{- with .Values.redis.tlsSecret }}
- name: redis-tls
  secret: { secretName: {{ . }}, defaultMode: 0440 }
{{- end }}
{{- end -}}

{{- define "tally.redisMount" -}}
{{- if .Values.redis.tlsSecret }}
- { name: redis-tls, mountPath: /redis-tls, readOnly: true }
{{- end }}
{{- end -}}

{{- define "tally.env" -}}
- { name: DATABASE_URL_FILE, value: /secrets/database-url }
{{- range $name, $value := .Values.env }}
- { name: {{ $name }}, value: {{ $value | quote }} }
{{- end }}
{{- end -}}

{{- define "tally.probes" -}}
startupProbe:
  httpGet: { path: /livez, port: http }
  periodSeconds: 2
  failureThreshold: 60
livenessProbe:
  httpGet: { path: /livez, port: http }
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
# 200 as long as the process can do its work, be it degraded: an outage of one server takes nobody out of rotation.
readinessProbe:
  httpGet: { path: /readyz, port: http }
  periodSeconds: 5
  timeoutSeconds: 4
  failureThreshold: 2
lifecycle:
  preStop:
    exec: { command: [sleep, {{ .Values.preStopSeconds | quote }}] }
{{- end -}}

{{/* One for each of the two roles; the dot has root, role and of (the role's values). */}}
{{- define "tally.deployment" -}}
{{- $name := printf "%s-%s" (include "tally.name" .root) .role -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ $name }}
  labels:
    {{- include "tally.labels" .root | nindent 4 }}
    app.kubernetes.io/component: {{ .role }}
spec:
  {{- if not .of.autoscaling.enabled }}
  replicas: {{ .of.replicas }}
  {{- end }}
  strategy:
    rollingUpdate: { maxUnavailable: 0, maxSurge: 1 }
  selector:
    matchLabels:
      app.kubernetes.io/instance: {{ .root.Release.Name }}
      app.kubernetes.io/component: {{ .role }}
  template:
    metadata:
      labels:
        {{- include "tally.labels" .root | nindent 8 }}
        app.kubernetes.io/component: {{ .role }}
      annotations:
        {{- if not .root.Values.existingSecret }}
        checksum/secret: {{ toJson .root.Values.secrets | sha256sum }}
        {{- end }}
        prometheus.io/scrape: 'true'
        prometheus.io/port: {{ .root.Values.metrics.port | quote }}
    spec:
      {{- include "tally.pod" .root | nindent 6 }}
      terminationGracePeriodSeconds: {{ .root.Values.terminationGracePeriodSeconds }}
      topologySpreadConstraints:
        - maxSkew: 1
          topologyKey: kubernetes.io/hostname
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels:
              app.kubernetes.io/instance: {{ .root.Release.Name }}
              app.kubernetes.io/component: {{ .role }}
      containers:
        - name: {{ .role }}
          {{- include "tally.container" .root | nindent 10 }}
          command: [node, --max-semi-space-size=64, --no-allocation-site-pretenuring, dist/main.js]
          env:
            - { name: ROLE, value: {{ .role }} }
            - { name: MIGRATE, value: 'off' }
            - { name: HOST, value: '0.0.0.0' }
            - { name: PORT, value: '3000' }
            - { name: METRICS_PORT, value: {{ .root.Values.metrics.port | quote }} }
            - { name: REDIS_URL_FILE, value: /secrets/redis-url }
            {{- if include "tally.separateQueue" .root }}
            - { name: QUEUE_REDIS_URL_FILE, value: /secrets/queue-redis-url }
            {{- end }}
            {{- with .root.Values.redis.prefix }}
            - { name: REDIS_PREFIX, value: {{ . | quote }} }
            {{- end }}
            - { name: ADMIN_API_KEY_FILE, value: /secrets/admin-key }
            {{- include "tally.env" .root | nindent 12 }}
          ports:
            - { name: http, containerPort: 3000 }
            - { name: metrics, containerPort: {{ .root.Values.metrics.port }} }
          {{- include "tally.probes" .root | nindent 10 }}
          resources: {{ toYaml .of.resources | nindent 12 }}
          volumeMounts:
            - { name: secrets, mountPath: /secrets, readOnly: true }
            {{- include "tally.redisMount" .root | nindent 12 }}
      volumes:
        {{- include "tally.secretVolume" .root | nindent 8 }}
        {{- include "tally.redisVolume" .root | nindent 8 }}
      {{- with .of.nodeSelector }}
      nodeSelector: {{ toYaml . | nindent 8 }}
      {{- end }}
      {{- with .of.tolerations }}
      tolerations: {{ toYaml . | nindent 8 }}
      {{- end }}
      {{- with .of.affinity }}
      affinity: {{ toYaml . | nindent 8 }}
      {{- end }}
{{- end -}}
