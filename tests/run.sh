#!/bin/sh
# SPDX-License-Identifier: ISC
# Installs what is needed, builds, and runs every test there is.
#
# usage: run.sh [pytest's arguments]     e.g. run.sh -k collision
#
# The stories of a real Kubernetes control plane are skipped where that cannot be
# had, and this is said; with CI=true or FAIRWAY_NO_SKIP set it is a failure.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
if [ "$(id -u)" != 0 ]; then
	command -v sudo >/dev/null || {
		echo "run.sh: run it as root, the stories make namespaces" >&2
		exit 1
	}
	exec sudo "$0" "$@"
fi

"$top/etc/install.sh" clang clang-format bird2 frr gobgpd openbgpd nginx-light \
    arping ndisc6 libndp-tools curl debootstrap iproute2 nftables procps mandoc \
    openssl util-linux faketime python3-pytest python3-yaml

echo "== gcc, sanitizers: unit tests, goldens, the house's own rules"
build=$("$top/etc/build.sh" sanitize --enable-werror --enable-sanitize \
    CFLAGS='-O1 -g')
make -s -C "$build" check VERBOSE=1

echo "== clang: no warning"
"$top/etc/build.sh" clang --enable-werror CC=clang >/dev/null

echo "== gcc, as released"
build=$("$top/etc/build.sh" release --enable-werror)

# stories DIRECTORY [pytest's arguments]: 5, no story of that name, is no fault
none=0
stories() {
	cd "$top/tests/$1"
	shift
	told=0
	FAIRWAY_SRC=$top FAIRWAY_BUILD=$build PYTHONDONTWRITEBYTECODE=1 \
	    /usr/bin/python3 -m pytest -q -p no:cacheprovider "$@" || told=$?
	[ "$told" != 5 ] || none=$((none + 1))
	[ "$told" = 0 ] || [ "$told" = 5 ] || exit "$told"
}
echo "== a control plane of Kubernetes, built once"
rc=0
"$top/tests/kube/build.sh" >/dev/null || rc=$?
if [ "$rc" != 0 ] && { [ "$rc" != 77 ] || [ "${CI:-}" = true ] ||
    [ -n "${FAIRWAY_NO_SKIP:-}" ]; }; then
	echo "run.sh: the stories of Kubernetes cannot run, see above" >&2
	exit 1
fi

echo "== stories in network namespaces; the image"
make -s -C "$build/tests/bench" check
stories net "$@"
if [ "$#" = 0 ]; then
	echo "== layer 2: every small history of a segment, none left out"
	make -s -C "$build/tests/unit" test_l2_model >/dev/null
	L2_MODEL=1 "$build/tests/unit/test_l2_model"
	echo "== layer 2: three trials of each way that an address moves"
	"$top/tests/bench/l2" --bgpd "$build" --trials 3
fi
stories image "$@"
if [ "$rc" = 77 ]; then
	none=$((none + 1))
	echo "SKIPPED: every story of Kubernetes, for the reason above"
else
	echo "== stories of Kubernetes"
	stories kube "$@"
fi
[ "$none" -lt 3 ] || {
	echo "run.sh: no story has that name" >&2
	exit 5
}
