// SPDX-License-Identifier: BSD-3-Clause
/*
 * Reading and changing config.json; see the header.
 */
#include "oci/config.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <openssl/sha.h>

#include "cli/cdi.h"

const char *config_annotation(const json_t *config, const char *name)
{
	return json_string_value(json_object_get(json_object_get(config, "annotations"), name));
}

/* Members of @from that are there, to @to; borrowed names, an end of NULL. */
static void pick(json_t *to, const json_t *from, const char *const *names)
{
	for (; *names; names++)
		if (json_object_get(from, *names))
			json_object_set(to, *names, json_object_get(from, *names));
}

/* The environment without what says which container this is, in any order. */
static json_t *environment(const json_t *process)
{
	json_t *kept = json_object(), *row;
	size_t i;

	json_array_foreach (json_object_get(process, "env"), i, row) {
		const char *text = json_string_value(row);

		if (text && strncmp(text, "HOSTNAME=", 9) != 0)
			json_object_set_new(kept, text, json_true());
	}
	return kept;
}

/* Where each mount goes and how, not where it comes from: that is a path of this host. */
static json_t *mounts_of(const json_t *config)
{
	static const char *const names[] = { "type", "options", NULL };
	json_t *kept = json_object(), *row;
	size_t i;

	json_array_foreach (json_object_get(config, "mounts"), i, row) {
		const char *to = json_string_value(json_object_get(row, "destination"));
		json_t *mount = json_object();

		pick(mount, row, names);
		json_object_set_new(kept, to ? to : "", mount);
	}
	return kept;
}

/* What of the host is there inside: what is not in a namespace of its own, and devices. */
static void add_reach(json_t *kept, const json_t *platform)
{
	json_t *namespaces = json_object(), *devices = json_object(), *row;
	const char *name;
	size_t i;

	json_array_foreach (json_object_get(platform, "namespaces"), i, row) {
		name = json_string_value(json_object_get(row, "type"));
		json_object_set_new(namespaces, name ? name : "", json_true());
	}
	json_array_foreach (json_object_get(platform, "devices"), i, row) {
		name = json_string_value(json_object_get(row, "path"));
		json_object_set_new(devices, name ? name : "", json_true());
	}
	json_object_set_new(kept, "namespaces", namespaces);
	json_object_set_new(kept, "devices", devices);
}

static json_t *essence(const json_t *config)
{
	static const char *const of_process[] = { "args",	     "user",
						  "cwd",	     "capabilities",
						  "noNewPrivileges", "apparmorProfile",
						  "selinuxLabel",    NULL };
	static const char *const of_root[] = { "readonly", NULL };
	static const char *const of_linux[] = { "seccomp", "maskedPaths", "readonlyPaths", NULL };
	const json_t *process = json_object_get(config, "process");
	json_t *kept = json_pack("{s:{}, s:{}, s:{}, s:o}", "process", "root", "linux", "mounts",
				 mounts_of(config));

	pick(json_object_get(kept, "process"), process, of_process);
	json_object_set_new(json_object_get(kept, "process"), "env", environment(process));
	pick(json_object_get(kept, "root"), json_object_get(config, "root"), of_root);
	pick(json_object_get(kept, "linux"), json_object_get(config, "linux"), of_linux);
	add_reach(json_object_get(kept, "linux"), json_object_get(config, "linux"));
	return kept;
}

int config_digest(const json_t *config, char *ret, size_t room)
{
	json_t *kept = essence(config);
	char *text = json_dumps(kept, JSON_COMPACT | JSON_SORT_KEYS);
	uint8_t digest[SHA256_DIGEST_LENGTH];
	int at;

	json_decref(kept);
	if (!text)
		return -ENOMEM;
	SHA256((const uint8_t *)text, strlen(text), digest);
	free(text);
	at = snprintf(ret, room, "sha256:");
	for (size_t i = 0; i < sizeof(digest); i++)
		at += snprintf(ret + at, room - (size_t)at, "%02x", digest[i]);
	return 0;
}

int config_root(const json_t *config, char *ret, size_t room)
{
	const char *path =
		json_string_value(json_object_get(json_object_get(config, "root"), "path"));
	char here[PATH_MAX];
	int length;

	if (!path || !*path)
		return -ENOENT;
	if (!getcwd(here, sizeof(here)))
		return -errno;
	length = *path == '/' ? snprintf(ret, room, "%s", path) :
				snprintf(ret, room, "%s/%s", here, path);
	return (size_t)length < room ? 0 : -ENAMETOOLONG;
}

