# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154
#
# Virtual machines of this machine with vTPMs of host.sh, to be sourced after it. The vTPM of
# most is vm1. $qemu is the machine started last; QEMU's own socket is $place/NAME.qmp, what its
# BIOS says is in $place/NAME.bios.

control() { swtpm_ioctl --unix "$(field vm1 control_socket)" "$@"; }
engine_of() { field "$1" engine_pid; }
deaths() { field vm1 engine_deaths; }

# qemu NAME [OPTION...]: a machine with vTPM NAME, or with the TPM behind $tpm_path
qemu() {
	local name=$1
	shift
	rm -f "$place/$name.bios"
	qemu-system-x86_64 -name "$work/$name" -machine q35 -accel tcg -m 32 -display none \
		-nodefaults -qmp "unix:$place/$name.qmp,server=on,wait=off" \
		-chardev "socket,id=c,path=${tpm_path:-$(field "$name" control_socket)}" \
		-tpmdev emulator,id=t,chardev=c -device tpm-crb,tpmdev=t \
		-debugcon "file:$place/$name.bios" -global isa-debugcon.iobase=0x402 "$@" \
		&
	qemu=$!
}

# qmp NAME COMMAND...: its answers, JSON, a line each
qmp() {
	python3 - "$place/$1.qmp" "${@:2}" <<'END'
import json, socket, sys
where = socket.socket(socket.AF_UNIX)
where.settimeout(30)
where.connect(sys.argv[1])
file = where.makefile("rw")
file.readline()
for command in ["qmp_capabilities"] + sys.argv[2:]:
    text = command if command.startswith("{") else json.dumps({"execute": command})
    file.write(text + "\n")
    file.flush()
    while True:
        answer = json.loads(file.readline())
        if "return" in answer or "error" in answer:
            break
    if command != "qmp_capabilities":
        print(json.dumps(answer))
    if "error" in answer:
        sys.exit(1)
END
}

# SeaBIOS has measured all it will, and found nothing to boot.
booted() { until_true 30 grep -q "No bootable device" "$place/$1.bios"; }
alive() { kill -0 "$qemu" && has "$(qmp vm1 query-status)" '"running": true'; }
unplug() {
	kill -9 "$qemu"
	wait "$qemu" 2>/dev/null
	true
}
pcrs() { tools "$1" pcrread sha256:0,1,2,3,4,5,6,7 2>/dev/null; }
slay() {
	local before
	before=$(deaths)
	kill -9 "$(engine_of vm1)" && until_true 10 one_more_than "$before"
}
one_more_than() { [ "$(deaths)" -gt "$1" ] && [ "$(field vm1 state)" = running ]; }

# All that a host needs is the daemon: keys in a file do for these checks.
machine() {
	up && ctl host init --no-hardware --recovery-code-file "$place/code" &&
		ctl create vm1 --front-end vm
}

# The key that two hosts share; here it is one host, and the vTPMs are two.
migration_key() {
	openssl rand -hex 32 >"$place/key"
	ctl host migration-key --key-fd 5 5<"$place/key"
}

is_at() { has "$(qmp "$1" query-status)" "$2"; }
