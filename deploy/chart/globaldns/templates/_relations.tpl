{{/* A duration as seconds; the schema says what is one. */}}
{{- define "globaldns.seconds" -}}
{{- $unit := regexFind "[a-z]+$" . -}}
{{- $size := get (dict "ms" 0.001 "s" 1.0 "m" 60.0 "h" 3600.0 "d" 86400.0) $unit -}}
{{- mulf (trimSuffix $unit . | float64) $size -}}
{{- end }}

{{/* Fail where keys of the configuration do not go together: what the schema cannot say of them. */}}
{{- define "globaldns.refuseRelations" -}}
{{- include "globaldns.refuseTtls" . -}}
{{- range $index, $zone := .zones -}}
{{- $zone = kindIs "map" $zone | ternary $zone (dict "name" $zone) -}}
{{- $of := printf ".%s" $zone.name -}}
{{- range get $zone "namespaces" | default list | default (list "") -}}
{{- include "globaldns.refuseName" (dict "index" $index "name" (printf "%s%s" . $of | trimPrefix ".")) -}}
{{- end -}}
{{- end -}}
{{- range $key := list "pools" "reserved" "pins" "allow_special" -}}
{{- range get $.vips $key | default list -}}
{{- include "globaldns.refuseHostBits" (dict "key" (printf "vips.%s" $key) "text" .) -}}
{{- end -}}
{{- end -}}
{{- range $id, $cluster := .clusters -}}
{{- $path := printf "config.clusters.%s" $id -}}
{{- $source := get $cluster "source" | default dict -}}
{{- if and (hasKey $source "directory") (hasKey $source "kubernetes") -}}
{{- fail (printf "%s.source.directory: leave it out: this cluster is read from its API server" $path) -}}
{{- end -}}
{{- $server := get $cluster "control_plane" | default $id -}}
{{- if not (hasKey $.clusters $server) -}}
{{- fail (printf "%s.control_plane: %q is no cluster: name one below config.clusters" $path $server) -}}
{{- end -}}
{{- include "globaldns.refuseLost" (dict "path" $path "lost" (get $cluster "lost" | default dict)) -}}
{{- end -}}
{{- end }}

{{/* Fail where a name of a zone would take others that the cluster's DNS answers itself. */}}
{{- define "globaldns.refuseName" -}}
{{- $name := .name | lower | trimSuffix "." -}}
{{- range $special := list "cluster.local" "in-addr.arpa" "ip6.arpa" -}}
{{- if or (hasSuffix (printf ".%s" $special) (printf ".%s" $name)) (hasSuffix (printf ".%s" $name) (printf ".%s" $special)) -}}
{{- fail (printf "config.zones[%d]: %q would take %s from the cluster's own DNS: choose another zone" $.index $name $special) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* Fail where a VIP would rest for less than ten times the largest TTL. */}}
{{- define "globaldns.refuseTtls" -}}
{{- $rest := get .vips "quarantine" | default "7d" -}}
{{- range $key, $default := dict "ttl" "30s" "negative_ttl" "10s" -}}
{{- $ttl := get $.dns $key | default $default -}}
{{- $least := include "globaldns.seconds" $ttl | float64 | mulf 10 -}}
{{- if lt (include "globaldns.seconds" $rest | float64) $least -}}
{{- fail (printf "config.vips.quarantine: %s is shorter than ten times dns.%s, which is %s: at least %vs" $rest $key $ttl $least) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* Fail where an IPv4 range has bits beyond its length; of IPv6 the program says it. */}}
{{- define "globaldns.refuseHostBits" -}}
{{- if and (contains "/" .text) (not (contains ":" .text)) -}}
{{- $bits := 0 -}}
{{- range splitList "." (splitList "/" .text | first) -}}
{{- $bits = int64 . | add (mul $bits 256) -}}
{{- end -}}
{{- $size := 1 -}}
{{- range splitList "/" .text | last | sub 32 | int | until -}}
{{- $size = mul $size 2 -}}
{{- end -}}
{{- if mod $bits $size -}}
{{- fail (printf "config.%s: %s has bits beyond its length" .key .text) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* Fail where something becomes of a cluster before it is lost, or in the wrong order. */}}
{{- define "globaldns.refuseLost" -}}
{{- $path := printf "%s.lost" .path -}}
{{- $after := get .lost "after" | default "60s" -}}
{{- range $section := list "names" "endpoints" -}}
{{- $ages := get $.lost $section -}}
{{- if kindIs "map" $ages -}}
{{- range $key, $age := $ages -}}
{{- if lt (include "globaldns.seconds" $age | float64) (include "globaldns.seconds" $after | float64) -}}
{{- fail (printf "%s.%s.%s: %s is before the cluster is lost: at least %s, which is lost.after" $path $section $key $age $after) -}}
{{- end -}}
{{- end -}}
{{- if and (hasKey $ages "demote") (hasKey $ages "expire") -}}
{{- if le (include "globaldns.seconds" $ages.expire | float64) (include "globaldns.seconds" $ages.demote | float64) -}}
{{- fail (printf "%s.%s.expire: %s is not after demote: more than %s, or no demote" $path $section $ages.expire $ages.demote) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end }}
