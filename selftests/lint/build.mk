# SPDX-License-Identifier: GPL-2.0
# make lint
#	every lint of this folder; `selftests/lint/all floors sizes` runs some
# make check-lint
#	the lints themselves: each finds what was planted

LINT := selftests/lint

lint:
	@$(LINT)/all

check-lint:
	@$(LINT)/test

.PHONY: lint check-lint

# make check [STAGES="lint unit"]
#	what is worth knowing before a merge, in one table; CI runs this
check:
	@selftests/check $(STAGES)

.PHONY: check
