# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154
#
# Checks of rollback protection; a part of `daemon`, which has their helpers. An attacker is
# who can write to the state directory while nothing runs.

accept() { ctl host unlock "$@" --recovery-code-fd 5 5<"$place/code"; }
save() { cp "$place/state/vtpm.db" "$place/saved.db"; }
put_back() {
	rm -f "$place/state/vtpm.db"*
	cp "$place/saved.db" "$place/state/vtpm.db"
}

# edit SQL: of the store, with the saved one as `old`
edit() {
	python3 - "$place" "$1" <<'END'
import sqlite3, sys
db = sqlite3.connect(sys.argv[1] + "/state/vtpm.db", isolation_level=None)
db.execute("ATTACH ? AS old", (sys.argv[1] + "/saved.db",))
db.executescript(sys.argv[2])
db.execute("DETACH old")
END
}

row_of() { echo "uuid = (SELECT uuid FROM vtpm WHERE name = '$1')"; }

# epochs NAME: of its row, and of its envelope
epochs() {
	python3 - "$place/state/vtpm.db" "$1" <<'END'
import sqlite3, sys
print(*sqlite3.connect(sys.argv[1]).execute("SELECT vtpm.epoch, envelope.epoch FROM vtpm, envelope"
    " WHERE envelope.uuid = vtpm.uuid AND name = ?", (sys.argv[2],)).fetchone())
END
}

store_is() { keyd_here && [ "$(host_field store)" = "$1" ]; }

# An older copy of all: locked with its reason, and opened by who accepts what is lost.
old_store() {
	local out
	ready && ctl create web1 --front-end socket && define_counter web1 && stop || return
	save
	up && ctl create web2 --front-end socket && stop || return
	put_back
	up && until_true 20 store_is old && host_is locked || return
	has "$(ctl host show)" "an older copy" || return
	out=$(ctl start web1 2>&1) && return 1
	has "$out" "--accept-rollback" || return
	is "$(field web1 state)" locked || return
	! ctl create web3 --front-end socket || return
	accept && is "$(host_field store)" old || return
	accept --accept-rollback || return
	is "$(host_field store)" newest && ctl wait web1 && is "$(nv web1)" 1 || return
	is "$(field web1 epoch)" 2 && is "$(epochs web1)" "2 2" || return
	! accept --accept-rollback || return
	stop && up && until_true 20 store_is newest && ctl wait web1
}
check rollback-old-store old_store

# Single rows: the one that was exchanged is quarantined, the other runs.
old_row() {
	ready && ctl create web1 --front-end socket && ctl create web2 --front-end socket &&
		stop || return
	save
	up && define_counter web1 && stop || return
	edit "UPDATE envelope SET (generation, bytes) = (SELECT generation, bytes FROM old.envelope
		AS o WHERE o.uuid = envelope.uuid) WHERE $(row_of web1);
		UPDATE vtpm SET generation = (SELECT generation FROM old.vtpm AS o
		WHERE o.uuid = vtpm.uuid) WHERE name = 'web1'" || return
	up && ctl wait web2 && until_true 20 vtpm_is web1 quarantined || return
	has "$(field web1 reason)" "not the newest one" && is "$(host_field store)" newest
}
check rollback-old-row old_row

# Accepted, and then powered on or not: an envelope of the former epoch never opens again.
former_epoch() {
	ready && ctl create web1 --front-end socket && ctl create web2 --front-end socket &&
		ctl stop web2 && stop || return
	save
	up && define_counter web1 && ctl create web3 --front-end socket && stop || return
	put_back
	up && until_true 20 store_is old && accept && accept --accept-rollback || return
	ctl wait web1 && is "$(epochs web1)" "2 2" && is "$(epochs web2)" "2 1" || return
	ctl fsck --state-dir "$place/state" || return
	stop && edit "UPDATE envelope SET bytes = (SELECT bytes FROM old.envelope AS o
		WHERE o.uuid = envelope.uuid) WHERE $(row_of web1)" || return
	up && until_true 20 vtpm_is web1 quarantined || return
	ctl start web2 && ctl wait web2 && is "$(epochs web2)" "2 2" && tools web2 getrandom 8 --hex
}
check rollback-former-epoch former_epoch

row_of_another() {
	ready && ctl create web1 --front-end socket && ctl create web2 --front-end socket &&
		stop || return
	save
	edit "UPDATE envelope SET bytes = (SELECT bytes FROM old.envelope WHERE $(row_of web2))
		WHERE $(row_of web1)" || return
	up && ctl wait web2 && until_true 20 vtpm_is web1 quarantined || return
	has "$(field web1 reason)" "another vTPM"
}
check rollback-row-of-another row_of_another

