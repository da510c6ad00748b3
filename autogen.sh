#!/bin/sh
# SPDX-License-Identifier: ISC
# Makes ./configure from configure.ac; for a checkout, not for a release.
set -eu
cd "$(dirname "$0")"
for tool in autoreconf:autoconf automake:automake libtoolize:libtool \
    pkg-config:pkg-config; do
	command -v "${tool%%:*}" >/dev/null || {
		echo "${tool%%:*} is missing: install the Debian package" \
		    "${tool##*:}" >&2
		exit 1
	}
done
mkdir -p build-aux m4
exec autoreconf --force --install
