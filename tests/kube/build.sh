#!/bin/sh
# SPDX-License-Identifier: ISC
# Prints the directory of a real Kubernetes control plane, and builds it once.
#
# usage: build.sh
#
# That is etcd, kube-apiserver, kube-controller-manager and kubectl, of the
# directory KUBEBUILDER_ASSETS where that is set. Without it they are built from
# controlplane/, into a cache outside the tree: some five minutes, 2 GB of
# memory, and a Go of 1.26 or newer in PATH. Exit 77: they cannot be had here,
# and the reason is on standard error.
set -eu

here=$(cd "$(dirname "$0")/controlplane" && pwd)
parts="etcd kube-apiserver kube-controller-manager kubectl"

skip() {
	echo "no control plane: $1" >&2
	exit 77
}

# What `go env` and `go build` do must not depend on the caller's directory.
cd "$here"

if [ -n "${KUBEBUILDER_ASSETS:-}" ]; then
	for part in $parts; do
		[ -x "$KUBEBUILDER_ASSETS/$part" ] ||
		    skip "KUBEBUILDER_ASSETS ($KUBEBUILDER_ASSETS) has no $part"
	done
	echo "$KUBEBUILDER_ASSETS"
	exit 0
fi

hash=$(cat go.mod go.sum main.go | sha256sum | cut -c 1-16)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/fairway-tests
dir=$cache/$hash
# A directory gets this name complete or not at all.
if [ -d "$dir" ]; then
	echo "$dir"
	exit 0
fi

command -v go >/dev/null ||
    skip "there is no go in PATH, 1.26 or newer is needed"
version=$(GOTOOLCHAIN=local go env GOVERSION || true)
minor=$(expr "$version" : 'go1\.\([0-9]*\)' || true)
[ "${minor:-0}" -ge 26 ] ||
    skip "$(command -v go) is $version, 1.26 or newer is needed"

mkdir -p "$cache"
# Two runs side by side: the second waits for what the first builds.
exec 9>"$cache/lock"
flock 9
if [ -d "$dir" ]; then
	echo "$dir"
	exit 0
fi

new=$cache/new.$$
trap 'rm -rf "$new"' EXIT
trap 'exit 1' HUP INT TERM
mkdir "$new"
kubernetes=$(sed -n 's/^\tk8s.io\/kubernetes \(v[0-9.]*\).*/\1/p' go.mod)
package=k8s.io/component-base/version
set -- -s -w -X "$package.gitVersion=$kubernetes" -X "$package.gitMajor=1" \
    -X "$package.gitMinor=$(echo "$kubernetes" | cut -d . -f 2)"
echo "building Kubernetes $kubernetes, once: some five minutes" >&2
if ! GOTOOLCHAIN=local CGO_ENABLED=0 go build -trimpath -buildvcs=false \
    -ldflags "$*" -o "$new/controlplane" . 9>&- >"$new/log" 2>&1; then
	tail -n 30 "$new/log" >&2
	echo "no control plane: the build failed" >&2
	exit 1
fi
for part in $parts; do
	ln -s controlplane "$new/$part"
done
mv -T "$new" "$dir"
echo "$dir"
