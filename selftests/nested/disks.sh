# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154
#
# Initramfs and disk of a small machine that IMA measures, to be sourced in the project's
# folder. The caller sets the folder B, which gets initrd and disk; MODULES of the kernel, in
# the initramfs; INIT, the disk's first program; PROGRAMS, which come with the libraries they
# link, LIBRARIES, which are loaded by name; and FILES, how many files there are to read.

# make_initramfs RELEASE KERNEL_DIR
make_initramfs() {
	local release=$1 kernel=$2 tree="$B"/initramfs n=100 path
	mkdir -p "$tree"/{bin,dev,modules,root} || return
	cp /bin/busybox "$tree/bin/"
	install -m 755 selftests/nested/init-initramfs "$tree/init"
	for path in $(for name in "${MODULES[@]}"; do
		modprobe -d "$kernel" -S "$release" --show-depends "$name"
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }'); do
		cp "$path" "$tree/modules/$n.ko" || return
		n=$((n + 1))
	done
	(cd "$tree" && find . | cpio --quiet -o -H newc -R 0:0) >"$B"/initrd
}

# make_disk: programs with their libraries, and some files to read.
make_disk() {
	local tree="$B"/tree name path
	mkdir -p "$tree"/{bin,dev,proc,sys,sbin,usr/bin,run,tmp,etc/measured} || return
	cp /bin/busybox "$tree/bin/"
	install -m 755 "$INIT" "$tree/sbin/init"
	for name in "${PROGRAMS[@]}"; do
		path=$(type -P "$name") && cp "$path" "$tree/usr/bin/" || return
		ldd "$path"
	done >"$B"/libraries || return
	for path in "${LIBRARIES[@]}"; do
		echo "$path"
		ldd "$path"
	done >>"$B"/libraries || return
	grep -oE '/[^ ]+' "$B"/libraries | sort -u | while read -r path; do
		mkdir -p "$tree/${path%/*}" && cp -L "$path" "$tree/$path" || return
	done
	for ((n = 1; n <= FILES; n++)); do
		echo "file $n" >"$tree/etc/measured/$n"
	done
	truncate -s 128M "$B"/disk
	mkfs.ext4 -q -F -O ^has_journal -d "$tree" "$B"/disk
}
