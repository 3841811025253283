# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154
#
# Checks of the control channel; a part of `daemon`: swtpm's own client, and QEMU with SeaBIOS,
# which starts the TPM up and measures into it. No guest is needed: what SeaBIOS measured is
# read once QEMU has let go of the TPM. `vm` has the checks with one.

# shellcheck source=selftests/e2e/machine.sh
. "$root/selftests/e2e/machine.sh"

swtpm_client() {
	machine || return
	has "$(control -c)" "0x17cff" || return
	has "$(tools vm1 getrandom 4 2>&1)" "0x101" || return
	control -i && control -l 3 && has "$(control -b 0)" "maximum size  : 4096" || return
	tools vm1 startup -c && tools vm1 pcrextend 10:sha256="$(printf %064d 7)" || return
	is "$(control -e)" "tpmEstablished is 0" && control -h measured || return
	is "$(control -e)" "tpmEstablished is 1" || return
	! has "$(tools vm1 pcrread sha256:17)" 0x0000 || return
	has "$(control --info 1)" '"family":"2.0"' || return
	tools vm1 pcrread sha256:10 >"$place/before"
	control -v && control --stop && control -i && tools vm1 pcrread sha256:10 >"$place/after"
	cmp "$place/before" "$place/after" || return
	control --stop && control -i && tools vm1 startup -c || return
	has "$(tools vm1 pcrread sha256:10)" "$(printf %064d 0)" || return
	control -s && control -s && is "$(field vm1 state)" running || return
	control -i && tools vm1 startup -c && stop
}
check control-swtpm-client swtpm_client

# With swtpm, QEMU 7.2 exits at the reset after its TPM has died.
reset_and_kill() {
	machine && qemu vm1 && booted vm1 || return
	has "$(qmp vm1 query-tpm)" '"model": "tpm-crb"' && slay && alive || return
	unplug
	pcrs vm1 >"$place/once" && ! has "$(cat "$place/once")" 0x000000 || return
	qemu vm1 && booted vm1 && slay || return
	rm "$place/vm1.bios"
	qmp vm1 system_reset && sleep 3 && alive && slay && alive || return
	unplug
	pcrs vm1 >"$place/again" && cmp "$place/once" "$place/again" || return
	is "$(deaths)" 3 && stop
}
check qemu-reset-and-killed-engines reset_and_kill

# The engine dies at any moment of handshakes and firmware: QEMU sees nothing of it.
killed_all_the_time() {
	machine || return
	qemu vm1 && booted vm1 && unplug && pcrs vm1 >"$place/once" && qemu vm1 || return
	for n in $(seq 12); do
		until_true 10 vtpm_is vm1 running || return
		kill -9 "$(engine_of vm1)" 2>/dev/null
		sleep 0.2
		[ "$n" != 6 ] || qmp vm1 system_reset || return
	done
	sleep 4
	alive || return
	unplug
	until_true 10 vtpm_is vm1 running && pcrs vm1 >"$place/again" || return
	cmp "$place/once" "$place/again" && stop
}
check qemu-killed-all-the-time killed_all_the_time

shut_down() {
	machine && qemu vm1 -device isa-debug-exit && booted vm1 && qmp vm1 quit || return
	wait "$qemu" || return
	has "$(tools vm1 getrandom 4 2>&1)" "0x101" || return
	qemu vm1 && booted vm1 && alive && unplug && pcrs vm1 && stop
}
check qemu-quits-and-comes-back shut_down

