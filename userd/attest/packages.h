/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which package a measured file is from, by what the host says in its bundle.
 *
 * Nothing vouches for it: a host that lies can hide a file in a package, or leave packages out. So
 * it makes no verdict better or worse; it names files that nobody claims, for people.
 */
#ifndef ATTEST_PACKAGES_H
#define ATTEST_PACKAGES_H

#include <stddef.h>

#include <jansson.h>

#include "attest/ima.h"

/**
 * struct package - as the host says
 * @name: of it
 * @version: of it
 * @vendor: maintainer; NULL: not said
 */
struct package {
	const char *name;
	const char *version;
	const char *vendor;
};

struct packages;

/**
 * packages_new() - sort a list of packages by the paths in it
 * @list: member "packages" of a bundle that bundle_read() took; it has to outlive the result
 *
 * Return: for packages_free(); NULL: no memory.
 */
struct packages *packages_new(const json_t *list);
struct packages *packages_free(struct packages *packages);

/** packages_find() - the package of an entry's file. Return: NULL: none, or it has no path */
const struct package *packages_find(const struct packages *packages, const struct ima_entry *entry);

#endif /* ATTEST_PACKAGES_H */