/* Return: what @id is outside of a namespace with these mappings, -1: nothing */
static int64_t map_by_config(const json_t *mappings, int64_t id)
{
	json_t *row;
	size_t i;

	if (!json_array_size(mappings))
		return id;
	json_array_foreach (mappings, i, row) {
		int64_t first = json_integer_value(json_object_get(row, "containerID"));
		int64_t host = json_integer_value(json_object_get(row, "hostID"));
		int64_t size = json_integer_value(json_object_get(row, "size"));

		if (id >= first && id < first + size)
			return host + (id - first);
	}
	return -1;
}

/* The same for the namespace that we are in (user_namespaces(7)). */
static int64_t map_by_kernel(const char *path, int64_t id)
{
	FILE *file = fopen(path, "re");
	long long first, host, size;
	int64_t found = -1;

	if (!file)
		return -1;
	while (found < 0 && fscanf(file, "%lld %lld %lld", &first, &host, &size) == 3)
		if (id >= first && id < first + size)
			found = host + (id - first);
	fclose(file);
	return found;
}

static int64_t outside(const json_t *mappings, const char *kernel, const json_t *id)
{
	int64_t mapped = map_by_config(mappings, json_integer_value(id));

	return mapped < 0 ? mapped : map_by_kernel(kernel, mapped);
}

int config_user(const json_t *config, uid_t *ret_uid, gid_t *ret_gid)
{
	const json_t *platform = json_object_get(config, "linux");
	const json_t *user = json_object_get(json_object_get(config, "process"), "user");
	int64_t uid = outside(json_object_get(platform, "uidMappings"), "/proc/self/uid_map",
			      json_object_get(user, "uid"));
	int64_t gid = outside(json_object_get(platform, "gidMappings"), "/proc/self/gid_map",
			      json_object_get(user, "gid"));

	if (uid < 0 || uid >= UINT32_MAX || gid < 0 || gid >= UINT32_MAX)
		return -ERANGE;
	*ret_uid = (uid_t)uid;
	*ret_gid = (gid_t)gid;
	return 0;
}

/* Return: the member, made when it is not there; NULL where there is no memory */
static json_t *reach(json_t *object, const char *name, json_t *(*make)(void))
{
	json_t *member = json_object_get(object, name);

	if (!member && !json_object_set_new(object, name, make()))
		member = json_object_get(object, name);
	return member;
}

static int allow(json_t *config, const char *path)
{
	json_t *rules = reach(reach(reach(config, "linux", json_object), "resources", json_object),
			      "devices", json_array);
	struct stat node;

	if (stat(path, &node))
		return -errno;
	return json_array_append_new(
		       rules, json_pack("{s:b, s:s, s:i, s:i, s:s}", "allow", 1, "type", "c",
					"major", (int)major(node.st_rdev), "minor",
					(int)minor(node.st_rdev), "access", "rw"))
		       ? -ENOMEM
		       : 0;
}

int config_add_vtpm(json_t *config, const char *name, const char *raw, const char *rm)
{
	json_t *mounts = cdi_mounts(raw, rm, "source", "destination");
	json_t *mount;
	size_t i;
	int r;

	json_array_foreach (mounts, i, mount)
		json_object_set_new(mount, "type", json_string("bind"));
	r = json_array_extend(reach(config, "mounts", json_array), mounts) ? -ENOMEM : 0;
	json_decref(mounts);
	if (!r)
		r = allow(config, raw);
	if (!r)
		r = allow(config, rm);
	if (!r && json_object_set_new(reach(config, "annotations", json_object), CONFIG_NAME,
				      json_string(name)))
		r = -ENOMEM;
	return r;
}

int config_add_poststop(json_t *config, json_t *arguments)
{
	json_t *hooks = reach(reach(config, "hooks", json_object), "poststop", json_array);
	json_t *hook = json_pack("{s:O, s:o}", "path", json_array_get(arguments, 0), "args",
				 arguments);

	return json_array_append_new(hooks, hook) ? -ENOMEM : 0;
}
