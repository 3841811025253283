/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What PCRs will be after the next boot: the log of this one, with some of its events replaced,
 * replayed (SHA-256 bank).
 *
 * What is not replaced is taken to happen again as it did. Each function says how many events
 * it replaced; 0 means that the log has no such event, so nothing was predicted.
 */
#ifndef ATTEST_PREDICT_H
#define ATTEST_PREDICT_H

#include "attest/eventlog.h"

/** define PREDICT_DIGESTS_MAX - events that can be replaced */
#define PREDICT_DIGESTS_MAX 64

/**
 * struct predict - a prediction
 * @log: parsed; its events are changed
 * @hash: computes
 * @digest: new ones
 * @count: how many
 */
struct predict {
	struct eventlog *log;
	struct hash *hash;
	uint8_t digest[PREDICT_DIGESTS_MAX][ATTEST_DIGEST_MAX];
	size_t count;
};

/**
 * predict_file() - another file where this one was measured
 * @old: file that was booted, as an image (Authenticode) or as it is
 * @new: file that will be
 *
 * Of a unified kernel image the sections are followed too, which systemd-stub measures one by
 * one, and what the kernel in it measures again: the initrd, and the command line.
 *
 * Return: events; -EBADMSG (the old one was measured as an image, and the new one is none);
 * -ENOTSUP (two unified kernel images, of which one has a section that the other one has not);
 * -ENOSPC (more than PREDICT_DIGESTS_MAX).
 */
int predict_file(struct predict *predict, struct hash_part old, struct hash_part new);

/**
 * predict_variable() - another value of an EFI variable
 * @name: such as "dbx"
 * @value: what it will hold, without attributes
 *
 * Return: events; -EBADMSG (the log does not say what was measured); -ENOSPC.
 */
int predict_variable(struct predict *predict, const char *name, struct hash_part value);

/**
 * predict_command_line() - another command line of the kernel, where a loader measured one
 * @text: of GRUB the path of the kernel and what follows it, as its command has it
 *
 * GRUB measures it twice: as its command "linux TEXT", and as what it gives the kernel. To
 * systemd-stub the loader passes it, which measures it in UTF-16 to PCR 12, and the kernel does
 * so again.
 *
 * Return: events; -EBADMSG (the log does not say what was measured); -ENOSPC.
 */
int predict_command_line(struct predict *predict, const char *text);

/**
 * predict_firmware() - another firmware: the events of PCRs 0 and 2 are those of another log
 * @from: a boot of a machine that has it; has to outlive @predict
 *
 * Return: events; -ENOMEM.
 */
int predict_firmware(struct predict *predict, const struct eventlog *from);

/** predict_pcrs() - what the PCRs will be */
void predict_pcrs(const struct predict *predict, struct attest_pcrs *ret);

#endif /* ATTEST_PREDICT_H */
