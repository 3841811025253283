# SPDX-License-Identifier: GPL-2.0
# make check-report: the verifier's security report, as a browser shows it.

check-report: build/vtpm-verify
	@selftests/report/run

.PHONY: check-report
