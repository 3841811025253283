# SPDX-License-Identifier: GPL-2.0
# make demo: the main job, shown.
# make demo-attest: three hosts and a verifier, shown; VTPM_SCREENSHOT=1 makes the picture of the
#	report in the documentation anew
# make demo-plan: another kernel and another firmware below a host's vTPMs, planned and not

demo:
	@selftests/demo/run

demo-attest:
	@selftests/demo/attest

demo-plan:
	@selftests/demo/plan

.PHONY: demo demo-attest demo-plan
