#!/bin/sh
# SPDX-License-Identifier: ISC
# Installs what is needed, builds, and runs every test there is.
#
# usage: run.sh [pytest's arguments]     e.g. run.sh -k collision
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
    curl iproute2 nftables procps mandoc python3-pytest python3-yaml debootstrap

echo "== gcc, sanitizers: unit tests, goldens, the house's own rules"
build=$("$top/etc/build.sh" sanitize --enable-werror --enable-sanitize \
    CFLAGS='-O1 -g')
make -s -C "$build" check VERBOSE=1

echo "== clang: no warning"
"$top/etc/build.sh" clang --enable-werror CC=clang >/dev/null

echo "== gcc, as released: the stories in network namespaces; the image"
build=$("$top/etc/build.sh" release --enable-werror)
cd "$top/tests"
FAIRWAY_SRC=$top FAIRWAY_BUILD=$build PYTHONDONTWRITEBYTECODE=1 \
    /usr/bin/python3 -m pytest -q -p no:cacheprovider net image "$@"
