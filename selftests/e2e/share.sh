# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154,SC2119
#
# Checks of a host that is bound to a verifier; a part of `daemon`, which has their helpers and
# those of evidence.sh. vtpm-verify is the verifier, and stands elsewhere.

bind_verifier() {
	"${where[@]}" "$root/build/vtpmctl" --runtime-dir "$place/run" host bind-verifier \
		--state-dir "$place/state" --event-log "$place/events" --ima-log "$place/ima" \
		--to "$url" --recovery-code-fd 6 6<"$place/code"
}

# asks METHOD PATH [BODY]: as the verifier's administrator
asks() {
	curl -sS --cacert "$place/ca.pem" -H "Authorization: Bearer $admin" -X "$1" \
		${3:+-d "$3"} "$url$2"
}

# enrolled_host: a host that passes, enrolled
enrolled_host() {
	measured && init && attest --nonce "$nonce" --output "$place/bundle" || return
	certificate && serve "share_every = 0" && admin=$(grant admin boss) || return
	asks POST /v1/eks "{\"public\": \"$(bundle get ek public)\"}" || return
	enrol --token "$(grant enrol rack)" && id=$(enrolled host)
}

share_is() { is "$(host_field verifier_share)" "$1" && is "$(host_field state)" "$2"; }
shares() { verify share show "$id" --config "$place/conf"; }

# The machine is switched off in order and on, and boots what it booted before.
reboot() {
	boots=$((${boots:-12} + 1))
	stop && tpm2_shutdown -T "swtpm:path=$place/tpm1" -c && tpm_off tpm1 && tpm tpm1 && measure && up
}
waits() { until_true 10 share_is missing locked; }

kill_keyd() {
	pkill -9 -f -- "vtpm-keyd.*--runtime-dir $place/run"
	until_true 10 keyd_here
}

share_opens() {
	local admin id first boots=12
	enrolled_host && ctl create web1 --front-end socket && define_counter web1 || return
	has "$(ctl host show)" "verifier:        none" || return
	ctl ca show --pem >"$place/before.pem" || return
	! bind_verifier || return
	has "$(elsewhere bind_verifier)" "bound: " || return
	share_is bound unlocked && has "$(shares)" "releases:  1" || return
	has "$(verify hosts --config "$place/conf")" "$id  passed   kept" || return
	# what is bound to the same PCRs is not sealed anew for others: the host's CA stays
	ctl ca show --pem | cmp - "$place/before.pem" || return
	first=$(nv web1)
	reboot && waits || return
	has "$(ctl host show)" "waiting for the verifier's share" || return
	has "$(ctl start web1 2>&1)" "host attest --to URL" || return
	has "$(ctl create web2 --front-end socket 2>&1)" "waiting for the verifier's share" || return
	! ctl host unlock --recovery-code-fd 6 6< <(echo nonsense) || return
	# the unit's one line at boot; what ran before runs again
	has "$(elsewhere attest --to "$url")" "passed: " || return
	share_is bound unlocked && until_true 10 vtpm_is web1 running || return
	is "$(nv web1)" "$first" && has "$(shares)" "releases:  2" || return
	ctl create web2 --front-end socket || return
	# the next round asks for no share
	has "$(elsewhere attest --to "$url")" "passed: " && has "$(shares)" "releases:  2" || return
	# killed, keyd asks anew; what runs goes on, and what it writes waits for keyd
	kill_keyd && waits || return
	tools web1 getrandom --hex 4 && tools web1 pcrextend "16:sha256=$nonce" || return
	is "$(nv web1)" "$first" || return
	tools web1 nvincrement -Q -C o 0x1500016 &
	local writing=$!
	ctl stop web2 && ! ctl start web2 || return
	has "$(elsewhere attest --to "$url")" "passed: " && share_is bound unlocked || return
	ctl start web2 && wait $writing && is "$(nv web1)" $((first + 1)) || return
	# and back
	! ctl host unbind-verifier --recovery-code-fd 6 6< <(echo nonsense) || return
	ctl host unbind-verifier --recovery-code-fd 6 6<"$place/code" || return
	reboot && until_true 10 host_is unlocked && share_is none unlocked
}

share_is_refused() {
	local admin id boots=12
	enrolled_host && ctl create web1 --front-end socket || return
	elsewhere bind_verifier || return
	# the verifier's own machine is not vouched for by itself
	kill_keyd && waits || return
	has "$(attest --to "$url" 2>&1)" "share.status" && share_is missing locked || return
	# something is measured that is in no log: PCRs 7 and 14 stay, but the host fails
	stop && tpm2_pcrextend -T "swtpm:path=$place/tpm1" "12:sha256=$nonce" && up && waits || return
	has "$(elsewhere attest --to "$url" 2>&1)" "share.held" && share_is missing locked || return
	elsewhere attest --to "$url" --json >"$place/said" 2>&1
	is "$?" 5 || return
	has "$(elsewhere attest --to "$url" 2>&1)" "failed: " || return
	has "$(ctl start web1 2>&1)" "the host root key is locked" || return
	# in order again, it stays failed until somebody says so
	reboot && waits || return
	has "$(elsewhere attest --to "$url" 2>&1)" "share.held" || return
	asks POST "/v1/hosts/$id/acknowledge" || return
	has "$(elsewhere attest --to "$url")" "passed: " && share_is bound unlocked || return
	has "$(asks GET "/v1/hosts/$id/events")" '"share.held"' || return
	has "$(asks GET "/v1/hosts/$id/events")" '"share.released"' || return
	# revoked: the code opens the host, and binds it anew
	verify share revoke "$id" --config "$place/conf" && ! shares || return
	kill_keyd && waits || return
	has "$(elsewhere attest --to "$url" 2>&1)" "share.none" || return
	has "$(elsewhere bind_verifier)" "bound: " && share_is bound unlocked || return
	kill_keyd && waits || return
	has "$(elsewhere attest --to "$url")" "passed: " && share_is bound unlocked || return
	# who is removed has no share any more
	asks DELETE "/v1/hosts/$id" && ! shares
}

# The verifier is away: what runs goes on, nothing else starts, and the code opens.
share_without_verifier() {
	local admin id
	enrolled_host && ctl create web1 --front-end socket && elsewhere bind_verifier || return
	kill "$serving" && wait "$serving"
	kill_keyd && waits || return
	tools web1 getrandom --hex 4 || return
	has "$(elsewhere attest --to "$url" 2>&1)" "cannot be asked" || return
	has "$(ctl create web2 --front-end socket 2>&1)" "waiting for the verifier's share" || return
	ctl host unlock --bind --recovery-code-fd 6 6<"$place/code"
	until_true 10 share_is bound unlocked || return
	ctl create web2 --front-end socket && tools web2 getrandom --hex 4 || return
	kill_keyd && waits || return
	ctl host unlock --recovery-code-fd 6 6<"$place/code" && share_is bound unlocked
}

if unshare --uts --mount true 2>/dev/null; then
	check share-opens share_opens
	check share-is-refused share_is_refused
	check share-without-verifier share_without_verifier
else
	for name in share-opens share-is-refused share-without-verifier; do
		skip $name 'nobody here can be another machine'
	done
fi
