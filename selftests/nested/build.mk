# SPDX-License-Identifier: GPL-2.0
# make check-nested: a virtual machine in the lab measures itself into a vTPM of ours.

check-nested: programs $(B)/selftests/serve
	@$(MAKE) -s modules KERNELS=$(or $(KERNEL),6.1)
	@selftests/nested/run

.PHONY: check-nested