# The same as 100 machines that are switched on and reset at one time, without the machines.
storm() {
	machine || return
	for n in $(seq 2 100); do
		ctl create "vm$n" --front-end vm >/dev/null || return
	done
	python3 - "$place/run/vtpm" <<'END'
import socket, struct, sys, threading
failed = []


def ask(at, command, body=b"", answer=4, fds=()):
    socket.send_fds(at, [struct.pack(">I", command) + body], fds)
    got = at.recv(answer, socket.MSG_WAITALL)
    if len(got) != answer or (command != 1 and got[:4] != bytes(4)):
        raise RuntimeError("command %d was answered with %s" % (command, got.hex()))
    return got


def reset(at):
    for _ in range(2):
        for _ in range(2):
            ask(at, 14)
            ask(at, 17, struct.pack(">I", 0 if _ == 0 else 0xf80), 16)
        ask(at, 2, bytes(4))


def tpm(data, text):
    data.sendall(bytes.fromhex(text))
    got = data.recv(4096)
    if got[6:10] != bytes(4):
        raise RuntimeError("%s was answered with %s" % (text, got.hex()))


def machine(number):
    try:
        at = socket.socket(socket.AF_UNIX)
        at.settimeout(60)
        at.connect("%s/vm%d.sock.ctrl" % (sys.argv[1], number))
        data, theirs = socket.socketpair()
        data.settimeout(60)
        ask(at, 16, fds=[theirs.fileno()])
        theirs.close()
        data.sendall(bytes.fromhex("80010000000a00000181"))
        if data.recv(4096)[:2] != bytes.fromhex("8001"):
            raise RuntimeError("the probe was not answered")
        ask(at, 1, answer=8)
        begin.wait()
        for _ in range(10):
            reset(at)
            ask(at, 4, answer=8)
            ask(at, 5, bytes(4))
            tpm(data, "80010000000c000001440000")
            tpm(data, "80010000000c0000017b0010")
        ask(at, 3)
    except Exception as error:
        failed.append("vm%d: %s" % (number, error))


begin = threading.Barrier(100)
threads = [threading.Thread(target=machine, args=(n,)) for n in range(1, 101)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print("\n".join(failed) or "100 machines, 20 resets each")
sys.exit(bool(failed))
END
	[ $? = 0 ] && stop
}
check control-hundred-at-once storm

config() {
	machine && ctl create web1 --front-end socket || return
	has "$(ctl config vm1 --format libvirt)" \
		"<source type='unix' mode='connect' path='$(field vm1 control_socket)'/>" || return
	python3 -c 'import sys, xml.dom.minidom as x; x.parseString(sys.argv[1])' \
		"$(ctl config vm1 --format libvirt)" || return
	has "$(ctl config vm1)" "path=$(field vm1 control_socket)" || return
	has "$(ctl config web1 2>&1)" "front end socket" && ! ctl config web1 || return
	ctl stop vm1 && has "$(ctl config vm1 2>&1)" "is off" && stop
}
check config config

# Without a key QEMU knows at once; with one, the state follows the machine, sealed.
migrate() {
	machine && ctl create vm2 --front-end vm && qemu vm1 && booted vm1 || return
	has "$(qmp vm1 '{"execute": "migrate", "arguments": {"uri": "exec:cat"}}' 2>&1)" \
		"Migration disabled" || return
	unplug
	is "$(host_field migration_key)" False && migration_key || return
	is "$(host_field migration_key)" True || return
	ctl stop vm1 && ctl start vm1 && ctl stop vm2 && ctl start vm2 || return
	has "$(control -c)" "0x17fff" && has "$(control -g)" "0x3" || return
	qemu vm1 && booted vm1 || return
	local first=$qemu
	qemu vm2 -incoming "unix:$place/way" && until_true 10 test -S "$place/way" || return
	qmp vm1 '{"execute": "migrate", "arguments": {"uri": "unix:'"$place/way"'"}}' || return
	until_true 30 is_at vm2 '"running": true' || return
	is_at vm1 postmigrate || return
	kill -9 "$first"
	wait "$first" 2>/dev/null
	slay || return
	unplug
	pcrs vm1 >"$place/here" && pcrs vm2 >"$place/there" || return
	! has "$(cat "$place/there")" 0x000000 && cmp "$place/here" "$place/there" || return
	cmp <(tools vm1 readpublic -c 0x81010001 -f pem -o /dev/stdout 2>/dev/null) \
		<(tools vm2 readpublic -c 0x81010001 -f pem -o /dev/stdout 2>/dev/null) || return
	stop
}
check qemu-migrates migrate

snapshot() {
	local hmp='{"execute": "human-monitor-command", "arguments": {"command-line": "'
	local disk=(-drive "if=none,file=$place/disk.qcow2")
	machine && migration_key && ctl stop vm1 && ctl start vm1 || return
	qemu-img create -q -f qcow2 "$place/disk.qcow2" 64M || return
	qemu vm1 "${disk[@]}" && booted vm1 && qmp vm1 "${hmp}savevm one\"}}" quit || return
	wait "$qemu"
	control -i && tools vm1 startup -c || return
	tools vm1 pcrextend 4:sha256="$(printf %064d 7)" && control -s || return
	qemu vm1 "${disk[@]}" -loadvm one && until_true 10 is_at vm1 '"running": true' || return
	unplug
	! has "$(pcrs vm1)" 0x000000 && pcrs vm1 >"$place/loaded" || return
	qemu vm1 "${disk[@]}" && booted vm1 && unplug && pcrs vm1 >"$place/booted" || return
	cmp "$place/booted" "$place/loaded" && stop
}
check qemu-snapshot snapshot

# What comes must be what left, under the same key, both parts of one moment.
carried() {
	machine && ctl create vm2 --front-end vm && migration_key || return
	ctl stop vm1 && ctl start vm1 && control -i && tools vm1 startup -c || return
	control --save permanent "$place/perm" && control --save volatile "$place/vol" || return
	has "$(control --load permanent "$place/perm" 2>&1)" 0xa || return
	tools vm1 nvdefine 0x1500001 -C o -s 8 -a "ownerread|ownerwrite" || return
	control --save volatile "$place/later" && control --stop || return
	control --load permanent "$place/perm" && control --load volatile "$place/later" || return
	has "$(control -i 2>&1)" 0x9 || return
	control --load permanent "$place/perm" && control --load volatile "$place/vol" || return
	is "$(field vm1 epoch)" 1 && control -i && is "$(field vm1 epoch)" 2 || return
	slay && ! tools vm1 nvreadpublic 0x1500001 || return
	tools vm1 pcrread sha256:0 && control --stop || return
	printf x | dd of="$place/perm" bs=1 seek=300 conv=notrunc status=none
	has "$(control --load permanent "$place/perm" 2>&1)" 0x21 || return
	control -i && tools vm1 startup -c || return
	has "$(swtpm_ioctl --unix "$(field vm2 control_socket)" --load permanent "$place/vol" 2>&1)" \
		0xd && stop
}
check control-carried-states carried

# swtpm as it is, with no keys: it is asked to do nothing but what it does for QEMU.
foreign() {
	mkdir -p "$place/foreign"
	rm -f "$place/foreign.sock" "$place/foreign.sock.ctrl"
	swtpm socket --tpm2 --tpmstate "dir=$place/foreign" ${1:+--flags "$1"} \
		--server "type=unixio,path=$place/foreign.sock" \
		--ctrl "type=unixio,path=$place/foreign.sock.ctrl" >"$place/foreign.log" 2>&1 &
	foreign=$!
	until_true 10 test -S "$place/foreign.sock.ctrl"
}
at_foreign() { "tpm2_$1" -T "swtpm:path=$place/foreign.sock" "${@:2}"; }
of_foreign() { swtpm_ioctl --unix "$place/foreign.sock.ctrl" "$@"; }
of_vm2() { swtpm_ioctl --unix "$(field vm2 control_socket)" "$@"; }

plain() {
	machine && ctl create vm2 --front-end vm --plain-state || return
	is "$(field vm2 plain_state)" True && is "$(field vm1 plain_state)" False || return
	has "$(ctl show vm2)" "plain state:" && ! ctl create web1 --plain-state || return
	foreign not-need-init,startup-clear || return
	at_foreign nvdefine 0x1500001 -C o -s 8 -a "ownerread|ownerwrite" || return
	printf carried! | at_foreign nvwrite 0x1500001 -C o -i - || return
	at_foreign pcrextend 10:sha256="$(printf %064d 7)" || return
	at_foreign pcrread sha256:10 >"$place/there" || return
	of_foreign --save permanent "$place/perm" && of_foreign --save volatile "$place/vol" || return
	of_foreign -s
	wait "$foreign"
	has "$(control --load permanent "$place/perm" 2>&1)" 0xd || return
	of_vm2 --load permanent "$place/perm" && of_vm2 --load volatile "$place/vol" || return
	of_vm2 -i && is "$(field vm2 epoch)" 2 || return
	is "$(tools vm2 nvread 0x1500001 -C o)" carried! || return
	tools vm2 pcrread sha256:10 >"$place/here" && cmp "$place/there" "$place/here" || return
	printf returned | tools vm2 nvwrite 0x1500001 -C o -i - || return
	of_vm2 --save permanent "$place/perm" && of_vm2 --save volatile "$place/vol" || return
	rm -r "$place/foreign"
	foreign "" || return
	of_foreign --load permanent "$place/perm" && of_foreign --load volatile "$place/vol" || return
	of_foreign -i && is "$(at_foreign nvread 0x1500001 -C o)" returned || return
	at_foreign pcrread sha256:10 >"$place/back" && cmp "$place/there" "$place/back" || return
	of_foreign -s
	wait "$foreign"
	is "$(grep -c "security: .* state .*, in clear" "$place/log")" 4 && stop
}
check control-plain-states plain

# Who can write to the store makes nobody's state leave in clear: its data key does not allow it.
store_says_plain() {
	machine && kill "$vtpmd" && wait "$vtpmd" || return
	python3 - "$place/state/vtpm.db" <<'END' || return
import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as store:
    if store.execute("UPDATE vtpm SET plain_state = 1").rowcount != 1:
        sys.exit("there is not one vTPM in the store")
END
	up && until_true 10 vtpm_is vm1 running && is "$(field vm1 plain_state)" True || return
	has "$(cat "$place/log")" "security: asked to let the state leave in clear" || return
	control -i && has "$(control --save permanent "$place/perm" 2>&1)" 0xd && stop
}
check control-store-says-plain store_says_plain
