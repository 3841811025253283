# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154
#
# Checks of the gate; a part of `daemon`, which has their helpers and those of evidence.sh.
# Verdicts are signed by hand (gate.py), but for the last check: vtpm-verify signs those.

# fleet: a CA that signs verdicts, and the host knows it; a quote to judge
fleet() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=fleet \
		-keyout "$place/fleet.key" -out "$place/fleet.pem" 2>/dev/null &&
		cp "$place/fleet.pem" "$place/state/verifier.pem" &&
		chmod 644 "$place/state/verifier.pem" && logs && quoted
}
quoted() { attest --nonce "$nonce" --output "$place/bundle"; }

# judge STATUS [MEMBER=VALUE...]: such a verdict, brought
judge() { judged "$@" && ctl gate verdict "$place/verdict"; }
judged() { python3 "$root/selftests/e2e/gate.py" "$place" "$@"; }

gate() { ctl gate show --json | python3 -c "import json,sys; print(json.load(sys.stdin)$1)"; }
gate_is() { is "$(gate "['state']")" "$1"; }
gated() { gate "['vtpms'][0]['$1']"; }

is_gated() { is "$(gated state)" "$1"; }

# a key of web1, and whether it signs
key() {
	tools web1 createprimary -Q -C o -G ecc256:ecdsa-sha256:null -c "$place/key.ctx" \
		-a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign' &&
		tools web1 evictcontrol -Q -C o -c "$place/key.ctx" 0x81000001 &&
		tools web1 flushcontext -t && echo hello >"$place/text"
}
signs() {
	tools web1 sign -Q -c 0x81000001 -g sha256 -f plain -o "$place/signature" "$place/text"
}
# frozen: PCRs are extended and read, and no key is used
frozen() {
	local said before
	before=$(tools web1 pcrread sha256:16) || return
	tools web1 pcrextend "16:sha256=$nonce" && tools web1 getrandom --hex 4 || return
	[ "$(tools web1 pcrread sha256:16)" != "$before" ] || return
	said=$(signs 2>&1) && return 1
	has "$said" 0x921 && is "$(gated frozen)" True
}

gate_freezes() {
	local engine
	ready && ctl create web1 --front-end socket && key && define_counter web1 || return
	has "$(ctl gate set web1 --policy freeze-keys 2>&1)" "knows no verifier" || return
	fleet && signs || return
	# no verdict yet
	ctl gate set web1 --policy freeze-keys && frozen || return
	has "$(tools web1 nvread -C o -s 8 0x1500016 2>&1)" 0x921 || return
	has "$(tools web1 nvincrement -C o 0x1500016 2>&1)" 0x00000921 || return
	judge passed && gate_is open && signs && nv web1 || return
	judge failed verified_at=1 && gate_is closed && frozen || return
	# whoever dies, the keys rest
	engine=$(field web1 engine_pid)
	kill -9 "$engine" && frozen || return
	kill -9 "$vtpmd"
	wait "$vtpmd"
	! signs && up && until_true 10 vtpm_is web1 running && frozen || return
	engine=$(field web1 engine_pid)
	kill -9 "$engine" && frozen || return
	kill -9 "$(one vtpm-spawn)" && until_true 10 vtpm_is web1 running && frozen || return
	# the next one that passed opens, also while nobody is there to hear the last word
	judge passed verified_at=2 && signs && nv web1 || return
	kill -9 "$vtpmd"
	wait "$vtpmd"
	up && until_true 10 vtpm_is web1 running && gate_is open && signs || return
	ctl gate set web1 --policy log && judge failed verified_at=3 && gate_is closed && signs ||
		return
	# a vtpmd that knows of no rule any more finds it frozen
	ctl gate set web1 --policy freeze-keys && frozen && kill -9 "$vtpmd"
	wait "$vtpmd"
	rm "$place/state/gate.json"
	up && until_true 10 vtpm_is web1 running && signs
}
check gate-freeze gate_freezes

# A verdict ends by the clock of the host TPM, and grace begins then.
gate_expires() {
	ready && ctl create web1 --front-end socket && key && fleet || return
	ctl gate set web1 --policy freeze-keys --grace 4 && frozen || return
	quoted && judge passed valid_until=6 && signs || return
	until_true 8 is_gated grace && signs || return
	until_true 8 is_gated closed && frozen
}
check gate-expires gate_expires

