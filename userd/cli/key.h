/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Keys of P-256 in PEM files: a plan key that is kept elsewhere than on the host.
 */
#ifndef CLI_KEY_H
#define CLI_KEY_H

#include <jansson.h>

#include "seal/plan.h"

/** key_public() - read a public key (PEM). Return: NULL, or the problem */
json_t *key_public(const char *path, uint8_t ret[SEAL_POINT_SIZE]);

/** key_private() - read a private key; the caller wipes it. Return: NULL, or the problem */
json_t *key_private(const char *path, uint8_t ret[SEAL_SCALAR_SIZE]);

/** key_of_code() - public plan key of a recovery code. Return: NULL, or the problem */
json_t *key_of_code(const uint8_t scalar[SEAL_SCALAR_SIZE], uint8_t ret[SEAL_POINT_SIZE]);

#endif /* CLI_KEY_H */