# Exchanged while its engine runs: found by the next keyd, powered off, and kept as it was found.
running_row() {
	local row
	ready && ctl create web1 --front-end socket && ctl create web2 --front-end socket &&
		define_counter web1 || return
	edit "UPDATE envelope SET bytes = (SELECT bytes FROM envelope WHERE $(row_of web2))
		WHERE $(row_of web1)" || return
	row=$(envelope web1)
	(while tools web1 pcrextend "16:sha256=$(printf '%064d' 1)"; do :; done) 2>/dev/null &
	pkill -9 -f "vtpm-keyd.*$place/run" || return
	until_true 20 vtpm_is web1 quarantined && has "$(field web1 reason)" "another vTPM" || return
	until_true 5 is_off web1 && ! tools web1 getrandom --hex 4 || return
	is "$(envelope web1)" "$row" && tools web2 getrandom --hex 4 || return
	kill -9 "$vtpmd"
	wait "$vtpmd"
	up && is "$(field web1 state)" quarantined && is_off web1 && is "$(envelope web1)" "$row"
}
is_off() { [ "$(field "$1" engine_pid)" = None ]; }
check rollback-running-row running_row

# The disk in another host, which has the code, but not the counter.
another_host() {
	ready && ctl create web1 --front-end socket && stop && tpm tpm2 && up tpm2 || return
	until_true 20 host_is locked || return
	accept --bind && until_true 20 store_is "counter missing" && host_is locked || return
	accept --accept-move && ctl wait web1 || return
	stop && up tpm2 && until_true 20 store_is newest && ctl wait web1
}
check rollback-another-host another_host

counter_undefined() {
	local handle
	ready && ctl create web1 --front-end socket && stop || return
	# there is another one, of plans: which is this one's stands in its file
	handle=0x$(od -An -tx1 -j15 -N4 "$place/state/keys/anchor" | tr -d ' ')
	tpm2_nvundefine -T "swtpm:path=$place/tpm1" -C o "$handle" || return
	up && until_true 20 store_is "counter missing" && host_is locked || return
	accept --accept-move && ctl wait web1
}
check rollback-counter-undefined counter_undefined

# Killed anywhere between sealing and counting: what is found is the newest, each time. One client
# on one connection stays for all deaths: many tools at once have more sessions than a TPM.
killed() {
	local working status
	tpm tpm1 && up && init --rollback strict || return
	ctl create web1 --front-end socket && define_counter web1 || return
	"$root/selftests/e2e/node" work "$(field web1 socket)" "$place/enough" &
	working=$!
	for _ in 1 2 3 4 5; do
		sleep "0.$((RANDOM % 9 + 1))"
		kill -9 "$vtpmd"
		wait "$vtpmd"
		up && until_true 30 store_is newest && ctl wait web1 || return
		kill -0 "$working" || return
	done
	touch "$place/enough"
	wait "$working"
	status=$?
	is "$status" 0 && nv web1
}
check rollback-killed killed

# guest COUNT NV: so many GetRandom and NV_Increment through the socket of web1
guest() {
	python3 - "$(field web1 socket)" "$1" "$2" <<'END'
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
random = bytes.fromhex("80010000000c0000017b0008")
increment = bytes.fromhex("80020000001f00000134400000010150001600000009400000090000000000")
for i in range(int(sys.argv[2]) + int(sys.argv[3])):
    s.sendall(increment if i < int(sys.argv[3]) else random)
    answer = s.recv(4096)
    if answer[6:10] != bytes(4):
        sys.exit("answer %s" % answer.hex())
END
}

commands() { grep -c SWTPM_IO_Read "$place/tpm1.log"; }

# quiet: the host TPM was asked nothing for three seconds
quiet() {
	local before
	before=$(commands)
	sleep 3
	[ "$(commands)" = "$before" ]
}

# No command of a guest costs one of the host TPM: nine thousand that write nothing, one
# thousand that are commits each.
lazy_costs_nothing() {
	local before
	tpm_log=1 tpm tpm1 && up && init && ctl create web1 --front-end socket || return
	define_counter web1 || return
	# vtpm-keyd takes random bytes for the next vTPM once it is quiet
	until_true 20 quiet || return
	before=$(commands)
	[ "$before" -gt 0 ] || return
	guest 9000 1000 || return
	is "$(commands)" "$before"
}
check rollback-lazy-costs-nothing lazy_costs_nothing

rollback() { ctl host rollback "$@" --recovery-code-fd 5 5<"$place/code"; }

# cost NV: commands of the host TPM for so many increments of web1
cost() {
	local before
	before=$(commands)
	guest 0 "$1" && sleep 1 && echo $(($(commands) - before))
}

