// SPDX-License-Identifier: ISC
// Objects of a cluster as its users make them: Services, slices, events.
package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

const (
	services = "/api/v1/namespaces/default/services"
	slices   = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
	events   = "/apis/events.k8s.io/v1/namespaces/default/events"
)

type object map[string]any
type list []any

func encode(o object) []byte {
	text, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	return text
}

func name(i int) string { return fmt.Sprintf("web-%05d", i) }

func meta(name string, labels object) object {
	return object{"name": name, "namespace": "default", "labels": labels}
}

// Every tenth has externalTrafficPolicy Local. Node ports are left out, as
// there are not enough of them for 10,000.
func service(name string, i int) []byte {
	policy := "Cluster"
	if i%10 == 9 {
		policy = "Local"
	}
	port := func(name string, port int) object {
		return object{"name": name, "port": port, "protocol": "TCP",
			"targetPort": name}
	}
	return encode(object{"apiVersion": "v1", "kind": "Service",
		"metadata": meta(name, object{
			"app.kubernetes.io/name":       name,
			"app.kubernetes.io/managed-by": "Helm"}),
		"spec": object{
			"type": "LoadBalancer", "externalTrafficPolicy": policy,
			"allocateLoadBalancerNodePorts": false,
			"selector":                      object{"app.kubernetes.io/name": name},
			"ports":                         list{port("http", 80), port("https", 443)}}})
}

// Two endpoints, on two nodes; which of them are ready is said.
func endpoints(name string, i int, nodes string, ready ...bool) list {
	var made list
	for k, node := range strings.Split(nodes, ",") {
		made = append(made, object{
			"addresses": list{fmt.Sprintf("10.%d.%d.%d",
				64+k, i/250%250, i%250+1)},
			"nodeName": node,
			"conditions": object{"ready": ready[k], "serving": ready[k],
				"terminating": false},
			"targetRef": object{"kind": "Pod", "namespace": "default",
				"name": fmt.Sprintf("%s-7c5ddbdf54-%d", name, k)}})
	}
	return made
}

func slice(name string, i int, nodes string) []byte {
	port := func(name string, port int) object {
		return object{"name": name, "port": port, "protocol": "TCP"}
	}
	return encode(object{
		"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
		"metadata": meta(name+"-1", object{
			"kubernetes.io/service-name":             name,
			"endpointslice.kubernetes.io/managed-by": "bench"}),
		"addressType": "IPv4",
		"endpoints":   endpoints(name, i, nodes, true, true),
		"ports":       list{port("http", 8080), port("https", 8443)}})
}

// What an announcer writes for each Service, at the least.
func status(ip string) []byte {
	return encode(object{"status": object{"loadBalancer": object{
		"ingress": list{object{"ip": ip}}}}})
}

func happened(name, uid, version, ip string) []byte {
	now := time.Now().UTC()
	return encode(object{
		"apiVersion": "events.k8s.io/v1", "kind": "Event",
		"metadata": object{"namespace": "default",
			"name": fmt.Sprintf("%s.%x", name, now.UnixNano())},
		"eventTime":           now.Format("2006-01-02T15:04:05.000000Z"),
		"action":              "Allocate",
		"reason":              "IPAllocated",
		"type":                "Normal",
		"note":                fmt.Sprintf("Assigned IP %q", ip),
		"reportingController": "bench", "reportingInstance": "n1",
		"regarding": object{"apiVersion": "v1", "kind": "Service",
			"namespace": "default", "name": name, "uid": uid,
			"resourceVersion": version}})
}
