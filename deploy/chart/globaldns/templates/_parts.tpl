{{/* Labels of every object. */}}
{{- define "globaldns.labels" -}}
{{ include "globaldns.ownLabels" . }}
{{- with .Values.extraLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Those of them that are not the user's. */}}
{{- define "globaldns.ownLabels" -}}
{{ include "globaldns.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: globaldns
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{/* Fail where the user's labels would take the place of ours, or of each other. */}}
{{- define "globaldns.refuseLabels" -}}
{{- $ours := include "globaldns.ownLabels" . | fromYaml | keys -}}
{{- $ours = concat $ours (list "app.kubernetes.io/component" "sidecar.istio.io/inject" "istio.io/dataplane-mode") -}}
{{- range $key, $_ := .Values.extraLabels -}}
{{- if has $key $ours -}}
{{- fail (printf "extraLabels: leave out %s, which the chart sets" $key) -}}
{{- end -}}
{{- end -}}
{{- range $key, $_ := .Values.podLabels -}}
{{- if has $key $ours -}}
{{- fail (printf "podLabels: leave out %s, which the chart sets" $key) -}}
{{- else if hasKey $.Values.extraLabels $key -}}
{{- fail (printf "podLabels: leave out %s, which extraLabels has" $key) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* Labels that select the pods; they can never change, and are the same in every release, because the Service may outlive one. */}}
{{- define "globaldns.selector" -}}
app.kubernetes.io/name: globaldns
{{- end }}

{{/* The namespace of remote Secrets. */}}
{{- define "globaldns.remoteSecretsNamespace" -}}
{{ .Values.remoteSecrets.namespace | default .Release.Namespace }}
{{- end }}

{{/* The image, by digest where there is one. */}}
{{- define "globaldns.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end }}

{{/* Where DNS listens inside the pod, by port: every address, as what a pod has of them is known to the kubelet only. */}}
{{- define "globaldns.wildcards" -}}
- 0.0.0.0:{{ . }}
- '[::]:{{ . }}'
{{- end }}

{{/* Keys that the chart alone sets, because other objects say the same, and what to do instead. */}}
{{- define "globaldns.fixed" -}}
cluster: give the value cluster
namespace: it is the namespace of the release
state: it is the volume that the value state limits
remote_secrets: the value remoteSecrets makes the Role for it too
vips.ledger: VIPs are kept in VIPLedger objects
dns.listen: the Service has port 53, and its targetPort is 1053 of the pods
dns.tls: the value dot mounts the certificate and opens port 853
admin.listen: the probes ask port 8053; the value networkPolicy.adminFrom says who else may
{{- end }}

{{/* Fail where the value config has one of these keys. */}}
{{- define "globaldns.refuseFixed" -}}
{{- range $path, $instead := include "globaldns.fixed" . | fromYaml -}}
{{- $keys := splitList "." $path -}}
{{- $section := $.Values.config -}}
{{- range initial $keys -}}
{{- $section = get $section . | default dict -}}
{{- end -}}
{{- if hasKey $section (last $keys) -}}
{{- fail (printf "config.%s: leave it out: %s" $path $instead) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* The configuration file: the chart's part, with the value config laid over it. */}}
{{- define "globaldns.config" -}}
{{- include "globaldns.refuseFixed" . -}}
{{- $source := dict "source" (dict "kubernetes" dict) -}}
{{- $dns := dict "listen" (include "globaldns.wildcards" 1053 | fromYamlArray) -}}
{{- with .Values.service.clusterIPs -}}
{{- $_ := set $dns "advertise" . -}}
{{- end -}}
{{- if .Values.dot.enabled -}}
{{- $listen := include "globaldns.wildcards" 1853 | fromYamlArray -}}
{{- $_ := set $dns "tls" (dict "listen" $listen "certificate" "/etc/globaldns-tls/tls.crt" "key" "/etc/globaldns-tls/tls.key") -}}
{{- end -}}
{{- $admin := ternary "[::]:8053" "0.0.0.0:8053" (eq "IPv6" (first .Values.service.ipFamilies | default "IPv4")) -}}
{{- $config := dict
  "cluster" .Values.cluster
  "namespace" .Release.Namespace
  "clusters" (dict .Values.cluster $source)
  "vips" (dict "ledger" (dict "kubernetes" dict))
  "dns" $dns
  "admin" (dict "listen" $admin)
  "log" (dict "format" "json") -}}
{{- if .Values.remoteSecrets.enabled -}}
{{- $_ := set $config "remote_secrets" (dict "namespace" (include "globaldns.remoteSecretsNamespace" .)) -}}
{{- end -}}
{{- $config = mustMergeOverwrite $config (deepCopy .Values.config) -}}
{{- include "globaldns.refuseRelations" $config -}}
{{- toYaml $config -}}
{{- end }}

{{/* Seconds that a pod has to stop: lame_duck, in which it still answers, and five to close. */}}
{{- define "globaldns.terminationGracePeriodSeconds" -}}
{{- $text := .Values.config.lame_duck | default "10s" -}}
{{- include "globaldns.seconds" $text | float64 | ceil | int | add 5 -}}
{{- end }}

{{/* What is left behind by an uninstall says so. */}}
{{- define "globaldns.keep" -}}
{{- if not .Values.purge }}
helm.sh/resource-policy: keep
{{- end }}
{{- end }}

{{/* The Service's addresses: those of the values, else those that it has. */}}
{{- define "globaldns.clusterIPs" -}}
{{- $addresses := .Values.service.clusterIPs -}}
{{- if not $addresses -}}
{{- $service := lookup "v1" "Service" .Release.Namespace "globaldns" | default dict -}}
{{- $addresses = dig "spec" "clusterIPs" list $service -}}
{{- if eq .Values.service.ipFamilyPolicy "SingleStack" -}}
{{- $addresses = slice $addresses 0 (min 1 (len $addresses)) -}}
{{- end -}}
{{- end -}}
{{- if $addresses -}}
clusterIP: {{ first $addresses | quote }}
clusterIPs: {{ toJson $addresses }}
{{- end -}}
{{- end }}
