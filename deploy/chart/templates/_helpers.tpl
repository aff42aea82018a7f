{{- define "minutebook.name" -}}
{{- printf "%s-minutebook" .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- end }}

{{- define "minutebook.image" -}}
{{- printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) -}}
{{- end }}

{{- define "minutebook.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (include "minutebook.name" .) -}}
{{- end }}

{{/* What selects the pods of one component: (list $ "serve"). */}}
{{- define "minutebook.selector" -}}
app.kubernetes.io/name: minutebook
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{- define "minutebook.labels" -}}
{{ include "minutebook.selector" . }}
app.kubernetes.io/version: {{ (index . 0).Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ (index . 0).Release.Service }}
helm.sh/chart: {{ printf "%s-%s" (index . 0).Chart.Name (index . 0).Chart.Version }}
{{- end }}

{{/* What the pods of ours have alike: (list $ settings). Who reads the API of Kubernetes says so itself. */}}
{{- define "minutebook.pod" -}}
{{- $ := index . 0 }}{{- $own := index . 1 -}}
serviceAccountName: {{ include "minutebook.serviceAccountName" $ }}
{{- with $.Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
securityContext: {{- toYaml $.Values.podSecurityContext | nindent 2 }}
{{- with $own.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $own.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $own.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
volumes:
  - name: state
    emptyDir: {}
  - name: tmp
    emptyDir: {}
  - name: instance
    configMap:
      name: {{ include "minutebook.name" $ }}-instance
{{- end }}

{{/* What their containers have alike: (list $ settings). */}}
{{- define "minutebook.container" -}}
{{- $ := index . 0 }}{{- $own := index . 1 -}}
image: {{ include "minutebook.image" $ }}
imagePullPolicy: {{ $.Values.image.pullPolicy }}
securityContext: {{- toYaml $.Values.securityContext | nindent 2 }}
resources: {{- toYaml $own.resources | nindent 2 }}
envFrom:
  {{- range ($own.envSecrets | default $.Values.envSecrets) }}
  - secretRef:
      name: {{ .name }}
  {{- end }}
volumeMounts:
  - name: state
    mountPath: /var/lib/minutebook
  - name: tmp
    mountPath: /tmp
  - name: instance
    mountPath: /etc/minutebook
{{- end }}

{{/* Plain variables of everybody, as entries of `env`. Dagster's home is read-only here: what it writes goes elsewhere. */}}
{{- define "minutebook.env" -}}
- name: DAGSTER_HOME
  value: /etc/minutebook
{{- range $name, $value := .Values.env }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}

{{/* What the launcher is told: the pod of a run, with secrets by name alone. */}}
{{- define "minutebook.launcher" -}}
{{- $run := .Values.runLauncher.config.k8sRunLauncher -}}
module: dagster_k8s
class: K8sRunLauncher
config:
  job_namespace: {{ $run.jobNamespace | default .Release.Namespace }}
  job_image: {{ include "minutebook.image" . }}
  image_pull_policy: {{ .Values.image.pullPolicy }}
  {{- with .Values.imagePullSecrets }}
  image_pull_secrets: {{- toYaml . | nindent 4 }}
  {{- end }}
  service_account_name: {{ include "minutebook.serviceAccountName" . }}
  dagster_home: /var/lib/minutebook/dagster
  instance_config_map: {{ include "minutebook.name" . }}-instance
  env_secrets:
    {{- range ($run.envSecrets | default .Values.envSecrets) }}
    - {{ .name }}
    {{- end }}
  env_vars:
    {{- range $name, $value := .Values.env }}
    - {{ printf "%s=%s" $name $value | quote }}
    {{- end }}
    - DAGSTER_EVENT_BATCH_SIZE=500
  volumes:
    - name: state
      emptyDir: {}
    - name: tmp
      emptyDir: {}
  volume_mounts:
    - name: state
      mountPath: /var/lib/minutebook
    - name: tmp
      mountPath: /tmp
  resources: {{- toYaml $run.resources | nindent 4 }}
  security_context: {{- toYaml .Values.securityContext | nindent 4 }}
  labels:
    app.kubernetes.io/name: minutebook
    app.kubernetes.io/instance: {{ .Release.Name }}
    app.kubernetes.io/component: run
    {{- with $run.labels }}{{- toYaml . | nindent 4 }}{{- end }}
  run_k8s_config: {{- toYaml (mergeOverwrite (dict "pod_spec_config" (dict "security_context" .Values.podSecurityContext)) $run.runK8sConfig) | nindent 4 }}
  # Whoever may launch a run may choose where and how large; never an image, a variable or a volume.
  only_allow_user_defined_k8s_config_fields:
    container_config: {resources: true}
    pod_spec_config: {node_selector: true, tolerations: true, affinity: true, priority_class_name: true}
  only_allow_user_defined_env_vars: []
{{- end }}
