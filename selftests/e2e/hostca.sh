# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154
#
# Checks of the host's CA; a part of `daemon`, which has their helpers and those of evidence.sh.
# openssl, which knows nothing of it, judges chains and lists.

# verifies ARG...: openssl, with nothing of this machine's
verifies() { openssl verify -x509_strict -no-CApath -no-CAstore "$@" >/dev/null 2>&1; }

# A host without a verifier: a root of its own, then one below somebody else's CA.
host_ca() {
	ready || return
	has "$(ctl ca show)" "certificate:     none: " || return
	ctl ca init || return
	has "$(ctl ca show)" "signed by:     CN=$(hostname),OU=vtpm host CA" || return
	ctl ca show --pem >"$place/root.pem" || return
	verifies -CAfile "$place/root.pem" "$place/root.pem" || return
	has "$(ctl ca init 2>&1)" "has a CA with a certificate" || return
	ctl ca init --csr --new >"$place/csr.pem" || return
	openssl req -in "$place/csr.pem" -verify -noout || return
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-384 -nodes -subj /CN=above \
		-keyout "$place/above.key" -out "$place/above.pem" || return
	printf 'basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign\n' \
		>"$place/ext"
	openssl x509 -req -in "$place/csr.pem" -CA "$place/above.pem" -CAkey "$place/above.key" \
		-CAcreateserial -extfile "$place/ext" -out "$place/host.pem" || return
	# the certificate of another key, and nothing at all
	! ctl ca import "$place/root.pem" || return
	! ctl ca import "$place/ext" || return
	! ctl ca import "$place/nothing" || return
	cat "$place/host.pem" "$place/above.pem" >"$place/chain.pem"
	ctl ca import "$place/chain.pem" || return
	has "$(ctl ca show)" "CN=above" || return
	ctl ca show --pem | cmp - "$place/chain.pem" || return
	stop && up && until_true 10 host_is unlocked || return
	has "$(ctl ca show)" "CN=above"
}
check host-ca host_ca

# crl: the verifier's list, in crl.pem
crl() {
	curl -sS --cacert "$place/ca.pem" "$url/v1/crl" |
		openssl crl -inform der -out "$place/crl.pem"
}
# listed: is the host's CA good by the list?
good() {
	crl && verifies -crl_check_all -CRLfile "$place/crl.pem" -CAfile "$place/ca/ca.pem" \
		"$place/host.pem"
}

of_plans() { ctl seal list --json | python3 -c "import json,sys; print(json.load(sys.stdin)['$1'])"; }

host_ca_enrolled() {
	local admin id
	measured && init && attest --nonce "$nonce" --output "$place/bundle" || return
	certificate && serve && admin=$(grant admin boss) || return
	curl -sS --cacert "$place/ca.pem" -H "Authorization: Bearer $admin" \
		-d "{\"public\": \"$(bundle get ek public)\"}" "$url/v1/eks" || return
	enrol --token "$(grant enrol rack)" || return
	ctl ca show --pem >"$place/chain.pem" || return
	openssl x509 -in "$place/chain.pem" -out "$place/host.pem" || return
	verifies -CAfile "$place/ca/ca.pem" "$place/host.pem" || return
	id=$(openssl x509 -in "$place/host.pem" -noout -subject | sed 's/.*CN *= *//')
	has "$(cat "$place/state/attest/enrolment")" "$id" || return
	good || return
	verify ca crl --config "$place/conf" >"$place/crl.pem" || return
	has "$(openssl crl -in "$place/crl.pem" -noout -CAfile "$place/ca/ca.pem" 2>&1)" OK || return
	# another certificate of the same key, and the list is not longer
	ctl ca renew --state-dir "$place/state" && ctl ca show --pem >"$place/chain.pem" || return
	good || return
	elsewhere attest --to "$url" || return
	# bound to the same configuration, the key of its CA is good; sealed anew for another sequence,
	# the host needs another one, which the next round has made and certified
	ctl host unlock --bind --recovery-code-fd 6 6<"$place/code" || return
	ctl ca show --pem | cmp - "$place/chain.pem" || return
	ctl seal retire --sequence "$(of_plans sequence)" || return
	has "$(ctl ca show)" "key:             none" || return
	elsewhere attest --to "$url" && ctl ca show --pem >"$place/chain.pem" || return
	! cmp -s <(openssl x509 -in "$place/chain.pem" -noout -pubkey) \
		<(openssl x509 -in "$place/host.pem" -noout -pubkey) || return
	openssl x509 -in "$place/chain.pem" -out "$place/host.pem" && good || return
	# who is removed is revoked
	curl -sS --cacert "$place/ca.pem" -H "Authorization: Bearer $admin" -X DELETE \
		"$url/v1/hosts/$id" || return
	! good
}
if unshare --uts --mount true 2>/dev/null; then
	check host-ca-enrolled host_ca_enrolled
else
	skip host-ca-enrolled 'nobody here can be another machine'
fi
