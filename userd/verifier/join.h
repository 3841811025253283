/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A vTPM's bundle that came through its device node has the host's quote, and neither its keys
 * nor its logs: these are in the host's own bundle, which its administrator or the fleet has.
 */
#ifndef VERIFIER_JOIN_H
#define VERIFIER_JOIN_H

#include <stddef.h>

#include "attest/attest.h"

/**
 * join_host() - put what is missing of the host into a vTPM's bundle
 * @path: the host's own bundle, of the same boot, its log of IMA read after the quote
 * @verdict: hears "bundle.missing" and "bundle.invalid"
 * @text: the vTPM's; replaced on success
 * @length: of it
 *
 * Quote and nonce stay those that the vTPM brought. Nothing is believed by being joined: the
 * quote vouches for logs and keys afterwards as in any bundle.
 *
 * Return: 0; -EBADMSG (said); -ENOMEM; as verifier_file_read().
 */
int join_host(const char *path, struct attest_verdict *verdict, char **text, size_t *length);

#endif /* VERIFIER_JOIN_H */
