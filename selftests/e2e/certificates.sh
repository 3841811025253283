# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154,SC2034
#
# Checks of vTPMs' certificates; a part of `daemon`, which has their helpers. tpm2-tools find
# them as any guest does, and openssl judges them.

keys=(ek-rsa2048 ek-p256 ek-p384 iak)
declare -A handle_of=([ek-rsa2048]=0x81010001 [ek-p256]=0x8101000a [ek-p384]=0x81010016 [iak]=0x81020001)
declare -A index_of=([ek-rsa2048]=0x1c00002 [ek-p256]=0x1c0000a [ek-p384]=0x1c00016 [iak]=0x1c90100)

host_ca() {
	python3 "$root/selftests/e2e/keyd.py" "$place/run/keyd.sock" ca lab >"$place/ca.der" &&
		openssl x509 -inform der -in "$place/ca.der" -out "$place/ca.pem"
}

# status NAME KEY [MEMBER]
status() {
	ctl cert list "$1" --json | python3 -c "
import json, sys
print([c['${3:-status}'] for c in json.load(sys.stdin)['certificates'] if c['key'] == '$2'][0])"
}

# all_are NAME STATUS
all_are() {
	local key
	for key in "${keys[@]}"; do
		is "$(status "$1" "$key")" "$2" || return
	done
	is "$(field "$1" certificate)" "$2"
}

# guest_finds NAME [CA]: what a guest's own tools see is what vtpmctl says, of the right key
guest_finds() {
	local key
	for key in "${keys[@]}"; do
		tools "$1" nvread -Q -C "${index_of[$key]}" "${index_of[$key]}" -o "$place/nv.der" || return
		ctl cert show "$1" --key "$key" --encoding der --output "$place/shown.der" || return
		cmp "$place/nv.der" "$place/shown.der" || return
		openssl x509 -inform der -in "$place/nv.der" -out "$place/nv.pem" || return
		tools "$1" readpublic -Q -c "${handle_of[$key]}" -f pem -o "$place/key.pem" || return
		is "$(openssl x509 -in "$place/nv.pem" -noout -pubkey)" "$(openssl pkey -pubin -in "$place/key.pem")" ||
			return
		is "$(ctl cert show "$1" --key "$key" --encoding public)" "$(cat "$place/key.pem")" || return
		[ -z "${2-}" ] || openssl verify -CAfile "$2" "$place/nv.pem" || return
	done
}

cert_host_ca() {
	ready && host_ca && ctl create web1 --front-end socket || return
	# nobody waited for the host TPM
	all_are web1 pending || return
	! tools web1 nvread -Q -C 0x1c00002 0x1c00002 || return
	ctl reset web1 && all_are web1 issued || return
	guest_finds web1 "$place/ca.pem" || return
	# as tpm2-tools look for it themselves
	tools web1 getekcertificate -o "$place/one.crt" -o "$place/two.crt" || return
	ctl cert show web1 --key ek-rsa2048 --encoding der --output "$place/shown.der" || return
	cmp "$place/one.crt" "$place/shown.der" || return
	# a guest cannot change it, and a power cycle leaves it
	head -c 4 /dev/zero >"$place/zeros"
	! tools web1 nvwrite -Q -C o -i "$place/zeros" 0x1c00002 || return
	! tools web1 nvundefine -Q -C o 0x1c00002 || return
	cp "$place/shown.der" "$place/before.der"
	ctl reset web1 && guest_finds web1 "$place/ca.pem" || return
	ctl cert show web1 --key ek-rsa2048 --encoding der --output "$place/shown.der" || return
	cmp "$place/before.der" "$place/shown.der" || return
	# renewed when somebody wishes it, and over a restart of all
	ctl cert renew web1 --key ek-rsa2048 || return
	is "$(status web1 ek-rsa2048 next)" renew || return
	stop && up && ctl wait web1 || return
	is "$(status web1 ek-rsa2048 next)" None && all_are web1 issued || return
	guest_finds web1 "$place/ca.pem" || return
	ctl cert show web1 --key ek-rsa2048 --encoding der --output "$place/shown.der" || return
	! cmp -s "$place/shown.der" "$place/before.der" || return
	# TPM2_Clear takes the keys off their handles, but they are the same keys
	tools web1 clear -Q -c l && ! tools web1 readpublic -Q -c 0x81010001 || return
	ctl cert renew web1 && ctl reset web1 && all_are web1 issued || return
	tools web1 createek -Q -G rsa -c "$place/ek.ctx" -u "$place/ek.pem" -f pem || return
	tools web1 flushcontext -t
	tools web1 nvread -Q -C 0x1c00002 0x1c00002 -o "$place/nv.der" || return
	is "$(openssl x509 -inform der -in "$place/nv.der" -noout -pubkey)" "$(cat "$place/ek.pem")"
}
check cert-host-ca cert_host_ca

