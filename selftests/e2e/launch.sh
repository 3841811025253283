# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154
#
# Checks of measured launches; a part of `daemon`, which has their helpers. What a container
# runs is in PCRs that its users cannot change, and the log explains them.

# What the log says that PCR N holds: the image by a dynamic launch, the others extended.
replayed() {
	ctl log "$1" | python3 -c '
import hashlib, json, sys
value = bytes(32)
for record in json.load(sys.stdin):
    if record["pcr"] == int(sys.argv[1]):
        digest = bytes.fromhex(record["digests"][0]["digest"])
        assert hashlib.sha256(record["content"]["event"].encode()).digest() == digest
        value = hashlib.sha256(value + digest).digest()
print(value.hex())' "$2"
}
pcr() { tools "$1" pcrread -Q -o /dev/stdout "sha256:$2" | od -An -v -tx1 | tr -d ' \n'; }

replays() {
	for i in 17 18 8 9; do
		is "$(pcr "$1" $i)" "$(replayed "$1" $i)" || return
	done
}

# launch NAME DIGIT [OPTION...]: of an image and a configuration made of that digit
launch() {
	local digest
	digest=sha256:$(printf '%064d' "$2" | tr 0 "$2")
	ctl launch "$1" --image "$digest" --configuration "$digest" "${@:3}"
}

container_launch() {
	local ones extended
	ones=$(printf '%064d' 0 | tr 0 f)
	ready && ctl create web1 --front-end socket --no-start && launch web1 1 || return
	has "$(ctl log web1)" "image sha256:1111" || return
	has "$(ctl log web1)" "declared by uid $(id -u)" || return
	replays web1 || return
	! tools web1 pcrextend "17:sha256=$ones" || return
	! tools web1 pcrextend "18:sha256=$ones" || return
	! tools web1 pcrreset 17 && ! tools web1 pcrreset 18 && replays web1 || return
	# the engine dies: the same PCRs, no second measurement
	kill -9 "$(field web1 engine_pid)" && replays web1 || return
	# keep: the same launch changes nothing, another one is refused
	tools web1 pcrextend "16:sha256=$ones" && extended=$(pcr web1 16) || return
	launch web1 1 --restart keep && is "$(pcr web1 16)" "$extended" || return
	! launch web1 2 --restart keep && replays web1 || return
	# reset: another launch, and nothing left of the one before
	launch web1 2 && has "$(ctl log web1)" "image sha256:2222" && replays web1 || return
	! is "$(pcr web1 16)" "$extended" || return
	# without a launch there are ones, and no log
	ctl reset web1 && is "$(pcr web1 17)" "$ones" && is "$(pcr web1 18)" "$ones" || return
	is "$(ctl log web1)" '[]' || return
	! ctl launch web1 --image sha256:1 --configuration sha256:2 2>"$place/err" || return
	has "$(cat "$place/err")" 'member "configuration" must be "sha256:" and 64 digits' ||
		has "$(cat "$place/err")" 'member "image" must be "sha256:" and 64 digits'
}
check container-launch container_launch

# vtpmd does not forget what is measured in an engine that it finds.
launch_outlives() {
	ready && ctl create web1 --front-end socket --no-start && launch web1 1 || return
	kill -9 "$vtpmd"
	wait "$vtpmd"
	up && ctl wait web1 && replays web1 && launch web1 1 --restart keep || return
	! launch web1 2 --restart keep
}
check kill-vtpmd-after-launch launch_outlives

# Who launches hears of his launch, not of somebody's reset that came in between.
phase_is() { is "$(field "$1" phase)" "$2"; }
reset_meanwhile() {
	local launcher spawn
	ready && ctl create web1 --front-end socket --no-start && launch web1 1 || return
	spawn=$(one vtpm-spawn) && kill -STOP "$spawn" || return
	launch web1 2 &
	launcher=$!
	until_true 5 phase_is web1 stopping || return
	! ctl reset web1 2>"$place/err" && kill -CONT "$spawn" || return
	has "$(cat "$place/err")" "'web1' is being launched just now" || return
	wait $launcher && replays web1 && has "$(ctl log web1)" "image sha256:2222" || return
	ctl reset web1 && is "$(ctl log web1)" '[]'
}
check launch-and-reset reset_meanwhile
