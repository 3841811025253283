// SPDX-License-Identifier: BSD-3-Clause
/*
 * Tables of mounts; see the header. The fourth word of a line is what is mounted, as a path
 * in its own file system (proc(5)): of a node that is the end of its path.
 */
#include "oci/mount.h"

#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), want = strlen(end);

	return length >= want && !strcmp(text + length - want, end);
}

static bool is_in_table(const char *path, const char *end)
{
	FILE *table = fopen(path, "re");
	char *line = NULL, *what;
	size_t room = 0;
	bool found = false;

	if (!table)
		return false;
	while (!found && getline(&line, &room, table) > 0) {
		char *rest = line;

		for (int i = 0; i < 3; i++)
			strsep(&rest, " ");
		what = strsep(&rest, " ");
		found = what && ends_with(what, end);
	}
	free(line);
	fclose(table);
	return found;
}

bool mount_is_anywhere(const char *proc, const char *node)
{
	const char *end = strrchr(node, '/');
	const struct dirent *entry;
	bool found = false;
	DIR *folder = end ? opendir(proc) : NULL;

	while (folder && !found && (entry = readdir(folder))) {
		char path[PATH_MAX];

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "%s/%s/mountinfo", proc, entry->d_name);
		found = is_in_table(path, end);
	}
	if (folder)
		closedir(folder);
	return found;
}