# A spare is certified before anybody has it, and its certificate says who it is.
cert_spare() {
	local uuid
	ready && host_ca && stop || return
	spares=2
	up && until_true 20 spare_is_there || return
	ctl create web1 --front-end socket || return
	all_are web1 issued && guest_finds web1 "$place/ca.pem" || return
	uuid=$(field web1 uuid)
	ctl cert show web1 --key iak --encoding der --output "$place/shown.der" || return
	has "$(od -An -v -tx1 "$place/shown.der" | tr -d ' \n')" "${uuid//-/}"
}
spare_is_there() { [ "$(host_field spares)" -ge 1 ]; }
check cert-spare cert_spare

cert_no_ca() {
	ready && ctl create web1 --front-end socket && ctl reset web1 || return
	all_are web1 pending || return
	has "$(ctl cert list web1)" "no CA" || return
	has "$(ctl cert show web1 --key iak 2>&1)" "no CA"
}
check cert-no-ca cert_no_ca

# A CA of the operator's: openssl takes the requests, and what it issues is written.
cert_own_ca() {
	local key
	ready && ctl create web1 --front-end socket || return
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=own -days 9 \
		-keyout "$place/ca.key" -out "$place/ca.pem" || return
	for key in "${keys[@]}"; do
		ctl cert csr web1 --key "$key" --output "$place/csr" || return
		openssl req -in "$place/csr" -noout -verify || return
		ctl cert show web1 --key "$key" --encoding public --output "$place/public" || return
		openssl x509 -req -in "$place/csr" -force_pubkey "$place/public" -CA "$place/ca.pem" \
			-CAkey "$place/ca.key" -days 3 -out "$place/$key.pem" || return
		ctl cert replace web1 --key "$key" --certificate "$place/$key.pem" || return
		is "$(status web1 "$key" next)" replace || return
	done
	# of another key, and of none
	has "$(ctl cert replace web1 --key iak --certificate "$place/ek-p256.pem" 2>&1)" "another key" || return
	has "$(ctl cert replace web1 --key iak --certificate "$place/ca.key" 2>&1)" "no certificate" || return
	ctl reset web1 && all_are web1 issued && guest_finds web1 "$place/ca.pem" || return
	is "$(status web1 iak source)" "own CA" || return
	# the keys are all still there for the guest, and nothing was left in its places
	is "$(tools web1 getcap handles-transient)" ""
}
check cert-own-ca cert_own_ca

# Whoever accepts an older store moves all vTPMs into their next epoch: what says the former one
# is stale, until the next power cycle.
cert_stale() {
	ready && host_ca && ctl create web1 --front-end socket && ctl reset web1 || return
	all_are web1 issued && ctl stop web1 && stop && cp -a "$place/state" "$place/old" || return
	up && ctl create web2 --front-end socket && stop || return
	rm -rf "$place/state" && mv "$place/old" "$place/state" && up || return
	ctl host unlock --accept-rollback --recovery-code-fd 3 3<"$place/code" || return
	all_are web1 stale || return
	is "$(status web1 iak epoch)" 1 && is "$(field web1 epoch)" 2 || return
	ctl start web1 && all_are web1 issued || return
	is "$(status web1 iak epoch)" 2 && guest_finds web1 "$place/ca.pem"
}
check cert-stale cert_stale
