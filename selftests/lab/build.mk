# SPDX-License-Identifier: GPL-2.0
# make modules [KERNELS="6.1 6.12 new"] [W=1] [C=1|2] [V=1] [CF=...]
#	the driver for each kernel of the lab: build/modules/RELEASE/vtpm.ko
# make debug-kernel
#	the kernel that --kernel debug boots, where the cache has none
# make check-lab [GROUPS="usage kernels"]
#	the lab's own tests; GROUPS=debug are those of the debug kernel

LAB := selftests/lab
KERNELS ?= $(shell $(LAB)/kernel list)
KBUILD_PASS := W C V CF CHECK KCFLAGS

modules:
	@$(LAB)/modules $(KERNELS) \
		$(foreach v,$(KBUILD_PASS),$(if $($(v)),'$(v)=$($(v))'))

debug-kernel:
	@$(LAB)/kernel debug vmlinuz

check-lab:
	$(LAB)/test $(GROUPS)

.PHONY: modules debug-kernel check-lab
