/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * EV_IPL events: what shim, GRUB, systemd-boot and systemd-stub measure. The profile
 * leaves their data to the loader, so each has rules of its own.
 *
 *	GRUB	8	"grub_cmd: X\0", "kernel_cmdline: X\0": digest of X
 *			"grub_cmd X\0" of older ones: digest of X and the NUL
 *		9	path of a file: digest of the file
 *	shim	14	"MokList\0", ...: digest of the variable's value
 *	stub	11	UTF-16 name of a section, twice: digest of the name in ASCII with
 *			its NUL, then of the section
 *		12	UTF-16 command line: digest of it with its NUL
 *			name of an initrd made of credentials: digest of that
 */
#ifndef ATTEST_IPL_H
#define ATTEST_IPL_H

#include "attest/eventlog.h"

/**
 * ipl_prove() - is an EV_IPL event's text what was measured?
 * @event: of that type
 * @hash: computes
 *
 * Return: EVENT_LIES where it has to be: texts of PCR 8, command lines of PCR 12.
 */
enum event_proof ipl_prove(const struct event *event, struct hash *hash);

/** ipl_is_grub() - does the text name itself as a command, or command line, of GRUB? */
bool ipl_is_grub(const struct event *event);

/** ipl_class() - what an EV_IPL event tells about */
enum event_class ipl_class(const struct event *event);

/** ipl_is_insecure_mok() - is it shim's measurement of "do not validate"? */
bool ipl_is_insecure_mok(const struct event *event, struct hash *hash);

#endif /* ATTEST_IPL_H */
