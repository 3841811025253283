/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The digest by which firmware and shim measure and verify a PE image (Windows
 * Authenticode Portable Executable Signature Format, "Calculating the PE Image Hash").
 */
#ifndef ATTEST_AUTHENTICODE_H
#define ATTEST_AUTHENTICODE_H

#include "attest/hash.h"

/** define AUTHENTICODE_SECTIONS_MAX - sections of an image */
#define AUTHENTICODE_SECTIONS_MAX 96

/**
 * authenticode() - digest of an image
 * @bytes: whole file
 * @length: bytes of it
 * @ret: as many bytes as the bank's digests have
 *
 * Signatures, the table that says where they are, and the checksum are left out.
 *
 * Return: false where it is no PE image, or one whose parts lie outside of it or over each other.
 */
bool authenticode(struct hash *hash, enum attest_bank bank, const uint8_t *bytes, size_t length,
		  uint8_t ret[ATTEST_DIGEST_MAX]);

/**
 * authenticode_section() - what an image has in a section, as it is in memory
 * @name: such as ".initrd"
 * @ret: set where there is such a section; its bytes are the image's
 *
 * Return: is there one, with bytes, and all of them in the file?
 */
bool authenticode_section(struct hash_part image, const char *name, struct hash_part *ret);

#endif /* ATTEST_AUTHENTICODE_H */
