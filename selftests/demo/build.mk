# SPDX-License-Identifier: GPL-2.0
# make demo: the main job, shown.
# make demo-attest: three hosts and a verifier, shown; VTPM_SCREENSHOT=1 makes the picture of the
#	report in the documentation anew

demo:
	@selftests/demo/run

demo-attest:
	@selftests/demo/attest

.PHONY: demo demo-attest
