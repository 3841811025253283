/* SPDX-License-Identifier: BSD-3-Clause */
/* Lists of handles: inside the room. */
#ifndef RM_CAPABILITY_H
#define RM_CAPABILITY_H

#include "rm/rm.h"

/**
 * rm_capability_is_ours() - does a GetCapability ask for handles that have an owner?
 *
 * That is TPM_CAP_HANDLES of transient objects, loaded sessions, saved sessions.
 */
bool rm_capability_is_ours(const struct tpm_command *command);

/**
 * rm_capability() - answer it
 * @client: RM_RAW is told what the TPM has and no client does
 * @command: one that is ours
 * @response: room for RM_COMMAND_SIZE bytes
 *
 * Return: 0 or -errno of the TPM.
 */
int rm_capability(struct rm *rm, uint64_t client, const struct tpm_command *command,
		  uint8_t *response, size_t *ret_length);

#endif /* RM_CAPABILITY_H */
