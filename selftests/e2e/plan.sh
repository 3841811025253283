# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154
#
# Checks of planned configurations; a part of `daemon`, which has their helpers. What the firmware
# measures is one variable, dbx: boot_log writes the log of such a boot, and boot_as is one.

# boot_log NAME VALUE: $place/NAME.log, and the digest in $place/NAME.digest
boot_log() {
	python3 - "$place/$1" "$2" <<-'END'
		import hashlib, struct, sys
		spec = b"Spec ID Event03\0" + struct.pack("<IBBBBIHHB", 0, 0, 2, 0, 2, 1, 11, 32, 0)
		guid = bytes.fromhex("cbb219d73a3d9645a3bcdad00e67656f")
		value = sys.argv[2].encode()
		data = guid + struct.pack("<QQ", 3, len(value)) + "dbx".encode("utf-16le") + value
		digest = hashlib.sha256(data).digest()
		with open(sys.argv[1] + ".log", "wb") as log:
		    log.write(struct.pack("<II20sI", 0, 3, bytes(20), len(spec)) + spec)
		    log.write(struct.pack("<IIIH", 7, 0x80000001, 1, 11) + digest)
		    log.write(struct.pack("<I", len(data)) + data)
		open(sys.argv[1] + ".digest", "w").write(digest.hex())
	END
	printf %s "$2" >"$place/$1.dbx"
}

# boot_as NAME: the machine is switched off, and boots so
boot_as() {
	[ ! -e "$place/run/api.sock" ] || stop || return
	[ ! -e "$place/tpm1" ] || tpm_off tpm1 || return
	tpm tpm1 || return
	tpm2_pcrextend -T "swtpm:path=$place/tpm1" "7:sha256=$(cat "$place/$1.digest")" && up
}

plan() { ctl seal plan --event-log "$place/$1.log" --dbx "$place/$2.dbx" "${@:3}"; }

planned() {
	boot_log old 'as it was' && boot_log new 'with more in it' && boot_log bad other || return
	boot_as old && init && ctl create web1 --front-end socket || return
	has "$(plan old new --dry-run)" "1 of 1 vTPMs open" || return
	has "$(plan old new --dry-run)" "has not opened this host yet" && has "$(plan old old 2>&1)" "opens by itself" || return
	has "$(plan new old 2>&1)" "PCR 7 does not follow from the log" || return
	plan old new --label update --recovery-code-fd 6 6<"$place/code" || return
	# what was not planned is locked, with its reason, and the code opens it
	boot_as bad && host_is locked && has "$(host_field reason)" "PCR 7 has changed" || return
	ctl host unlock --recovery-code-fd 6 6<"$place/code" && until_true 10 vtpm_is web1 running || return
	has "$(plan bad old --dry-run 2>&1)" "opened this host 0 days ago" || return
	has "$(ctl seal list)" "recovery code:   $(date -u +%Y-%m-%dT)" || return
	boot_as new && until_true 10 vtpm_is web1 running && has "$(ctl seal list)" update || return
	ctl seal retire && has "$(ctl seal list)" retired || return
	boot_as new && host_is unlocked || return
	boot_as old && host_is locked
}
check planned-boot planned

# The key is kept elsewhere, and the machine that has it knows neither daemon nor TPM.
planned_elsewhere() {
	boot_log old 'as it was' && boot_log new 'with more in it' || return
	openssl ecparam -name prime256v1 -genkey -noout -out "$place/plan.key" &&
		openssl ec -in "$place/plan.key" -pubout -out "$place/plan.pub" 2>/dev/null &&
		openssl ecparam -name prime256v1 -genkey -noout -out "$place/other.key" || return
	boot_as old && init --plan-key "$place/plan.pub" || return
	has "$(plan old new --recovery-code-fd 6 6<"$place/code" 2>&1)" "not the plan key" || return
	plan old new --output "$place/plan" || return
	has "$(ctl seal add --plan "$place/plan" 2>&1)" "not signed by the plan key" || return
	ctl seal sign --plan "$place/plan" --sign-with "$place/other.key" || return
	has "$(ctl seal add --plan "$place/plan" 2>&1)" "not signed by the plan key" || return
	ctl seal sign --plan "$place/plan" --sign-with "$place/plan.key" || return
	ctl seal add --plan "$place/plan" && boot_as new && host_is unlocked || return
	is "$(ctl seal list --json | python3 -c "import json,sys; print(json.load(sys.stdin)[\"opened\"])")" plan
}
check planned-elsewhere planned_elsewhere

unplanned_host() {
	boot_log old 'as it was' && boot_as old && init --plan-key none || return
	has "$(ctl seal list 2>&1)" "knows no plans"
}
check planned-not unplanned_host

key_of_host() { ctl seal list --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["plan_key"])'; }

# A host of before there were plans learns of them when it is bound.
planned_later() {
	local first
	boot_log old 'as it was' && boot_log new 'with more in it' || return
	boot_as old && init --plan-key none && ctl create web1 --front-end socket || return
	ctl host unlock --bind --plan-key none --recovery-code-fd 6 6<"$place/code" || return
	has "$(ctl seal list 2>&1)" "knows no plans" || return
	ctl host unlock --bind --recovery-code-fd 6 6<"$place/code" && first=$(key_of_host) || return
	plan old new --recovery-code-fd 6 6<"$place/code" || return
	boot_as new && until_true 10 vtpm_is web1 running || return
	is "$(ctl seal list --json | python3 -c "import json,sys; print(json.load(sys.stdin)[\"opened\"])")" plan || return
	# to bind again changes no key; to name one does
	ctl host unlock --bind --recovery-code-fd 6 6<"$place/code" && is "$(key_of_host)" "$first" || return
	openssl ecparam -name prime256v1 -genkey -noout -out "$place/plan.key" &&
		openssl ec -in "$place/plan.key" -pubout -out "$place/plan.pub" 2>/dev/null || return
	has "$(ctl host unlock --plan-key "$place/plan.pub" --recovery-code-fd 6 6<"$place/code" 2>&1)" \
		"add --bind" || return
	ctl host unlock --bind --plan-key "$place/plan.pub" --recovery-code-fd 6 6<"$place/code" || return
	! is "$(key_of_host)" "$first" >/dev/null || return
	plan new old --sign-with "$place/plan.key" && boot_as old && host_is unlocked
}
check planned-later planned_later
