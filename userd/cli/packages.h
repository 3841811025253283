/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where measured files come from, as dpkg's database says: for people who read a bundle.
 * Nothing vouches for it, and nobody may rely on it.
 */
#ifndef CLI_PACKAGES_H
#define CLI_PACKAGES_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

/**
 * packages_of() - packages of the files in a log of IMA
 * @log: as the kernel gave it; what follows something malformed is left out
 * @length: bytes of it
 *
 * Return: array, empty where there is no dpkg; NULL: no memory.
 */
json_t *packages_of(const uint8_t *log, size_t length);

/** packages_in() - the same, with the database at @admin instead of /var/lib/dpkg */
json_t *packages_in(const char *admin, const uint8_t *log, size_t length);

#endif /* CLI_PACKAGES_H */