# From lazy to strict and back while vtpmd runs and a guest works. From then on each commit is
# anchored, or none is; an older store is found out, and cannot be had by a change of mode.
another_mode() {
	local working out
	tpm_log=1 tpm tpm1 && up && init && ctl create web1 --front-end socket || return
	define_counter web1 || return
	"$root/selftests/e2e/node" work "$(field web1 socket)" "$place/enough" &
	working=$!
	rollback --rollback strict && vtpm_is web1 running || return
	touch "$place/enough"
	wait $working && is "$(host_field rollback_protection)" strict || return
	[ "$(cost 10)" -ge 10 ] || return
	stop && save && up && until_true 20 store_is newest && ctl wait web1 || return
	guest 0 1 && stop && put_back || return
	up && until_true 20 store_is old && host_is locked || return
	out=$(rollback --rollback lazy 2>&1) && return 1
	has "$out" "an older copy" || return
	accept && accept --accept-rollback && ctl wait web1 || return
	out=$(rollback --rollback off 2>&1) && return 1
	has "$out" "host init" && is "$(host_field rollback_protection)" strict || return
	rollback --rollback lazy --window 300 && is "$(host_field rollback_window)" 300 || return
	has "$(cat "$place/log")" "rollback protection is lazy now, WEAKENED, it was strict" || return
	# a few for random bytes ahead of need, in a quiet moment
	[ "$(cost 10)" -lt 10 ] || return
	stop && up && until_true 20 store_is newest && is "$(host_field rollback_protection)" lazy &&
		ctl wait web1
}
check rollback-another-mode another_mode

# What is intact is said while vtpmd runs, after it was killed, and when it has ended.
fsck() {
	local out
	ready && ctl create web1 --front-end socket && ctl create web2 --front-end socket || return
	out=$(ctl fsck --state-dir "$place/state") && has "$out" "vTPMs: 2, 0 of them" || return
	kill -9 "$vtpmd"
	ctl fsck --state-dir "$place/state" || return
	up && stop || return
	save && edit "UPDATE vtpm SET generation = generation - 1 WHERE name = 'web1'" || return
	out=$(ctl fsck --state-dir "$place/state" 2>/dev/null)
	is "$?" 9 && has "$out" "1 of them not intact" && has "$out" "its row"
}
check fsck fsck

damage() { dd if=/dev/urandom of="$place/state/vtpm.db" bs=4096 seek=1 count=4 conv=notrunc status=none; }

# starts_not: vtpmd ends by itself, and says why
starts_not() {
	! timeout 20 "$root/build/vtpmd" --foreground --state-dir "$place/state" \
		--runtime-dir "$place/run" --tcti "swtpm:path=$place/tpm1" 2>"$place/why" &&
		has "$(cat "$place/why")" "$1"
}

# A store that does not open is not made anew; its copy is offered, and comes when it is told to.
copy_of_store() {
	local out
	ready && ctl create web1 --front-end socket && define_counter web1 && stop || return
	up && ctl create web2 --front-end socket && sleep 1 || return
	out=$(ctl fsck --state-dir "$place/state" --use-copy 2>&1) && return 1
	has "$out" "is intact" || return
	kill -9 "$vtpmd"
	wait "$vtpmd"
	pkill -9 -f -- "$place/run"
	rm -f "$place/state/vtpm.db-"*
	damage
	starts_not "fsck --state-dir $place/state --use-copy" || return
	has "$(cat "$place/why")" "'web1' generation" || return
	out=$(ctl fsck --state-dir "$place/state" 2>&1)
	is "$?" 9 && has "$out" "--use-copy" && has "$out" "vTPMs: 1, 0 of them not intact" || return
	ctl fsck --state-dir "$place/state" --use-copy || return
	ctl fsck --state-dir "$place/state" || return
	ls "$place/state/damaged-"*/vtpm.db || return
	up && until_true 20 store_is old && host_is locked || return
	accept && accept --accept-rollback && ctl wait web1 && is "$(nv web1)" 1 || return
	! ctl show web2
}
check copy-of-store copy_of_store

# Nothing came after the copy: it is the newest, and nobody has to accept anything.
copy_is_newest() {
	ready && ctl create web1 --front-end socket && define_counter web1 && stop || return
	rm "$place/state/vtpm.db"
	starts_not "its copy is there" || return
	ctl fsck --state-dir "$place/state" --use-copy || return
	up && until_true 20 store_is newest && ctl wait web1 && is "$(nv web1)" 1 || return
	is "$(ctl fsck --state-dir "$place/state" --use-copy 2>&1 | grep -c "is intact")" 1
}
check copy-is-newest copy_is_newest
