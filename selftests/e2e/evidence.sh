# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154
#
# Checks of the host's evidence; a part of `daemon`, which has their helpers. tpm2-tools judge
# the quote, and a verifier that only pretends (verifier.py) is the other end of the protocol;
# at the end vtpm-verify does both.

export PYTHONDONTWRITEBYTECODE=1
nonce=000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
bundle() { python3 "$root/selftests/e2e/bundle.py" "$root" "$place" "$@"; }

# where: what programs run under, nothing for this machine as it is
where=()
attest() {
	"${where[@]}" "$root/build/vtpmctl" --runtime-dir "$place/run" host attest \
		--state-dir "$place/state" --event-log "$place/events" --ima-log "$place/ima" "$@"
}

# logs: what a kernel would show, with a file of a package in it
logs() { head -c 3000 /dev/urandom >"$place/events" && bundle ima "$(command -v bash)"; }

host_bundle() {
	ready && logs || return
	attest --nonce "$nonce" --output "$place/bundle" || return
	bundle check "$nonce" 24 || return
	bundle holds eventlog events && bundle holds ima ima || return
	if command -v dpkg-query >/dev/null; then
		has "$(bundle packages)" "bash $(dpkg-query -W -f '${Version}' bash) " || return
	fi
	attest --nonce "$nonce" --pcrs sha256:0,7,10 >"$place/bundle" || return
	bundle check "$nonce" 3 || return
	# another TPM time, another signature; the same key
	cp "$place/bundle" "$place/before"
	stop && up && host_is unlocked || return
	attest --nonce "$nonce" --output "$place/bundle" || return
	is "$(bundle get ak public)" "$(bundle --of before get ak public)" || return
	stop
}
check host-bundle host_bundle

# A changed byte anywhere in what is vouched for does not pass tpm2_checkquote or the schema.
host_bundle_forged() {
	ready && logs || return
	attest --nonce "$nonce" --output "$place/bundle" || return
	bundle check "$nonce" 24 || return
	local part
	for part in message signature frame pcrs; do
		! bundle --forge "$part" check "$nonce" 24 || return
	done
	! bundle check "${nonce/00/01}" 24
}
check host-bundle-forged host_bundle_forged

# refused WORD COMMAND...: with exit status 2
refused() {
	local want=$1 said
	shift
	said=$("$@" 2>&1)
	is "$?" 2 && has "$said" "$want"
}

host_attest_refuses() {
	ready && logs || return
	refused nonce attest || return
	refused nonce attest --nonce 00 || return
	refused pcrs attest --nonce "$nonce" --pcrs 24 || return
	refused pcrs attest --nonce "$nonce" --pcrs sha1:all || return
	refused https:// attest --to http://localhost || return
	refused URL ctl host enrol || return
	refused token ctl host enrol https://localhost || return
	refused https ctl host enrol http://localhost --token x --state-dir "$place/state" || return
	rm "$place/ima"
	has "$(attest --nonce "$nonce" 2>&1)" "log of IMA cannot be read at $place/ima" || return
	! ls "$place/bundle" || return
	has "$(attest --to https://localhost 2>&1)" "not enrolled"
}
check host-attest-refuses host_attest_refuses

host_attest_no_hardware() {
	up && init --no-hardware && logs || return
	has "$(attest --nonce "$nonce" 2>&1)" "no host TPM protects this host" || return
	is "$(attest --nonce "$nonce" >/dev/null 2>&1; echo $?)" 8
}
check host-attest-no-hardware host_attest_no_hardware

# certificate: $place/ca.pem says that who has $place/ca.key is localhost
certificate() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 \
		-subj /CN=localhost -addext subjectAltName=DNS:localhost \
		-keyout "$place/ca.key" -out "$place/ca.pem" 2>/dev/null
}

# verifier: one that pretends, at $url
verifier() {
	certificate || return
	python3 "$root/selftests/e2e/verifier.py" "$root" "$place" 2>"$place/verifier.log" &
	until_true 10 test -s "$place/port" || return
	url=https://localhost:$(cat "$place/port")
}
enrol() { ctl host enrol "$url" --ca "$place/ca.pem" --state-dir "$place/state" "$@"; }

