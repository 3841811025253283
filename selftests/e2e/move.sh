# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154
#
# Checks of vTPMs that move, powered off, to another host; a part of `daemon`, which has their
# helpers. Each host has a folder, a daemon and a host TPM of its own; openssl plays the fleet's CA.

declare -A pids=()

# at HOST COMMAND...: a helper, on that host
at() {
	local name=$1 place=$place/$1 vtpmd=${pids[$1]:-} status
	shift
	"$@"
	status=$?
	pids[$name]=$vtpmd
	return $status
}

fleet() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=fleet \
		-keyout "$place/fleet.key" -out "$place/fleet.pem" 2>/dev/null
}

# enlist: this host's CA is certified by the fleet's, as a verifier does
enlist() {
	local name=${place##*/} above=${place%/*}
	ctl ca init --csr >"$place/csr.pem" || return
	printf 'basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign\n' \
		>"$place/ext"
	openssl x509 -req -in "$place/csr.pem" -CA "$above/fleet.pem" -CAkey "$above/fleet.key" \
		-CAcreateserial -extfile "$place/ext" -subj "/OU=vtpm host CA/CN=$name" \
		-days 1 -out "$place/host.pem" 2>/dev/null || return
	cat "$place/host.pem" "$above/fleet.pem" >"$place/chain.pem"
	ctl ca import "$place/chain.pem" && ctl host move-key --output "$above/$name.pem"
}

member() { mkdir -p "$place" && ready && enlist; }
hosts() {
	local name
	fleet || return
	for name in "$@"; do
		at "$name" member && verdict "$name" passed 300 || return
	done
}

# verdict HOST STATUS SECONDS: as the fleet's verifier signs it, in HOST.json
verdict() {
	local text now until
	now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
	until=$(date -u -d "$3 seconds" +%Y-%m-%dT%H:%M:%SZ)
	text="{\"format\":\"vtpm-verdict-v1\",\"host\":\"$1\",\"ak_name\":\"000b00\",\"clock\":1,"
	text+="\"resets\":1,\"restarts\":0,\"status\":\"$2\",\"verified_at\":\"$now\","
	text+="\"valid_until\":\"$until\",\"verified_by\":\"v\",\"policy\":null,\"ima_policy\":null}"
	{ printf 'vtpm-verdict-v1\0'; printf %s "$text"; } |
		openssl dgst -sha256 -sign "$place/fleet.key" -out "$place/signature" || return
	python3 - "$text" "$place/signature" >"$place/$1.json" <<-'END'
		import base64, json, sys
		signature = base64.urlsafe_b64encode(open(sys.argv[2], "rb").read()).decode().rstrip("=")
		print(json.dumps({"verdict": {"statement": sys.argv[1], "signature": signature}}))
	END
}

# send NAME HOST [OPTION...]: from this one, as above/NAME.package
send() {
	local above=${place%/*} name=$1 host=$2
	shift 2
	ctl export "$name" --to "$above/$host.pem" --verdict "$above/$host.json" \
		--output "$above/$name.package" "$@"
}
again() { ctl export "$1" --again --output "$2"; }
take() { ctl import "${place%/*}/$1.package" --front-end socket "${@:2}"; }

# What a guest has: a counter in NV, a key that stays, and what it can do with it.
furnish() {
	ctl create "$1" --front-end socket && define_counter "$1" || return
	tools "$1" createprimary -Q -C o -G ecc -c "$place/key.ctx" &&
		tools "$1" evictcontrol -Q -C o -c "$place/key.ctx" 0x81000005 &&
		tools "$1" readpublic -Q -c 0x81000005 -n "${place%/*}/$1.name" &&
		ctl stop "$1"
}
furnished() {
	is "$(nv "$1")" "$2" && tools "$1" readpublic -Q -c 0x81000005 -n "$place/name" &&
		cmp "$place/name" "${place%/*}/$1.name"
}

# moves_not CODE WORDS COMMAND...: refused with this exit status and these words
moves_not() {
	local code=$1 words=$2 out status
	shift 2
	out=$("$@" 2>&1)
	status=$?
	is $status "$code" && has "$out" "$words"
}

move() {
	hosts here there third || return
	at here furnish web1 || return
	at here send web1 there || return
	at here is "$(at here field web1 state)" moved || return
	has "$(at here field web1 reason)" "left for the host there" || return
	at here moves_not 4 "left for the host there" ctl start web1 || return
	at here moves_not 4 "left for the host there" send web1 there || return
	# the same package, whoever lost it; and after a restart
	at here again web1 "$place/again" && cmp "$place/web1.package" "$place/again" || return
	at here stop && at here up && at here until_true 10 host_is unlocked || return
	at here is "$(at here field web1 state)" moved || return
	at here again web1 "$place/again" && cmp "$place/web1.package" "$place/again" || return
	# nobody else opens it, and no byte of it may change
	at third moves_not 6 "sent to another host" take web1 || return
	cp "$place/web1.package" "$place/whole"
	printf 'x' | dd of="$place/web1.package" bs=1 seek=20000 conv=notrunc status=none
	at there moves_not 2 "was changed" take web1 || return
	cp "$place/whole" "$place/web1.package"
	at there take web1 --dry-run || return
	at there take web1 && at there ctl wait web1 && at there furnished web1 1 || return
	at there tools web1 nvincrement -Q -C o 0x1500016 && at there is "$(at there nv web1)" 2 || return
	is "$(at there field web1 epoch)" 2 || return
	# its keys have certificates of this host once it was powered on
	until_true 20 certified there web1 || return
	# once
	at there moves_not 4 "the vTPM of the package is here" take web1 --name web2 || return
	at there ctl remove web1 --yes || return
	at there moves_not 4 "was on this host already" take web1 || return
	at there stop && at there up && at there until_true 10 host_is unlocked || return
	at there moves_not 4 "was on this host already" take web1 || return
	# erased here: gone for good, and it still does not come back as it was
	at here ctl remove web1 --yes && at here moves_not 3 "no vTPM" again web1 "$place/none"
}
certified() { [ "$(at "$1" field "$2" certificate)" = issued ]; }
check move move

# And back, which only a later epoch can; what was left of it here is erased first.
move_back() {
	hosts here there || return
	at here furnish web1 && at here send web1 there || return
	at there take web1 && at there ctl wait web1 && at there ctl stop web1 || return
	at there send web1 here || return
	at here moves_not 4 "is here" take web1 || return
	at here ctl remove web1 --yes && at here take web1 && at here ctl wait web1 || return
	at here furnished web1 1 && is "$(at here field web1 epoch)" 3 || return
	at there is "$(at there field web1 state)" moved
}
check move-back move_back

# What is in the way is listed, all of it, and nothing is done.
move_blockers() {
	local out
	hosts here there || return
	at here ctl create web1 --front-end socket || return
	verdict there failed 300
	out=$(at here send web1 there --dry-run)
	is $? 4 && has "$out" "is not powered off" && has "$out" "has not passed" || return
	out=$(at here send web1 there --dry-run --json)
	has "$out" '"ready": false' && has "$out" '"type": "conflict"' || return
	at here moves_not 4 "is not powered off" send web1 there || return
	at here ctl stop web1 || return
	at here moves_not 4 "has not passed" send web1 there || return
	verdict there passed 1 && sleep 2
	at here moves_not 4 "is over" send web1 there || return
	verdict there passed 300 && cp "$place/there.json" "$place/here.json"
	at here moves_not 2 "it needs no move" send web1 here || return
	sed -i 's/passed/pissed/' "$place/there.json"
	at here moves_not 6 "not signed by the fleet" send web1 there || return
	verdict there passed 300
	# another fleet's
	cp "$place/fleet.key" "$place/ours.key" && cp "$place/fleet.pem" "$place/ours.pem"
	fleet && at there enlist || return
	at here moves_not 2 "does not end in the CA" send web1 there || return
	is "$(at here field web1 state)" defined && at here ctl start web1 && ! [ -e "$place/web1.package" ]
}
check move-blockers move_blockers

# The store of before the move, put back: found out, though nobody waited for a window to end.
move_old_store() {
	hosts here there || return
	at here furnish web1 && at here stop && at here save || return
	at here up && at here until_true 10 host_is unlocked && at here send web1 there || return
	kill -9 "${pids[here]}"
	pkill -9 -f -- "$place/here/run"
	at here put_back
	at here up && at here until_true 20 store_is old && at here host_is locked || return
	at here moves_not 5 "older copy" ctl start web1
}
check move-old-store move_old_store

# ends HOST: vtpmd dies, and another one comes
ends() {
	kill -9 "${pids[$1]}"
	wait "${pids[$1]}"
	at "$1" up && at "$1" until_true 20 host_is unlocked
}

# starts HOST NAME: does it live there?
starts() { at "$1" ctl start "$2" && at "$1" ctl stop "$2"; }

# Killed anywhere on either side: never two live, and never none that could. MOVES: how many.
move_killed() {
	local i delay name sent=0 came=0 asked began span
	hosts here there || return
	# how long one takes that nobody disturbs: the deaths are spread over that, and a little more
	at here ctl create web0 --front-end socket --no-start || return
	began=$EPOCHREALTIME
	at here send web0 there || return
	span=$(ms "$began")
	for ((i = 1; i <= ${MOVES:-6}; i++)); do
		name=web$i
		delay=$((i * span * 5 / 4 / ${MOVES:-6}))
		delay=$(printf 0.%03d $((delay < 999 ? delay : 999)))
		at here ctl create "$name" --front-end socket --no-start || return
		verdict there passed 300
		(at here send "$name" there) &
		asked=$!
		sleep "$delay"
		ends here || return
		wait $asked
		if [ "$(at here field "$name" state)" = defined ]; then
			[ ! -e "$place/$name.package" ] && starts here "$name" || return
			at here send "$name" there || return
		else
			sent=$((sent + 1))
			! starts here "$name" || return
			at here again "$name" "$place/again" || return
			[ ! -e "$place/$name.package" ] ||
				cmp "$place/again" "$place/$name.package" || return
			mv "$place/again" "$place/$name.package"
		fi
		(at there take "$name" --no-start) &
		asked=$!
		sleep "$delay"
		ends there || return
		wait $asked
		if at there ctl show "$name" >/dev/null 2>&1; then
			came=$((came + 1))
			! at there take "$name" --no-start || return
		else
			at there take "$name" --no-start || return
		fi
		starts there "$name" && ! starts here "$name" || return
	done
	echo "of $((i - 1)), $sent had left and $came had come when vtpmd was killed"
}
check move-killed move_killed

# enlist_there: this host is enrolled at the verifier, which certifies its CA, and is judged by it
enlist_there() {
	local name=${place##*/} above=${place%/*} token
	token=$(place=$above grant enrol rack)
	mkdir -p "$place" && measured && init || return
	attest --nonce "$nonce" --output "$place/bundle" || return
	curl -sS --cacert "$above/ca.pem" -H "Authorization: Bearer $(place=$above grant admin boss)" \
		-d "{\"public\": \"$(bundle get ek public)\"}" "$url/v1/eks" || return
	ctl host enrol "$url" --ca "$above/ca.pem" --state-dir "$place/state" --token "$token" ||
		return
	ctl host move-key --output "$above/$name.pem" || return
	elsewhere attest --to "$url" --json >"$above/$name.json"
}

# The same with the fleet's real verifier; it hears that what was certified here is no more.
move_enrolled() {
	local name
	certificate && serve || return
	for name in here there; do
		at $name enlist_there || return
	done
	at here ctl create web1 --front-end socket && at here ctl reset web1 || return
	until_true 20 certified here web1 && at here ctl stop web1 || return
	at here ctl cert show web1 --key ek-p256 --encoding pem --output "$place/ek.pem" || return
	at here ctl ca show --pem >"$place/chain.pem" || return
	crl && verify ekcert "$place/ek.pem" --ca "$place/ca/ca.pem" --chain "$place/chain.pem" \
		--crl "$place/crl.pem" || return
	at here send web1 there || return
	at there take web1 && until_true 20 certified there web1 || return
	at here elsewhere attest --to "$url" || return
	crl && has "$(verify ekcert "$place/ek.pem" --ca "$place/ca/ca.pem" \
		--chain "$place/chain.pem" --crl "$place/crl.pem")" ek.revoked
}
if unshare --uts --mount true 2>/dev/null; then
	check move-enrolled move_enrolled
else
	skip move-enrolled 'nobody here can be another machine'
fi
