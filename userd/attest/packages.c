// SPDX-License-Identifier: BSD-3-Clause
/*
 * Paths of all packages in one array, in order; each knows its package. Of a path that stands in
 * two packages either may be found: a host that says so said nothing.
 */
#include "attest/packages.h"

#include <stdlib.h>
#include <string.h>

/**
 * struct place - a path
 * @path: bytes, no NUL
 * @size: of it
 * @package: that has it
 */
struct place {
	const char *path;
	size_t size;
	const struct package *package;
};

/**
 * struct packages - all of them
 * @packages: in the order of the list
 * @places: sorted
 * @count: of places
 */
struct packages {
	struct package *packages;
	struct place *places;
	size_t count;
};

static int compare(const void *a, const void *b)
{
	const struct place *one = a, *other = b;
	size_t size = one->size < other->size ? one->size : other->size;
	int order = strncmp(one->path, other->path, size);

	return order ? order : (one->size > other->size) - (one->size < other->size);
}

static void take(struct packages *packages, struct package *package, const json_t *from)
{
	json_t *path;
	size_t i;

	package->name = json_string_value(json_object_get(from, "name"));
	package->version = json_string_value(json_object_get(from, "version"));
	package->vendor = json_string_value(json_object_get(from, "vendor"));
	json_array_foreach(json_object_get(from, "paths"), i, path)
		packages->places[packages->count++] = (struct place){
			json_string_value(path), json_string_length(path), package,
		};
}

struct packages *packages_new(const json_t *list)
{
	struct packages *packages = calloc(1, sizeof(*packages));
	size_t i, places = 1;
	json_t *package;

	if (!packages)
		return NULL;
	json_array_foreach(list, i, package)
		places += json_array_size(json_object_get(package, "paths"));
	packages->packages = calloc(json_array_size(list) + 1, sizeof(*packages->packages));
	packages->places = calloc(places, sizeof(*packages->places));
	if (!packages->packages || !packages->places)
		return packages_free(packages);
	json_array_foreach(list, i, package)
		take(packages, &packages->packages[i], package);
	qsort(packages->places, packages->count, sizeof(*packages->places), compare);
	return packages;
}

struct packages *packages_free(struct packages *packages)
{
	if (packages) {
		free(packages->packages);
		free(packages->places);
	}
	free(packages);
	return NULL;
}

const struct package *packages_find(const struct packages *packages, const struct ima_entry *entry)
{
	const struct place key = { (const char *)entry->path, entry->path_size, NULL };
	const struct place *found = entry->path_size ? bsearch(&key, packages->places,
							       packages->count, sizeof(key),
							       compare)
						     : NULL;

	return found ? found->package : NULL;
}