# A token of the command line is gone from there before the verifier is asked, here one that waits.
token_hidden() {
	local listener pid
	python3 -c 'import socket, time
s = socket.create_server(("localhost", 0))
print(s.getsockname()[1], flush=True)
kept = s.accept()
time.sleep(60)' >"$place/waits" &
	listener=$!
	until_true 10 test -s "$place/waits" || return
	"$root/build/vtpmctl" --runtime-dir "$place/run" host enrol \
		"https://localhost:$(cat "$place/waits")" --token visible 2>"$place/hidden" &
	pid=$!
	until_true 10 bash -c "[ -n \"\$(ls -l /proc/$pid/fd | grep socket)\" ]"
	is "$(tr '\0' ' ' </proc/$pid/cmdline | grep -c -e visible)" 0 &&
		is "$(tr '\0' ' ' </proc/$pid/cmdline | grep -c -e "host enrol")" 1
	local r=$?
	kill "$pid" "$listener"
	return $r
}

host_enrol() {
	ready && logs && verifier || return
	has "$(enrol --token wrong 2>&1)" "this token is not known" || return
	has "$(attest --to "$url" 2>&1)" "not enrolled" || return
	token_hidden || return
	! ctl host enrol "$url" --token right --state-dir "$place/state" || return
	has "$(cd "$place" && ctl host enrol "$url" --ca ca.pem --state-dir "$place/state" \
		--token-file <(echo right))" "as host 6f8b" || return
	has "$(echo right | enrol --token-file -)" "as host 6f8b" || return
	has "$(enrol --token-fd 9 9< <(echo right))" "as host 6f8b" || return
	refused "one token" enrol --token right --token-file /dev/null || return
	has "$(enrol --token-file "$place/none" 2>&1)" "No such file" || return
	is "$(stat -c %a "$place/state/attest/enrolment")" 600 || return
	has "$(attest --to "$url")" "passed: " || return
	# the rest of the logs alone; and when the verifier forgot them meanwhile, all
	touch "$place/known"
	has "$(attest --to "$url")" "passed: " && [ -e "$place/forgotten" ] || return
	# a bundle that nobody asked for names the host too
	attest --nonce "$nonce" --output "$place/bundle" || return
	is "$(bundle get host id)" 6f8b0e5e-1c5e-4b7e-9d0a-3f1f5c0a7e11 || return
	has "$(bundle get ak certificate)" MI || return
	has "$(attest --to https://localhost:1 2>&1)" "not enrolled at https://localhost:1" || return
	kill %?verifier.py
	is "$(attest --to "$url" >/dev/null 2>&1; echo $?)" 7
}
check host-enrol host_enrol

# A credential for another key does not open, so nobody is enrolled with it.
host_enrol_other_key() {
	ready && logs && verifier || return
	has "$(enrol --token other-name 2>&1)" "credential was not made for the host TPM" || return
	[ ! -e "$place/state/attest/enrolment" ]
}
check host-enrol-other-key host_enrol_other_key

# A vTPM's own quote, by the same key after a restart.
vtpm_bundle() {
	ready && ctl create web1 --front-end socket || return
	ctl attest web1 --nonce "$nonce" --output "$place/before" || return
	bundle --of before check "$nonce" 24 || return
	is "$(bundle --of before get kind)" vtpm || return
	is "$(bundle --of before get vtpm uuid)" "$(field web1 uuid)" || return
	tools web1 readpublic -Q -c 0x8101000a -o "$place/ek.pub" || return
	bundle --of before holds ek public ek.pub || return
	tools web1 pcrextend "0:sha256=$nonce" || return
	ctl stop web1 && ctl start web1 && ctl wait web1 || return
	tools web1 pcrextend "0:sha256=$nonce" || return
	ctl attest web1 --nonce "$nonce" --pcrs 0,1 --output "$place/bundle" || return
	bundle check "$nonce" 2 || return
	is "$(bundle get ak public)" "$(bundle --of before get ak public)" || return
	! is "$(bundle get quote pcrs sha256 0)" "$(bundle --of before get quote pcrs sha256 0)" ||
		return
	is "$(tools web1 getcap handles-transient | wc -c)" 0 || return
	ctl create web2 --front-end socket --pcr-banks sha384 || return
	has "$(ctl attest web2 --nonce "$nonce" 2>&1)" "no bank of SHA-256" || return
	refused nonce ctl attest web1 || return
	is "$(ctl attest nobody --nonce "$nonce" >/dev/null 2>&1; echo $?)" 3 || return
	ctl stop web1
	has "$(ctl attest web1 --nonce "$nonce" 2>&1)" "does not run"
}
check vtpm-bundle vtpm_bundle

