// SPDX-License-Identifier: BSD-3-Clause
/*
 * One walk over the entries that the quote vouches for. A file that was measured again, because
 * it had changed or was changed back, is an entry again and a file once: by path and digest.
 */
#include "verifier/files.h"

#include <stdio.h>

#include "attest/packages.h"
#include "base/cleanup.h"

#define NAMES_MAX 32
#define PATH_ROOM 4096

/**
 * struct walk - on its way
 * @packages: NULL: the host said nothing
 * @seen: "PATH\nDIGEST" of what was counted
 * @files: each of them; NULL: nobody wants them
 * @names: of those that are from no package
 * @measured: files
 * @unpackaged: among them
 * @unsigned_files: among them
 */
struct walk {
	struct packages *packages;
	json_t *seen;
	json_t *files;
	json_t *names;
	json_int_t measured;
	json_int_t unpackaged;
	json_int_t unsigned_files;
};

static void packages_freep(struct packages **packages)
{
	packages_free(*packages);
}

/* What is no file, such as boot_aggregate or a buffer, is from nowhere. */
static bool is_file(const struct ima_entry *entry)
{
	return entry->known && entry->path_size && entry->path[0] == '/' && !entry->buffer &&
	       !entry->violation;
}

static int add_file(struct walk *walk, const struct ima_entry *entry, const char *path,
		    const char *digest, const struct package *package)
{
	return json_array_append_new(
		walk->files,
		json_pack("{s:I, s:s, s:s, s:s, s:b, s:s?, s:s?, s:s?}", "entry",
			  (json_int_t)entry->number, "path", path, "algorithm", entry->algorithm,
			  "digest", digest, "signed", entry->signature_size > 0, "package",
			  package ? package->name : NULL, "version",
			  package ? package->version : NULL, "vendor",
			  package ? package->vendor : NULL));
}

static int count(struct walk *walk, const struct ima_entry *entry)
{
	char path[PATH_ROOM], digest[ATTEST_HEX_MAX], key[PATH_ROOM + ATTEST_HEX_MAX + 1];
	const struct package *package;
	int r = 0;

	attest_text_ascii(path, sizeof(path), entry->path, entry->path_size);
	attest_text_hex(digest, entry->file_digest, entry->file_digest_size);
	snprintf(key, sizeof(key), "%s\n%s", path, digest);
	if (json_object_get(walk->seen, key))
		return 0;
	package = walk->packages ? packages_find(walk->packages, entry) : NULL;
	walk->measured++;
	walk->unsigned_files += !entry->signature_size;
	walk->unpackaged += walk->packages && !package;
	r |= json_object_set_new(walk->seen, key, json_true());
	if (walk->packages && !package && json_array_size(walk->names) < NAMES_MAX)
		r |= json_array_append_new(walk->names, json_string(path));
	if (walk->files)
		r |= add_file(walk, entry, path, digest, package);
	return r;
}

static int run(struct walk *walk, struct hash_part log, size_t attested)
{
	struct attest_verdict ignored = { 0 };
	struct ima_entry entry;
	struct ima_log ima;
	int r = 0;

	if (ima_open(&ima, log.at, log.length, &ignored))
		return 0;
	while (!r && ima_next(&ima, &entry) == 1 && entry.number < attested)
		if (is_file(&entry))
			r = count(walk, &entry);
	return r;
}

static json_t *pack(const struct walk *walk)
{
	json_t *unpackaged = walk->packages ? json_integer(walk->unpackaged) : json_null();
	json_t *root = json_pack("{s:I, s:o, s:I, s:O}", "measured", walk->measured, "unpackaged",
				 unpackaged, "unsigned", walk->unsigned_files, "names",
				 walk->names);

	if (root && walk->files && json_object_set(root, "files", walk->files)) {
		json_decref(root);
		return NULL;
	}
	return root;
}

json_t *files_json(const struct bundle *host, const struct ima_result *ima, bool all)
{
	_cleanup_(packages_freep) struct packages *packages =
		host->packages ? packages_new(host->packages) : NULL;
	struct walk walk = { .packages = packages, .seen = json_object(), .names = json_array(),
			     .files = all ? json_array() : NULL };
	const struct hash_part log = bundle_part(host, BUNDLE_IMA);
	json_t *root = NULL;

	if (!log.at || !ima->attested)
		root = json_null();
	else if (walk.seen && walk.names && (walk.files || !all) && (packages || !host->packages) &&
		 !run(&walk, log, ima->attested))
		root = pack(&walk);
	json_decref(walk.seen);
	json_decref(walk.names);
	json_decref(walk.files);
	return root;
}

static const char *text(const json_t *object, const char *member, const char *otherwise)
{
	const char *value = json_string_value(json_object_get(object, member));

	return value ? value : otherwise;
}

void files_print(const json_t *files)
{
	const json_t *unpackaged = json_object_get(files, "unpackaged");
	json_t *file, *name;
	size_t i;

	if (!json_is_object(files))
		return;
	json_array_foreach(json_object_get(files, "files"), i, file)
		printf("%-6" JSON_INTEGER_FORMAT " %-8s %-24s %-16s %s\n",
		       json_integer_value(json_object_get(file, "entry")),
		       json_is_true(json_object_get(file, "signed")) ? "signed" : "-",
		       text(file, "package", "-"), text(file, "version", "-"),
		       text(file, "path", ""));
	printf("files: %" JSON_INTEGER_FORMAT " measured, %" JSON_INTEGER_FORMAT
	       " without a signature",
	       json_integer_value(json_object_get(files, "measured")),
	       json_integer_value(json_object_get(files, "unsigned")));
	if (json_is_integer(unpackaged))
		printf(", %" JSON_INTEGER_FORMAT " from no package, as the host says",
		       json_integer_value(unpackaged));
	puts("");
	json_array_foreach(json_object_get(files, "names"), i, name)
		printf("  from no package: %s\n", json_string_value(name));
}