# refuses WORDS STATUS [MEMBER=VALUE...]: for this reason, and nothing changes
refuses() {
	local words=$1 before said
	shift
	before=$(ctl gate show --json | grep -v '_in"\|_for"')
	said=$(judge "$@" 2>&1) && return 1
	has "$said" "$words" && is "$(ctl gate show --json | grep -v '_in"\|_for"')" "$before"
}

gate_refuses() {
	ready && ctl create web1 --front-end socket && fleet && judge passed || return
	ctl gate set web1 --policy freeze-keys || return
	refuses "another host" passed verified_at=1 'ak_name="000b'"$nonce"'"' || return
	refuses "another boot" passed verified_at=1 resets=+1 || return
	refuses "another boot" failed verified_at=1 restarts=+1 || return
	refuses "older than" passed verified_at=-60 || return
	refuses "clock has not come" passed verified_at=1 clock=+100000 || return
	refuses "has ended" passed verified_at=1 valid_until=1 || return
	refuses "does not understand" passed verified_at=1 'status="splendid"' || return
	has "$(ctl gate verdict "$place/code" 2>&1)" "no signed verdict" || return
	# another key, and one byte of what was signed
	judged failed verified_at=1 && sed -i 's/failed/passed/g' "$place/verdict" || return
	has "$(ctl gate verdict "$place/verdict" 2>&1)" "did not sign" || return
	cp "$place/fleet.key" "$place/mine"
	openssl ecparam -genkey -name prime256v1 -out "$place/fleet.key"
	refuses "did not sign" failed verified_at=1 || return
	mv "$place/mine" "$place/fleet.key"
	# a boot before this one of the TPM; the same clock of the host
	judged passed verified_at=2 && stop && tpm_off tpm1 && tpm tpm1 && up || return
	until_true 10 host_is unlocked || return
	has "$(ctl gate verdict "$place/verdict" 2>&1)" "another boot" || return
	quoted && judge passed verified_at=3 || return
	# a file that others may write says nothing
	chmod 666 "$place/state/verifier.pem"
	refuses "others than root" failed verified_at=4 || return
	grep "security: a verdict is refused" "$place/log" || return
	# without its rules vtpmd does not begin
	stop && echo '{' >"$place/state/gate.json"
	"$root/build/vtpmd" --foreground --state-dir "$place/state" --runtime-dir "$place/run" \
		--tcti "swtpm:path=$place/tpm1" 2>"$place/out"
	is $? 1 && has "$(cat "$place/out")" "gate.json cannot be read: it is broken"
}
check gate-refuses gate_refuses

gate_starts() {
	local said
	ready && ctl create web1 --front-end socket && fleet && judge passed || return
	ctl gate default --policy no-new-start && judge failed verified_at=1 || return
	# what runs goes on, and its life too
	tools web1 getrandom --hex 4 && kill -9 "$(field web1 engine_pid)" || return
	tools web1 getrandom --hex 4 || return
	for said in "reset web1" "create web2 --front-end socket" \
		"launch web1 --image sha256:$nonce --configuration sha256:$nonce"; do
		# shellcheck disable=SC2086
		has "$(ctl $said 2>&1)" "gate is closed: verifier 'pretender' says" || return
	done
	! ctl show web2 && ctl create web2 --front-end socket --no-start || return
	ctl stop web1 || return
	said=$(ctl start web1 2>&1)
	is $? 5 && has "$said" "gate is closed" && is "$(field web1 state)" locked || return
	has "$(field web1 reason)" "says of this host" || return
	has "$(ctl wait web1 --timeout 1 2>&1)" "gate is closed" || return
	# it is not forgotten, and begins by itself once it may
	stop && up && is "$(field web1 state)" locked && is "$(gated held)" True || return
	judge passed verified_at=2 && ctl wait web1 --timeout 5 && tools web1 getrandom --hex 4 ||
		return
	is "$(field web2 state)" defined
}
check gate-no-new-start gate_starts

gate_stops() {
	ready && ctl create web1 --front-end socket && define_counter web1 && fleet || return
	judge passed && ctl gate set web1 --policy stop --grace 2 || return
	judge failed verified_at=1 && tools web1 getrandom --hex 4 && is "$(gated state)" grace ||
		return
	until_true 5 vtpm_is web1 locked || return
	has "$(cat "$place/log")" "web1 is powered off: the gate is closed" || return
	judge passed verified_at=2 && ctl wait web1 --timeout 5 && is "$(nv web1)" 1
}
check gate-stop gate_stops

