#!/bin/sh
# SPDX-License-Identifier: ISC
# Installs Debian packages that are missing; quiet about those that are there.
#
# usage: install.sh PACKAGE...
set -eu

missing=
for package in "$@"; do
	state=$(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null ||
	    true)
	case $state in
	ii*) ;;
	*) missing="$missing $package" ;;
	esac
done
[ -z "$missing" ] && exit 0
[ "$(id -u)" = 0 ] || {
	echo "these packages are missing:$missing" >&2
	echo "run this again as root, or install them first" >&2
	exit 1
}
echo "installing:$missing"
# The packages' own services stay down: what is needed is started by hand.
export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# shellcheck disable=SC2086 # the list is meant to be split
if ! { apt-get update -q && apt-get install -y -q --no-install-recommends \
    $missing; } >"$log" 2>&1; then
	tail -n 30 "$log" >&2
	exit 1
fi
