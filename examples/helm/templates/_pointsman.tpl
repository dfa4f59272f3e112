{{/*
Envoy with Pointsman's filter, as a module: copy this file into a chart's templates, and the part `pointsman` of
values.yaml; `pointsman render kubernetes --out pointsman` in the chart's folder writes what it reads. Then include

  pointsman.configmaps   as objects of their own
  pointsman.annotations  in a pod's annotations: another configuration makes the pods anew, another table does not
  pointsman.container    in its containers, or its initContainers with `restartPolicy: Always`
  pointsman.volumes      in its volumes

each with the chart's context; the last two take a dict with it: (dict "root" $ "stage" NAME "table" MAP).
*/}}

{{- define "pointsman.file" -}}
{{- $path := printf "pointsman/%s.json" .name -}}
{{- .root.Files.Get $path | required (printf "%s is missing: pointsman render kubernetes --out pointsman writes it" $path) -}}
{{- end -}}

{{- define "pointsman.name" -}}
{{- (include "pointsman.file" . | fromJson).metadata.name -}}
{{- end -}}

{{/* As they were rendered, byte for byte. */}}
{{- define "pointsman.configmaps" -}}
---
{{ include "pointsman.file" (dict "root" . "name" "filter") }}
---
{{ include "pointsman.file" (dict "root" . "name" "envoy") }}
{{- if .Values.pointsman.installsTable }}
---
{{ include "pointsman.file" (dict "root" . "name" "table") }}
{{- end }}
{{- end -}}

{{- define "pointsman.annotations" -}}
{{- $map := include "pointsman.file" (dict "root" . "name" "envoy") | fromJson -}}
pointsman-configuration: {{ index $map.metadata.annotations "pointsman-configuration" | quote }}
{{- end -}}

{{/*
Ports of Envoy's listeners, as a list: the configuration is the one place that says them. A port's name in Kubernetes has at
most 15 letters, which not every listener's has. Those at 127.0.0.1 are for the pod alone.
*/}}
{{- define "pointsman.ports" -}}
{{- $map := include "pointsman.file" (dict "root" . "name" "envoy") | fromJson -}}
{{- $ports := list -}}
{{- range (index $map.data "envoy.json" | fromJson).static_resources.listeners -}}
{{- $at := .address.socket_address -}}
{{- if ne $at.address "127.0.0.1" -}}
{{- $ports = append $ports (dict "name" (printf "http-%v" $at.port_value) "port" $at.port_value) -}}
{{- end -}}
{{- end -}}
{{- $ports | toJson -}}
{{- end -}}

{{- define "pointsman.container" -}}
{{- $values := .root.Values.pointsman -}}
{{- $ports := include "pointsman.ports" .root | fromJsonArray -}}
name: pointsman
image: {{ $values.image | quote }}
command: [envoy]
args:
  - --config-path
  - /etc/pointsman/envoy/envoy.json
  - --disable-hot-restart
  - --service-node
  - $(POD_NAME)
  - --service-cluster
  - {{ .stage | quote }}
env:
  - name: POD_NAME
    valueFrom: { fieldRef: { fieldPath: metadata.name } }
{{- if $ports }}
ports:
  {{- range $ports }}
  - { name: {{ .name }}, containerPort: {{ .port }} }
  {{- end }}
readinessProbe:
  {{- if $values.healthPath }}
  httpGet: { path: {{ $values.healthPath | quote }}, port: {{ (first $ports).port }} }
  {{- else }}
  tcpSocket: { port: {{ (first $ports).port }} }
  {{- end }}
{{- end }}
{{- with $values.drainSeconds }}
lifecycle: { preStop: { sleep: { seconds: {{ . }} } } }
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 101
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: { drop: [ALL] }
{{- with $values.resources }}
resources: {{ toJson . }}
{{- end }}
volumeMounts: # without subPath: with it the kubelet would never bring another table
  - { name: pointsman-table, mountPath: /etc/pointsman/table, readOnly: true }
  - { name: pointsman-envoy, mountPath: /etc/pointsman/envoy, readOnly: true }
  - { name: pointsman-filter, mountPath: /etc/pointsman/filter, readOnly: true }
{{- end -}}

{{- define "pointsman.volumes" -}}
- name: pointsman-table
  configMap: { name: {{ .table | default (include "pointsman.name" (dict "root" .root "name" "table")) }} }
- name: pointsman-envoy
  configMap: { name: {{ include "pointsman.name" (dict "root" .root "name" "envoy") }} }
- name: pointsman-filter
  configMap: { name: {{ include "pointsman.name" (dict "root" .root "name" "filter") }} }
{{- end -}}
