/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Files that a host measured, with the packages they are from.
 *
 * The quote vouches for paths and digests, and for nothing behind the entry up to which it does.
 * Packages are the host's own word (attest/packages.h): they are for people, who look at what is
 * from none.
 */
#ifndef VERIFIER_FILES_H
#define VERIFIER_FILES_H

#include <jansson.h>

#include "attest/bundle.h"
#include "attest/ima.h"

/**
 * files_json() - {"measured", "unpackaged", "unsigned", "names"[, "files"]}
 * @host: its bundle
 * @ima: what its log came to
 * @all: with each file
 *
 * Counts are of files, each once. "unpackaged" is null where the host said nothing of packages,
 * and "names" are paths of the first 32 of these.
 *
 * Return: the object; null where there is no log that anybody vouches for; NULL: no memory.
 */
json_t *files_json(const struct bundle *host, const struct ima_result *ima, bool all);

/** files_print() - what files_json() made, for people */
void files_print(const json_t *files);

#endif /* VERIFIER_FILES_H */
