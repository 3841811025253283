# SPDX-License-Identifier: BSD-3-Clause
# One entry for people: `make demo` shows the main job, `make check` runs the
# tests. Each installs what it needs itself (selftests/lab/deps).
#
# Each room adds its own rules in a build.mk; this file only joins them.

B := build
DEPS := selftests/lab/deps

# A line names what is made; V=1 shows the commands instead.
ifneq ($(V),1)
.SILENT:
RUN_BY := $(SHELL)
name = $(if $(named-$@),,$(eval named-$@ := 1)$(info make: $@))
SHELL = $(if $(filter $(B)/%,$@),$(name))$(RUN_BY)
endif

all: programs

include userd/build.mk
include userd/systemd/build.mk
include selftests/build.mk
include selftests/lint/build.mk
include Documentation/build.mk

programs: $(PROGRAMS)

deps:
	$(DEPS)

clean:
	rm -rf $(B)

.PHONY: all programs deps clean
.DELETE_ON_ERROR:
