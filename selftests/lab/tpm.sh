# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The guest's "physical" TPM: a swtpm outside the VM, with EK and platform
# certificates from a certificate authority of our own below $CACHE/swtpm-ca
# (issuercert.pem there is what a verifier in the lab trusts).

TPM_CA=$CACHE/swtpm-ca

tpm_ca_config() {
	mkdir -p "$1/ca"
	cat >"$1/localca.conf" <<-EOF
		statedir = $TPM_CA/ca
		signingkey = $TPM_CA/ca/signkey.pem
		issuercert = $TPM_CA/ca/issuercert.pem
		certserial = $TPM_CA/ca/certserial
	EOF
	cat >"$1/localca.options" <<-EOF
		--platform-manufacturer vtpm
		--platform-version 1
		--platform-model lab
	EOF
	cat >"$1/setup.conf" <<-EOF
		create_certs_tool = $(command -v swtpm_localca || echo /usr/bin/swtpm_localca)
		create_certs_tool_config = $TPM_CA/localca.conf
		create_certs_tool_options = $TPM_CA/localca.options
		active_pcr_banks = sha256
	EOF
}

# tpm_make STATE: manufacture a TPM unless STATE holds one already.
tpm_make() {
	local state=$1
	[ ! -e "$state/tpm2-00.permall" ] || return 0
	need swtpm swtpm_setup
	mkdir -p "$state"
	cache_entry "$TPM_CA" tpm_ca_config
	flock "$TPM_CA" swtpm_setup --tpm2 --config "$TPM_CA/setup.conf" --tpmstate "$state" \
		--create-ek-cert --create-platform-cert --logfile "$state/setup.log" >/dev/null || {
		say "swtpm_setup failed in $state:"
		tail -n 5 "$state/setup.log" >&2
		return 1
	}
}

# tpm_start STATE SOCKET [--tpm2]: run it in the background; it ends with QEMU. Without --tpm2
# it is a TPM 1.2, which needs nobody to manufacture it.
tpm_start() {
	local state=$1 socket=$2
	rm -f "$socket"
	mkdir -p "$state"
	swtpm socket ${3:+"$3"} --tpmstate "dir=$(realpath "$state")" \
		--ctrl "type=unixio,path=$socket" --log "file=${socket%/*}/swtpm.log" \
		--terminate &
	# shellcheck disable=SC2034 # the caller ends it
	TPM_PID=$!
	for _ in {1..100}; do
		[ -S "$socket" ] && return 0
		sleep 0.05
	done
	say "swtpm did not start on $state:"
	tail -n 5 "${socket%/*}/swtpm.log" >&2
	return 1
}
