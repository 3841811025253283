# SPDX-License-Identifier: BSD-3-Clause
# Installation: programs, units, users, rules, pages.
#
#   make install [DESTDIR=...] [PREFIX=/usr]
#
# It starts nothing. The kernel module is not part of it: see `make modules`.

PREFIX ?= /usr
SBINDIR := $(PREFIX)/sbin
LIBDIR := $(PREFIX)/lib
SHAREDIR := $(PREFIX)/share
COMPLETIONS := $(SHAREDIR)/bash-completion/completions
UNITS := $(patsubst userd/systemd/%.in,$(B)/systemd/%,$(wildcard userd/systemd/*.service.in))

# What names the programs by their paths; made each time, for PREFIX may be another one than before.
PLACED := $(UNITS) $(B)/systemd/60-vtpm.rules $(B)/systemd/vtpm.json
place = @mkdir -p $(@D); sed 's|@SBINDIR@|$(SBINDIR)|; s|/usr/sbin|$(SBINDIR)|g' $< >$@

$(B)/systemd/%.service: userd/systemd/%.service.in FORCE
	$(place)

$(B)/systemd/60-vtpm.rules: driver/udev/60-vtpm.rules FORCE
	$(place)

$(B)/systemd/vtpm.json: userd/oci/vtpm.json FORCE
	$(place)

# $(call put,mode,files,folder) and $(call put-as,file,name)
put = install -D -m $(1) -t $(DESTDIR)$(3) $(2)
put-as = install -D -m 644 $(1) $(DESTDIR)$(2)

install: programs $(PLACED)
	$(call put,755,$(PROGRAMS),$(SBINDIR))
	$(call put,644,$(UNITS),$(LIBDIR)/systemd/system)
	$(call put,644,userd/systemd/vtpm-gate.target,$(LIBDIR)/systemd/system)
	$(call put-as,userd/systemd/vtpm.sysusers,$(LIBDIR)/sysusers.d/vtpm.conf)
	$(call put-as,userd/systemd/vtpm.tmpfiles,$(LIBDIR)/tmpfiles.d/vtpm.conf)
	$(call put,644,$(B)/systemd/60-vtpm.rules,$(LIBDIR)/udev/rules.d)
	$(call put,644,driver/modprobe.d/vtpm.conf,$(LIBDIR)/modprobe.d)
	$(call put,644,$(wildcard Documentation/man/*.1),$(SHAREDIR)/man/man1)
	$(call put,644,$(wildcard Documentation/man/*.4),$(SHAREDIR)/man/man4)
	$(call put,644,$(wildcard Documentation/man/*.8),$(SHAREDIR)/man/man8)
	$(call put,644,$(B)/systemd/vtpm.json,$(SHAREDIR)/containers/oci/hooks.d)
	$(call put-as,userd/cli/vtpmctl.bash-completion,$(COMPLETIONS)/vtpmctl)

# Never made, so what depends on it always is.
FORCE:

.PHONY: install
