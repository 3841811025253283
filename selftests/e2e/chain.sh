# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154
#
# Checks of the chain from the fleet's CA to an application key; a part of `daemon`, which has
# their helpers, with those of evidence.sh, certificates.sh and hostca.sh. First what nobody here wrote
# follows it, link by link (openssl, tpm2-tools, hashlib), then vtpm-verify does.

# A host of a fleet, with a vTPM that is certified.
fleet() {
	measured && init && attest --nonce "$nonce" --output "$place/bundle" || return
	elsewhere verify learn "$place/bundle" --nonce "$nonce" >"$place/policy" || return
	certificate && serve && admin=$(grant admin boss) || return
	post() {
		curl -sS --cacert "$place/ca.pem" -H "Authorization: Bearer $admin" "${@:2}" "$url$1"
	}
	post /v1/eks -d "{\"public\": \"$(bundle get ek public)\"}" || return
	enrol --token "$(grant enrol rack)" || return
	ctl create web1 --front-end socket && ctl reset web1 && all_are web1 issued
}

# application: a key of the guest's, certified by the vTPM's, in app.pub, app.msg and app.sig
application() {
	cd "$place" || return
	alone createprimary -Q -C o -G ecc -c srk.ctx &&
		alone create -Q -C srk.ctx -G ecc256:ecdsa-sha256:null -u app.tpm -r app.prv \
			-a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign' &&
		alone load -Q -C srk.ctx -u app.tpm -r app.prv -c app.ctx &&
		alone certify -Q -c app.ctx -C 0x81020001 -g sha256 -o app.msg -s app.sig &&
		alone readpublic -Q -c app.ctx -o app.pub
}

deep_bundle() { deep_attest web1 bundle --app-key "$place/app"; }

# papers: certificates of the bundle, as PEM
papers() {
	bundle file deep host ak certificate ak.der && bundle file ak certificate iak.der &&
		bundle file ek certificates 0 ek.der && bundle file ek chain chain.der || return
	local name
	for name in ak iak ek; do
		openssl x509 -inform der -in "$place/$name.der" -out "$place/$name.pem" || return
	done
	openssl x509 -inform der -in "$place/chain.der" -out "$place/host.pem"
}

# Links, as others see them. A host's CA makes no list of its own, so -crl_check_all is for what
# the fleet's CA signed.
by_others() {
	local root_ca="$place/ca/ca.pem"
	papers && crl || return
	verifies -crl_check_all -CRLfile "$place/crl.pem" -CAfile "$root_ca" "$place/ak.pem" || return
	verifies -crl_check_all -CRLfile "$place/crl.pem" -CAfile "$root_ca" "$place/host.pem" || return
	verifies -CAfile "$root_ca" -untrusted "$place/host.pem" "$place/iak.pem" || return
	verifies -CAfile "$root_ca" -untrusted "$place/host.pem" "$place/ek.pem" || return
	! verifies -CAfile "$root_ca" "$place/iak.pem" || return
	# the very keys: of the host's quote, of the vTPM's quote
	bundle file deep host ak public host-ak.pub && bundle file ak public iak.pub || return
	same_key host-ak.pub ak.pem && same_key iak.pub iak.pem || return
	# both quotes, and the tree between them
	bundle check "$nonce" 24 || return
	! bundle --forge message check "$nonce" 24 || return
	# the certify link, by some TPM that has nothing to do with it
	tpm other || return
	elsewhere_tpm loadexternal -Q -C n -u "$place/iak.pub" -c "$place/iak.ctx" &&
		elsewhere_tpm verifysignature -c "$place/iak.ctx" -g sha256 -m "$place/app.msg" \
			-s "$place/app.sig" || return
	# what was certified is the Name of the key: 0022 and it, before the qualified name
	elsewhere_tpm loadexternal -Q -C n -u "$place/app.pub" -c "$place/app2.ctx" -n "$place/app.name" ||
		return
	has "$(xxd -p "$place/app.msg" | tr -d '\n')" "0022$(xxd -p "$place/app.name" | tr -d '\n')"
}
elsewhere_tpm() {
	local tool=$1
	shift
	"tpm2_$tool" -T "swtpm:path=$place/other" "$@" &&
		tpm2_flushcontext -T "swtpm:path=$place/other" -t
}

# same_key PUBLIC CERTIFICATE: one key, as a TPM and as X.509 write it
same_key() {
	is "$(tpm2_print -t TPM2B_PUBLIC -f pem "$place/$1")" \
		"$(openssl x509 -in "$place/$2" -noout -pubkey)"
}

follow() {
	elsewhere appraise --nonce "$nonce" --ca "$place/ca/ca.pem" --crl "$place/crl.pem" "$@"
}

chain() {
	local said admin
	fleet && application && deep_bundle && by_others || return
	# what a guest's own tools find is what the fleet's CA vouches for
	cat "$place/ca/ca.pem" "$place/host.pem" >"$place/all.pem"
	guest_finds web1 "$place/all.pem" || return
	is "$(follow --app-key "$place/app.pub" | reasons)" deep.host-unmeasured || return
	said=$(elsewhere verify appraise "$place/bundle" --policy "$place/policy" --nonce "$nonce" \
		--ca "$place/ca/ca.pem" --crl "$place/crl.pem" --app-key "$place/app.pub")
	has "$said" "EK checked by CN=vtpm fleet CA, at $(date -u +%Y-)" || return
	has "$said" "its keys are certified by the CA of that host" || return
	has "$said" "application key: $(xxd -p "$place/app.name" | tr -d '\n')" || return
	# the key in files, and not the one that is in the bundle
	is "$(follow --app-key "$place/app.pub" --msg "$place/app.msg" --sig "$place/app.sig" |
		reasons)" deep.host-unmeasured || return
	has "$(follow --app-key "$place/ak.der" | reasons)" app.key || return
	# who is removed is revoked, with the next round of its host
	cp "$place/bundle" "$place/good"
	ctl remove web1 --yes && elsewhere attest --to "$url" && crl || return
	is "$(follow | reasons)" "chain.revoked deep.host-unmeasured" || return
	# a list of before does not know it, and that it is of before is said
	has "$(follow | python3 -c 'import json, sys; print(json.load(sys.stdin)["trust"])')" \
		"'revocations_at': '20" || return
	# evidence of the host alone
	attest --nonce "$nonce" --output "$place/alone" || return
	cp "$place/alone" "$place/bundle"
	is "$(follow | reasons)" "" || return
	post "/v1/hosts/$(enrolled host)" -X DELETE && crl || return
	is "$(follow | reasons)" chain.host-removed || return
	cp "$place/good" "$place/bundle"
	is "$(follow | reasons)" "chain.host-removed deep.host-unmeasured"
}
if unshare --uts --mount true 2>/dev/null; then
	check chain chain
else
	skipped=$((skipped + 1))
	echo "ok - chain # SKIP nobody here can be another machine"
fi
