# SPDX-License-Identifier: GPL-2.0
# Containers with vTPMs: check-containers.

CONTAINER_LIB := $(shell $(CC) -print-multiarch)
CONTAINER_IMAGE := /usr/bin/tpm2 /usr/lib/$(CONTAINER_LIB)/libtss2-tcti-device.so.0

$(B)/containers/image.tar: selftests/containers/image
	$< $@ $(CONTAINER_IMAGE)

check-containers: programs $(B)/containers/image.tar
	@$(MAKE) -s modules KERNELS=6.1
	@$(MAKE) -s install DESTDIR=$(B)/containers/root >/dev/null
	@selftests/containers/run

.PHONY: check-containers
