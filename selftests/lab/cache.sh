# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The lab's cache: one folder per user that holds what Debian gave us, so that
# a fresh clone boots without fetching anything again.
#
#   apt/SUITE/       private package lists (apt.sh)
#   kernel/RELEASE/  vmlinuz, modules, initramfs of one kernel (kernel), and of a
#                    debug kernel what a module build needs (debug-kernel)
#   headers/RELEASE/ what an out-of-tree module build needs (kernel)
#   root/RELEASE/    a foreign root with that kernel's own compiler (root)
#   counter-BOOT/    the rate of this machine's counter (counter)
#   source/VERSION/  the few files of the kernel's source we use (linux-source)
#
# An entry is built in a scratch folder beside its final name, under a lock,
# and appears by rename: it is either whole or absent, whoever runs at once.

LAB=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
REPO=$(cd "$LAB/../.." && pwd)
CACHE=${VTPM_LAB_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/vtpm}
export LAB REPO CACHE

EXIT_USAGE=2 EXIT_SKIP=77 EXIT_LAB=122
export EXIT_USAGE EXIT_SKIP EXIT_LAB

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

# die STATUS MESSAGE...: name the thing, the reason, the next step.
die() {
	local status=$1
	shift
	say "$@"
	exit "$status"
}

need() {
	local tool
	for tool; do
		command -v "$tool" >/dev/null ||
			die $EXIT_LAB "$tool is missing; run selftests/lab/deps"
	done
}

# cache_entry DIR BUILDER ARG...: make DIR, once, by `BUILDER SCRATCH ARG...`.
cache_entry() {
	local dir=$1 builder=$2
	shift 2
	[ -d "$dir" ] && return 0
	mkdir -p "${dir%/*}"
	(
		exec 9>"${dir%/*}/.lock-${dir##*/}"
		flock 9
		[ -d "$dir" ] && exit 0
		# What somebody who was killed has left.
		find "${dir%/*}" -maxdepth 1 -name '.new-*' -mmin +720 -exec rm -rf {} +
		scratch=$(mktemp -d "${dir%/*}/.new-XXXXXX")
		trap 'rm -rf "$scratch"' EXIT
		"$builder" "$scratch" "$@" 9>&-
		chmod 755 "$scratch"
		mv "$scratch" "$dir"
	)
}
