#!/bin/sh
# SPDX-License-Identifier: ISC
# Builds the tree into build/NAME, which it prints last; again only what changed.
#
# usage: build.sh NAME [configure's arguments]
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
name=$1
shift
"$top/etc/install.sh" build-essential autoconf automake libtool pkg-config \
    libevent-dev libjson-c-dev libbsd-dev libmd-dev libedit-dev libyaml-dev \
    libcurl4-openssl-dev libcmocka-dev python3 >&2
build=$top/build/$name
mkdir -p "$build"
log=$build/build.log
if ! {
	[ -x "$top/configure" ] || (cd "$top" && ./autogen.sh)
	cd "$build"
	[ -f config.status ] || "$top/configure" -q "$@"
	make -s -j"$(nproc)"
} >"$log" 2>&1; then
	tail -n 40 "$log" >&2
	echo "the build failed; all of it is in $log" >&2
	exit 1
fi
echo "$build"
