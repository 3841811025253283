// SPDX-License-Identifier: BSD-3-Clause
/*
 * A storage is a folder with a folder for the layers, one for the list of containers and one for
 * the images, all named after its driver:
 *
 *	STORAGE/overlay/LAYER/merged		the container's root
 *	STORAGE/vfs/dir/LAYER			the same, of another driver
 *	STORAGE/DRIVER-containers/containers.json	[{"layer": LAYER, "image": ID, ...}, ...]
 *	STORAGE/DRIVER-images/ID/manifest		{"annotations": {...}, ...}
 *
 * So each folder on the way to the root is tried as the one of the layers.
 */
#include "oci/image.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#define DIGITS 64

/* Containers that go with the boot are in a list of their own. */
static const char *const lists[] = { "containers.json", "volatile-containers.json" };

/* Is @layer one of the folders on the way? */
static bool is_on_way(const char *way, const char *layer)
{
	size_t length = strlen(layer);
	const char *at = way;

	while (length && (at = strstr(at, layer))) {
		if (at[-1] == '/' && (!at[length] || at[length] == '/'))
			return true;
		at += length;
	}
	return false;
}

/* Return: 0, -ENOENT, -EBADMSG */
static int look_up(const char *list, const char *way, char *ret, size_t room)
{
	json_t *containers = json_load_file(list, 0, NULL), *row;
	const char *layer, *id;
	int r = -ENOENT;
	size_t i;

	json_array_foreach (containers, i, row) {
		layer = json_string_value(json_object_get(row, "layer"));
		if (!layer || !is_on_way(way, layer))
			continue;
		id = json_string_value(json_object_get(row, "image"));
		r = -EBADMSG;
		if (id && strlen(id) == DIGITS && strspn(id, "0123456789abcdef") == DIGITS &&
		    snprintf(ret, room, "sha256:%s", id) < (int)room)
			r = 0;
		break;
	}
	json_decref(containers);
	return r;
}

int image_of(const char *rootfs, char *ret, size_t room)
{
	char list[PATH_MAX];
	int r = -ENOENT;

	for (const char *end = strchr(rootfs + 1, '/'); r == -ENOENT && end;
	     end = strchr(end + 1, '/')) {
		for (size_t i = 0; r == -ENOENT && i < sizeof(lists) / sizeof(lists[0]); i++) {
			snprintf(list, sizeof(list), "%.*s-containers/%s", (int)(end - rootfs),
				 rootfs, lists[i]);
			r = look_up(list, end, ret, room);
		}
	}
	return r;
}

int image_annotates(const char *rootfs, const char *image, const char *name)
{
	const char *id = image + strlen("sha256:");
	json_t *manifest = NULL;
	char path[PATH_MAX];
	int r;

	for (const char *end = strchr(rootfs + 1, '/'); !manifest && end;
	     end = strchr(end + 1, '/')) {
		snprintf(path, sizeof(path), "%.*s-images/%s/manifest", (int)(end - rootfs), rootfs,
			 id);
		manifest = json_load_file(path, 0, NULL);
	}
	if (!manifest)
		return -ENOENT;
	r = json_object_get(json_object_get(manifest, "annotations"), name) != NULL;
	json_decref(manifest);
	return r;
}
