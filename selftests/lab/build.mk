# SPDX-License-Identifier: GPL-2.0
# make modules [KERNELS="6.1 6.12 new"] [W=1] [C=1|2] [V=1] [CF=...]
#	the driver for each kernel of the lab: build/modules/RELEASE/vtpm.ko
# make check-lab
#	the lab's own tests

LAB := selftests/lab
KERNELS ?= $(shell $(LAB)/kernel list)
KBUILD_PASS := W C V CF CHECK KCFLAGS

modules:
	@$(LAB)/modules $(KERNELS) \
		$(foreach v,$(KBUILD_PASS),$(if $($(v)),'$(v)=$($(v))'))

check-lab:
	$(LAB)/test

.PHONY: modules check-lab
