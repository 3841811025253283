# SPDX-License-Identifier: BSD-3-Clause
# Installation: programs, units, users, rules, pages.
#
#   make install [DESTDIR=...] [PREFIX=/usr]
#
# It starts nothing. The kernel module is not part of it: see `make modules`.

PREFIX ?= /usr
SBINDIR := $(PREFIX)/sbin
LIBDIR := $(PREFIX)/lib
UNITS := $(patsubst userd/systemd/%.in,$(B)/systemd/%,$(wildcard userd/systemd/*.service.in))
put = install -D -m $(1) $(2) $(DESTDIR)$(3)

$(B)/systemd/%.service: userd/systemd/%.service.in
	@mkdir -p $(@D)
	sed 's|@SBINDIR@|$(SBINDIR)|' $< >$@

install: programs $(UNITS)
	$(foreach program,$(PROGRAMS),$(call put,755,$(program),$(SBINDIR)/$(notdir $(program))) &&) :
	$(foreach unit,$(UNITS),$(call put,644,$(unit),$(LIBDIR)/systemd/system/$(notdir $(unit))) &&) :
	$(foreach page,$(wildcard Documentation/man/*.[1-9]),$(call put,644,$(page),$(PREFIX)/share/man/man$(patsubst .%,%,$(suffix $(page)))/$(notdir $(page))) &&) :
	$(call put,644,userd/systemd/vtpm.sysusers,$(LIBDIR)/sysusers.d/vtpm.conf)
	$(call put,644,userd/systemd/vtpm.tmpfiles,$(LIBDIR)/tmpfiles.d/vtpm.conf)
	$(call put,644,driver/udev/60-vtpm.rules,$(LIBDIR)/udev/rules.d/60-vtpm.rules)
	$(call put,644,driver/modprobe.d/vtpm.conf,$(LIBDIR)/modprobe.d/vtpm.conf)
	$(call put,644,userd/cli/vtpmctl.bash-completion,$(PREFIX)/share/bash-completion/completions/vtpmctl)

.PHONY: install