gate_glass() {
	local file=$place/state/gate.log
	ready && ctl create web1 --front-end socket && key && fleet || return
	ctl gate set web1 --policy freeze-keys && frozen || return
	has "$(ctl gate break-glass 2>&1)" "why shall" || return
	! [ -e "$file" ] || return
	ctl gate break-glass --reason 'fire in "rack 7"' --for 2 && gate_is broken-glass && signs ||
		return
	is "$(wc -l <"$file")" 1 && has "$(cat "$file")" 'fire in \"rack 7\"' || return
	has "$(cat "$file")" "\"uid\":$(id -u)" && has "$(cat "$place/log")" "breaks the glass" ||
		return
	sleep 2 && frozen || return
	ctl gate break-glass --reason again && signs || return
	kill -9 "$vtpmd"
	wait "$vtpmd"
	up && until_true 10 vtpm_is web1 running && signs && gate_is broken-glass || return
	ctl gate break-glass --reason over --for 0 && frozen && is "$(wc -l <"$file")" 3 || return
	is "$(gate "['glass']['records_whole']")" True || return
	has "$(ctl gate show)" "over" || return
	# a line that is changed, or cut off, is noticed
	cp "$file" "$place/kept"
	sed -i 's/rack 7/rack 8/' "$file"
	is "$(gate "['glass']['records_whole']")" False && has "$(ctl gate show)" WARNING || return
	cp "$place/kept" "$file"
	is "$(gate "['glass']['records_whole']")" True || return
	head -n 2 "$place/kept" >"$file"
	is "$(gate "['glass']['records_whole']")" False || return
	# and is not hidden by the next one
	ctl gate break-glass --reason hide --for 0 || return
	is "$(gate "['glass']['records_whole']")" False
}
check gate-break-glass gate_glass

gate_waits() {
	local waiting
	ready && fleet || return
	ctl gate wait --timeout 1 >"$place/out" 2>&1
	is $? 10 && has "$(cat "$place/out")" "no verdict about this boot" || return
	ctl gate wait --timeout 20 &
	waiting=$!
	sleep 0.5
	kill -0 $waiting && judge passed && wait $waiting && ctl gate wait --timeout 1 || return
	# a vtpmd that is not there has not said no
	judge failed verified_at=2 && gate_is closed || return
	ctl gate wait --timeout 60 2>"$place/out" &
	waiting=$!
	kill -9 "$vtpmd"
	wait "$vtpmd"
	sleep 1
	up && kill -0 $waiting && judge passed verified_at=3 && wait $waiting || return
	has "$(cat "$place/out")" "waiting for it"
}
check gate-wait gate_waits

# A verifier that is none: enrolment pins it, each round brings its verdict.
gate_enrolled() {
	local admin
	measured && init && attest --nonce "$nonce" --output "$place/bundle" || return
	certificate && serve && admin=$(grant admin boss) || return
	curl -sS --cacert "$place/ca.pem" -H "Authorization: Bearer $admin" \
		-d "{\"public\": \"$(bundle get ek public)\"}" "$url/v1/eks" || return
	enrol --token "$(grant enrol rack)" || return
	cmp <(openssl x509 -in "$place/ca/ca.pem") "$place/state/verifier.pem" || return
	ctl create web1 --front-end socket && key || return
	ctl gate set web1 --policy freeze-keys && frozen || return
	has "$(attest --to "$url")" "unknown: " && gate_is closed && frozen || return
	sleep 1
	has "$(elsewhere attest --to "$url")" "passed: " && gate_is open && signs || return
	sleep 1
	elsewhere verify learn "$place/bundle" --nonce "$nonce" >"$place/policy" || return
	kill $serving && wait $serving
	serve "policy = $place/policy" "port = ${url##*:}" || return
	stop && tpm2_pcrextend -T "swtpm:path=$place/tpm1" "12:sha256=$nonce" && up || return
	until_true 10 host_is unlocked && ctl wait web1 && signs || return
	has "$(elsewhere attest --to "$url")" "failed: " && gate_is closed && frozen
}
if unshare --uts --mount true 2>/dev/null; then
	check gate-enrolled gate_enrolled
else
	skip gate-enrolled 'nobody here can be another machine'
fi
