/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A TPM 2.0 that satisfies tpm_chip_register() and little more: SelfTest, Startup,
 * Shutdown, GetCapability of what the TPM core asks for, GetRandom, PCR_Read of
 * SHA-256, the null key of a kernel that wants HMAC sessions (but no such session, so
 * that kernel's own GetRandom fails), and the proxy's locality command. It keeps no
 * state but its counts.
 */
#ifndef _VTPM_TEST_FAKE_TPM_H
#define _VTPM_TEST_FAKE_TPM_H

#include "common.h"

size_t fake_tpm_run(const uint8_t *command, size_t size, uint8_t *response);
int fake_tpm_serve_bare(int fd, int limit);
int fake_tpm_serve_framed(int fd, int limit);

#endif /* _VTPM_TEST_FAKE_TPM_H */
