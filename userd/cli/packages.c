// SPDX-License-Identifier: BSD-3-Clause
/*
 * dpkg's database is read as text: info/PACKAGE[:ARCH].list has a path a line, status has a
 * paragraph a package. The paths of the log are sorted first, and each line is looked for
 * among them. Before the merge of /usr packages said /bin, /sbin and /lib; both are tried.
 */
#include "cli/packages.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attest/ima.h"

#define ADMIN	 "/var/lib/dpkg"
#define LINE_MAX 4352

struct paths {
	char **at;
	size_t count;
	size_t room;
};

static void paths_done(struct paths *paths)
{
	for (size_t i = 0; i < paths->count; i++)
		free(paths->at[i]);
	free(paths->at);
}

static bool paths_add(struct paths *paths, const struct ima_entry *entry)
{
	if (!entry->path_size || entry->path[0] != '/')
		return true;
	if (paths->count == paths->room) {
		size_t room = paths->room ? 2 * paths->room : 256;
		char **at = realloc(paths->at, room * sizeof(*at));

		if (!at)
			return false;
		paths->at = at;
		paths->room = room;
	}
	paths->at[paths->count] = strndup((const char *)entry->path, entry->path_size);
	return paths->at[paths->count] && ++paths->count;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Each once, in order. */
static void paths_sort(struct paths *paths)
{
	size_t kept = 0;

	if (!paths->count)
		return;
	qsort(paths->at, paths->count, sizeof(*paths->at), compare);
	for (size_t i = 1; i < paths->count; i++) {
		if (!strcmp(paths->at[i], paths->at[kept]))
			free(paths->at[i]);
		else
			paths->at[++kept] = paths->at[i];
	}
	paths->count = kept + 1;
}

static bool paths_read(struct paths *ret, const uint8_t *log, size_t length)
{
	struct attest_verdict ignored = { 0 };
	struct ima_entry entry;
	struct ima_log walk;
	bool good = true;

	if (ima_open(&walk, log, length, &ignored))
		return true;
	while (good && ima_next(&walk, &entry) == 1)
		good = paths_add(ret, &entry);
	paths_sort(ret);
	return good;
}

/* The path of the log that a line of dpkg means. Return: NULL: none */
static const char *paths_find(const struct paths *paths, const char *line)
{
	char merged[LINE_MAX + 8], *key = merged;
	char **found;

	snprintf(merged, sizeof(merged), "/usr%s", line);
	found = bsearch(&key, paths->at, paths->count, sizeof(*paths->at), compare);
	key = merged + strlen("/usr");
	if (!found)
		found = bsearch(&key, paths->at, paths->count, sizeof(*paths->at), compare);
	return found ? *found : NULL;
}

/* A path that is no UTF-8 cannot stand in JSON, and is left out. */
static void add_path(json_t *packages, const char *name, const char *path)
{
	json_t *package = json_object_get(packages, name);

	if (!package) {
		package = json_pack("{s:s, s:s, s:[]}", "name", name, "version", "", "paths");
		json_object_set_new(packages, name, package);
	}
	json_array_append_new(json_object_get(package, "paths"), json_string(path));
}

static void read_list(json_t *packages, const struct paths *paths, const char *admin,
		      const char *file)
{
	char path[512], name[256], line[LINE_MAX];
	const char *found;
	FILE *list;

	snprintf(path, sizeof(path), "%s/info/%s", admin, file);
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(file, ":"), file);
	if (!strchr(file, ':'))
		name[strlen(name) - strlen(".list")] = '\0';
	list = fopen(path, "re");
	while (list && fgets(line, sizeof(line), list)) {
		line[strcspn(line, "\n")] = '\0';
		found = paths_find(paths, line);
		if (found)
			add_path(packages, name, found);
	}
	if (list)
		fclose(list);
}

static void read_lists(json_t *packages, const struct paths *paths, const char *admin)
{
	char path[512];
	struct dirent *entry;
	DIR *info;

	snprintf(path, sizeof(path), "%s/info", admin);
	info = opendir(path);
	while (info && (entry = readdir(info))) {
		size_t length = strlen(entry->d_name);

		if (length > 5 && length < 256 && !strcmp(entry->d_name + length - 5, ".list"))
			read_list(packages, paths, admin, entry->d_name);
	}
	if (info)
		closedir(info);
}

static void read_status(json_t *packages, const char *admin)
{
	char path[512], line[LINE_MAX];
	json_t *package = NULL;
	FILE *status;

	snprintf(path, sizeof(path), "%s/status", admin);
	status = fopen(path, "re");
	while (status && fgets(line, sizeof(line), status)) {
		line[strcspn(line, "\n")] = '\0';
		if (!strncmp(line, "Package: ", 9))
			package = json_object_get(packages, line + 9);
		else if (package && !strncmp(line, "Version: ", 9))
			json_object_set_new(package, "version", json_string(line + 9));
		else if (package && !strncmp(line, "Maintainer: ", 12))
			json_object_set_new(package, "vendor", json_string(line + 12));
	}
	if (status)
		fclose(status);
}

json_t *packages_in(const char *admin, const uint8_t *log, size_t length)
{
	json_t *packages = json_object(), *array = json_array(), *package;
	struct paths paths = { 0 };
	const char *name;
	bool good;

	good = paths_read(&paths, log, length);
	if (good && paths.count) {
		read_lists(packages, &paths, admin);
		read_status(packages, admin);
	}
	paths_done(&paths);
	json_object_foreach (packages, name, package)
		json_array_append(array, package);
	json_decref(packages);
	if (good)
		return array;
	json_decref(array);
	return NULL;
}

json_t *packages_of(const uint8_t *log, size_t length)
{
	return packages_in(ADMIN, log, length);
}