# vtpm-verify itself, on another machine: one that has another name and booted another time, and
# again where boots, two digits, is another number
verify() { "${where[@]}" "$root/build/vtpm-verify" "$@"; }
elsewhere() {
	local where
	where=(unshare --uts --mount bash -c "hostname elsewhere &&
		mount --bind '$place/boot_id' /proc/sys/kernel/random/boot_id && exec \"\$@\"" bash)
	echo "6f8b0e5e-1c5e-4b7e-9d0a-3f1f5c0a7e${boots:-12}" >"$place/boot_id"
	"$@"
}

# measured: a host whose TPM has measured what its event log says, and that has no log of IMA
measured() {
	cp "$root/userd/fuzz/corpus/fuzz_eventlog/good-sha256" "$place/events" && : >"$place/ima"
	tpm tpm1 && measure && up
}
measure() {
	local all
	all=$(verify eventlog "$place/events" --json | python3 -c '
import json, sys
for event in json.load(sys.stdin)["events"]:
    if event["type"] != "EV_NO_ACTION":
        print(event["pcr"], event["digests"]["sha256"], sep=":sha256=")') || return
	# shellcheck disable=SC2086
	tpm2_pcrextend -T "swtpm:path=$place/tpm1" $all
}

# reasons FILE: codes of a verdict
reasons() {
	python3 -c 'import json, sys; print(*[r["code"] for r in json.load(sys.stdin)["reasons"]])'
}
appraise() {
	verify appraise "$place/bundle" --policy "$place/policy" --json "$@"
}

# The swtpm has no certificate of its maker, and that is all that is not known.
host_appraise() {
	measured && init && attest --nonce "$nonce" --output "$place/bundle" || return
	! verify learn "$place/bundle" --nonce "$nonce" || return
	elsewhere verify learn "$place/bundle" --nonce "$nonce" >"$place/policy" || return
	is "$(appraise --nonce "$nonce" | reasons)" "refused.self ek.missing" || return
	is "$(elsewhere appraise --nonce "$nonce" | reasons)" ek.missing || return
	elsewhere appraise --nonce "$nonce" >/dev/null
	is "$?" 5 || return
	has "$(elsewhere appraise --nonce "${nonce/00/01}" | reasons)" quote.nonce || return
	elsewhere appraise --nonce "${nonce/00/01}" >/dev/null
	is "$?" 1 || return
	# something is measured that is in no log, and the key of a host that is not listed
	stop && tpm2_pcrextend -T "swtpm:path=$place/tpm1" "12:sha256=$nonce" && up || return
	until_true 10 host_is unlocked && attest --nonce "$nonce" --output "$place/bundle" || return
	has "$(elsewhere appraise --nonce "$nonce" | reasons)" pcr.unlogged || return
	sed -i 's/"000b[0-9a-f]*"/"000b00"/' "$place/policy"
	has "$(elsewhere appraise --nonce "$nonce" | reasons)" ak.unknown
}

# A vTPM that booted nothing: its quote is believed, and there is no log for it.
vtpm_appraise() {
	ready && ctl create web1 --front-end socket || return
	ctl attest web1 --nonce "$nonce" --output "$place/bundle" || return
	echo '{"version": 1}' >"$place/policy"
	is "$(elsewhere appraise --nonce "$nonce" | reasons)" "ek.missing ak.activation log.missing" ||
		return
	has "$(elsewhere appraise --nonce "${nonce/00/01}" | reasons)" quote.nonce
}

# deep VERDICT [OPTION...]: codes of a vTPM's bundle, on another machine, beside those that every
# host here has, whose TPM has no certificate and whose programs nobody measured
deep() {
	local want=$1
	shift
	is "$(elsewhere appraise --nonce "$nonce" "$@" | reasons)" "$want"
}
accused() { has "$(elsewhere appraise --nonce "$nonce" | reasons)" "$1"; }
# mix SCRIPT: change the bundle by Python, where b is it, and a the one before
mix() {
	python3 - "$place/bundle" "$place/before" "$1" <<-'END'
		import json, sys
		a, b = json.load(open(sys.argv[2])), json.load(open(sys.argv[1]))
		exec(sys.argv[3])
		json.dump(b, open(sys.argv[1], "w"))
	END
}
deep_attest() {
	ctl attest "$1" --deep --nonce "$nonce" --event-log "$place/events" --ima-log "$place/ima" \
		--state-dir "$place/state" --output "$place/$2" "${@:3}"
}
# A host vouches for its vTPMs while their clients use them, and for nothing else.
vtpm_deep() {
	local good="ek.missing deep.host-unmeasured" other
	measured && init && ctl create web1 --front-end socket || return
	ctl create web2 --front-end socket || return
	attest --nonce "$nonce" --output "$place/bundle" || return
	elsewhere verify learn "$place/bundle" --nonce "$nonce" >"$place/policy" || return
	while tools web1 getrandom --hex 16; do :; done >/dev/null 2>&1 &
	deep_attest web2 before && deep_attest web1 bundle || return
	kill $! && bundle check "$nonce" 24 || return
	deep "$good" --vtpm "$(field web1 uuid)" --epoch 1 || return
	deep "ek.missing deep.uuid deep.host-unmeasured" --vtpm "$(field web2 uuid)" || return
	deep "ek.missing deep.epoch deep.host-unmeasured" --epoch 2 || return
	other=$(elsewhere appraise --nonce "${nonce/00/01}" | reasons)
	has "$other" quote.nonce && has "$other" deep.nonce || return
	cp "$place/bundle" "$place/good"
	mix 'b["deep"]["host"] = a["deep"]["host"]' && accused deep.proof || return
	cp "$place/good" "$place/bundle"
	mix 'b["deep"] = a["deep"]' && accused deep.link || return
	# a quote of the host that somebody asked for with the right root as his nonce
	cp "$place/good" "$place/bundle"
	other=$(python3 -c 'import base64, json, sys
frame = json.load(open(sys.argv[1]))["deep"]["host"]["quote"]["frame"]
print(base64.urlsafe_b64decode(frame + "==")[51:83].hex())' "$place/bundle") || return
	attest --nonce "$other" --output "$place/before" || return
	mix 'b["deep"]["host"] = a' && accused deep.purpose || return
	ctl stop web1 && has "$(deep_attest web1 bundle 2>&1)" "does not run"
}

# alone TOOL...: behind a socket there is nobody who makes room for objects
alone() { tools web1 "$@" && tools web1 flushcontext -t; }

# A guest quotes with a key of its own, which the vTPM's key certifies.
vtpm_deep_guest() {
	local digest
	measured && init && ctl create web1 --front-end socket || return
	attest --nonce "$nonce" --output "$place/bundle" || return
	elsewhere verify learn "$place/bundle" --nonce "$nonce" >"$place/policy" || return
	cd "$place" || return
	alone createprimary -Q -C o -G ecc -c srk.ctx &&
		alone create -Q -C srk.ctx -G ecc256:ecdsa-sha256:null -u ak.pub -r ak.prv \
			-a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|sign' &&
		alone load -Q -C srk.ctx -u ak.pub -r ak.prv -c ak.ctx &&
		alone certify -Q -c ak.ctx -C 0x81020001 -g sha256 -o c.msg -s c.sig &&
		alone readpublic -Q -c 0x81020001 -o iak.pub &&
		alone quote -Q -c ak.ctx -q "$nonce" -l sha256:0,1 -m q.msg -s q.sig || return
	ctl attest web1 --nonce "$nonce" --pcrs 0,1 --output own || return
	digest=$(sha256sum q.msg | cut -c-64)
	ctl attest web1 --deep --nonce "$nonce" --digest "$digest" --event-log "$place/events" \
		--ima-log "$place/ima" --state-dir "$place/state" --output before || return
	cp own bundle && mix '
import base64
part = lambda name: base64.urlsafe_b64encode(open(name, "rb").read()).decode().rstrip("=")
b["deep"] = a["deep"]
b["ak"] = {"public": part("ak.pub"), "certified":
	{"by": part("iak.pub"), "message": part("c.msg"), "signature": part("c.sig")}}
b["quote"] |= {"message": part("q.msg"), "signature": part("q.sig")}' || return
	bundle check "$nonce" 2 || return
	deep "ek.missing deep.host-unmeasured" || return
	mix 'b["ak"]["certified"]["signature"] = b["quote"]["signature"]'
	accused deep.certify || return
	mix 'del b["ak"]["certified"]'
	accused deep.key || return
	digest=$(sha256sum c.sig | cut -c-64)
	has "$(ctl attest web1 --deep --nonce "$nonce" --digest "$digest" 2>&1)" "made no such statement"
}

# serve [LINE...]: the service, with these lines more in its configuration, at $url
serve() {
	cat >"$place/conf" <<-END
		[verifier]
		database = $place/fleet.db
		ca = $place/ca
		port = 0
		every = 0
		certificate = $place/ca.pem
		key = $place/ca.key
	END
	printf '%s\n' "$@" >>"$place/conf"
	[ -e "$place/ca" ] || verify ca init --config "$place/conf" || return
	"$root/build/vtpm-verify" serve --config "$place/conf" >"$place/serve.log" &
	serving=$!
	until_true 10 grep -q listening "$place/serve.log" || return
	url=https://localhost:$(sed 's/.* port //' "$place/serve.log")
}
grant() { verify grant "$@" --config "$place/conf" | tail -n 1; }

# told: what the host said of itself stands in the report
told() {
	local report
	report=$(verify report --config "$place/conf" --format csv) || return
	has "$report" '"2.0 IBM ' && has "$report" '"0 running"' && has "$report" '"backed up"' &&
		has "$report" '"tpm+counter, 600 s"'
}

# A host without a TPM says so by itself, and nobody takes it for one that passed.
host_serve_without_tpm() {
	up && init --no-hardware && logs && certificate && serve || return
	has "$(enrol --token "$(grant enrol rack)")" "n/a" || return
	has "$(attest --to "$url")" "n/a: the host has no TPM" || return
	has "$(verify report --config "$place/conf" --format csv)" '"n/a"'
}

enrolled() { python3 -c "import json, sys; print(json.load(sys.stdin)['$1'])" \
	<"$place/state/attest/enrolment"; }

host_serve() {
	local admin other
	measured && init && attest --nonce "$nonce" --output "$place/bundle" || return
	certificate && serve && admin=$(grant admin boss) || return
	# nobody vouches for the key of a swtpm, until somebody does
	has "$(enrol --token "$(grant enrol rack)" 2>&1)" "vouches for this endorsement key" || return
	post() {
		curl -sS --cacert "$place/ca.pem" -H "Authorization: Bearer $admin" -d "$2" "$url$1"
	}
	post /v1/eks "{\"public\": \"$(bundle get ek public)\"}" || return
	has "$(enrol --token "$(grant enrol rack)")" "enrolled at $url" || return
	has "$(attest --to "$url")" "unknown: " || return
	has "$(elsewhere attest --to "$url")" "passed: " || return
	told || return
	# a verifier that knows the logs gets the rest of them, and finds the same
	has "$(elsewhere attest --to "$url")" "passed: " || return
	# who wants to be another host with this TPM makes two of it: the first fails
	post /v1/hosts '{"name": "other", "tpm": "none"}' >"$place/other" || return
	other=$(python3 -c 'import json, sys; print(json.load(sys.stdin)["id"])' <"$place/other")
	has "$(enrol --token "$(grant enrol "$other")" 2>&1)" "another host's" || return
	has "$(verify report --config "$place/conf" --format json -e)" vtpm.duplicate || return
	has "$(elsewhere attest --to "$url")" "failed: another machine showed" || return
	post "/v1/hosts/$(enrolled host)/acknowledge" "" || return
	# by a policy, at the same address
	elsewhere verify learn "$place/bundle" --nonce "$nonce" >"$place/policy" || return
	kill $serving && wait $serving
	serve "policy = $place/policy" "port = ${url##*:}" || return
	has "$(elsewhere attest --to "$url")" "passed: " || return
	stop && tpm2_pcrextend -T "swtpm:path=$place/tpm1" "12:sha256=$nonce" && up || return
	until_true 10 host_is unlocked || return
	has "$(elsewhere attest --to "$url")" "failed: " || return
	has "$(verify report --config "$place/conf" --format csv)" failed
}

check vtpm-appraise vtpm_appraise
check vtpm-deep vtpm_deep
check vtpm-deep-guest vtpm_deep_guest
if [ -e /sys/class/tpm/tpm0 ]; then
	skip host-serve-without-tpm 'this machine has a TPM'
else
	check host-serve-without-tpm host_serve_without_tpm
fi
if unshare --uts --mount true 2>/dev/null; then
	check host-appraise host_appraise
	check host-serve host_serve
else
	skip host-appraise 'nobody here can be another machine'
	skip host-serve 'nobody here can be another machine'
fi
