#!/bin/sh
# SPDX-License-Identifier: ISC
# Shows the main job: a Service gets an address, a router learns it, curl gets there.
#
# Everything runs in three network namespaces of its own: a client, a router
# (BIRD, 10.0.0.1) and a node (bgpd, and nginx as the Service's endpoint):
#
#   client 172.31.0.2 --- 172.31.0.1 router 10.0.0.1 --- 10.0.0.2 node
#
# bgpd reads MetalLB's ConfigMap and a Service from etc/quickstart/manifests.
# What is missing on a Debian machine is installed first, then the tree is built.
# With a terminal on stdin it ends in bgpsh; either way nothing is left behind.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
if [ "$(id -u)" != 0 ]; then
	command -v sudo >/dev/null || {
		echo "quickstart: run it as root, it makes network namespaces" >&2
		exit 1
	}
	exec sudo "$0" "$@"
fi

say() {
	printf '\n== %s\n' "$*"
}

say "packages and build (the first time takes a few minutes)"
"$top/etc/install.sh" bird2 nginx-light curl iproute2 nftables procps
build=$("$top/etc/build.sh" quickstart)

client=fw$$-client
router=fw$$-router
node=fw$$-node
dir=$(mktemp -d)
pids=

clean_up() {
	trap - EXIT INT TERM
	for pid in $pids; do
		kill "$pid" 2>/dev/null || true
	done
	for pid in $pids; do
		wait "$pid" 2>/dev/null || true
	done
	for ns in "$client" "$router" "$node"; do
		ip netns del "$ns" 2>/dev/null || true
	done
	rm -rf "$dir"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# start NAMESPACE COMMAND...: in the background, its output in a log of its own
start() {
	ns=$1
	shift
	ip netns exec "$ns" "$@" >"$dir/$(basename "$1").log" 2>&1 &
	pids="$pids $!"
}

# until_true SECONDS WHAT COMMAND...
until_true() {
	left=$(($1 * 5))
	what=$2
	shift 2
	until "$@" >/dev/null 2>&1; do
		left=$((left - 1))
		[ "$left" -gt 0 ] || {
			echo "quickstart: $what did not happen" >&2
			tail -n 20 "$dir"/*.log >&2
			exit 1
		}
		sleep 0.2
	done
}

say "three hosts: client, router, node"
for ns in "$client" "$router" "$node"; do
	ip netns add "$ns"
	ip -n "$ns" link set lo up
done
ip -n "$router" link add node type veth peer name eth0 netns "$node"
ip -n "$router" link add client type veth peer name eth0 netns "$client"
ip -n "$router" addr add 10.0.0.1/24 dev node
ip -n "$router" addr add 172.31.0.1/24 dev client
ip -n "$node" addr add 10.0.0.2/24 dev eth0
ip -n "$client" addr add 172.31.0.2/24 dev eth0
ip -n "$router" link set node up
ip -n "$router" link set client up
ip -n "$node" link set eth0 up
ip -n "$client" link set eth0 up
ip -n "$client" route add default via 172.31.0.1
ip -n "$node" route add default via 10.0.0.1
ip netns exec "$router" sysctl -qw net.ipv4.ip_forward=1

# BIRD is the router of the ConfigMap: 10.0.0.1, AS 64512, with its password.
cp "$top/etc/quickstart/bird.conf" "$dir/bird.conf"
start "$router" bird -f -c "$dir/bird.conf" -s "$dir/bird.ctl"

# The endpoint: nginx on the node. kube-proxy's part is one rule here.
sed "s|@DIR@|$dir|g" "$top/etc/quickstart/nginx.conf" >"$dir/nginx.conf"
start "$node" nginx -c "$dir/nginx.conf" -p "$dir"
ip netns exec "$node" nft -f "$top/etc/quickstart/endpoint.nft"

say "bgpd on the node, with MetalLB's ConfigMap"
cp -R "$top/etc/quickstart/manifests" "$dir/manifests"
sed "s|@DIR@|$dir|g" "$top/etc/quickstart/bgpd.conf" >"$dir/bgpd.conf"
start "$node" "$build/bgpd/bgpd" -f "$dir/bgpd.conf" -s "$dir/bgpd.sock" \
    -L "$build/plugins"
until_true 20 "the route at the router" sh -c \
    "birdc -s '$dir/bird.ctl' show route | grep -q 198.51.100.1/32"

say "what bgpd says: show services, show bgp summary"
"$build/bgpsh/bgpsh" -s "$dir/bgpd.sock" -c 'show services' \
    -c 'show bgp summary'

say "what the router learned"
birdc -s "$dir/bird.ctl" show route for 198.51.100.1 all

say "curl from the client, through the router, to the Service"
until_true 10 "an answer of nginx" ip netns exec "$client" \
    curl -sf -m 2 http://198.51.100.1/
ip netns exec "$client" curl -sf http://198.51.100.1/

if [ -t 0 ]; then
	say "bgpsh (leave it with exit; ? helps)"
	"$build/bgpsh/bgpsh" -s "$dir/bgpd.sock" || true
fi
say "done: the namespaces are taken down"
