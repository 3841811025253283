/* SPDX-License-Identifier: GPL-2.0-only */
/* What the driver must know of a TPM command's head. */
#ifndef _VTPM_COMMAND_H
#define _VTPM_COMMAND_H

#include <linux/tpm.h>
#include <linux/types.h>

/*
 * The proxy's vendor command that sets the locality (bit 29 marks vendor commands:
 * TPM 2.0 Part 2, 8.9, and TPM 1.2's TPM_VENDOR_COMMAND). Only the driver sends it.
 */
#define VTPM_CC_SET_LOCALITY 0x20001000

/* Commands that make a key take minutes on a slow TPM (Part 2, 6.5.2). */
#define VTPM_CC_CREATE_PRIMARY 0x131
#define VTPM_CC_CREATE 0x153
#define VTPM_CC_CREATE_LOADED 0x191
#define VTPM_CREATE_MS 300000

static inline u32 vtpm_command_code(const u8 *command)
{
	return be32_to_cpu(((const struct tpm_header *)command)->ordinal);
}

#endif /* _VTPM_COMMAND_H */
