// SPDX-License-Identifier: BSD-3-Clause
/*
 * Reading of entries. Which size the template digests have no field says: it is the one
 * with which the first entry has a template whose name is known.
 */
#include "attest/ima.h"

#include <errno.h>
#include <string.h>

#define INVALID	       "ima.invalid"
#define LEGACY_NAME    256 /* IMA_EVENT_NAME_LEN_MAX + 1 */
#define LEGACY_DIGEST  20
#define PATH_LONGEST   65536

#define malformed(log, entry, ...) \
	attest_verdict_malformed((log)->verdict, INVALID, (entry)->offset, (entry)->number, \
				 __VA_ARGS__)

static const struct {
	const char *name;
	const char *fields;
} templates[] = {
	{ "ima-ng", "d-ng|n-ng" },
	{ "ima-sig", "d-ng|n-ng|sig" },
	{ "ima-ngv2", "d-ngv2|n-ng" },
	{ "ima-sigv2", "d-ngv2|n-ng|sig" },
	{ "ima-buf", "d-ng|n-ng|buf" },
	{ "ima-modsig", "d-ng|n-ng|sig|d-modsig|modsig" },
	{ "evm-sig", "d-ng|n-ng|evmsig|xattrnames|xattrlengths|xattrvalues|iuid|igid|imode" },
};

/* Sizes of the digests of the kernel's hash_info.c; others are not checked. */
static const struct {
	const char *name;
	size_t size;
} algorithms[] = {
	{ "md4", 16 },	  { "md5", 16 },      { "sha1", 20 },	  { "rmd160", 20 },
	{ "sha224", 28 }, { "sha256", 32 },   { "sha384", 48 },	  { "sha512", 64 },
	{ "sm3", 32 },	  { "sm3-256", 32 },  { "wp512", 64 },	  { "streebog256", 32 },
	{ "streebog512", 64 }, { "sha3-256", 32 }, { "sha3-384", 48 }, { "sha3-512", 64 },
};

static bool is(const uint8_t *at, size_t length, const char *word)
{
	return strlen(word) == length && !strncmp((const char *)at, word, length);
}

static bool take_path(struct ima_entry *entry, const uint8_t *at, size_t length)
{
	if (!length || length > PATH_LONGEST || memchr(at, '\0', length) != at + length - 1)
		return false;
	entry->path = at;
	entry->path_size = length - 1;
	return true;
}

/* "sha256:\0" and the digest; with v2, "ima:" or "verity:" before. */
static bool take_digest(struct ima_entry *entry, const uint8_t *at, size_t length, bool v2)
{
	const uint8_t *end = memchr(at, '\0', length), *colon;
	size_t name;

	if (!end || end == at || end[-1] != ':')
		return false;
	name = (size_t)(end - 1 - at);
	if (v2) {
		colon = memchr(at, ':', name);
		if (!colon || !(is(at, (size_t)(colon - at), "ima") ||
				is(at, (size_t)(colon - at), "verity")))
			return false;
		entry->verity = is(at, (size_t)(colon - at), "verity");
		name -= (size_t)(colon + 1 - at);
		at = colon + 1;
	}
	if (!name || name >= IMA_ALGORITHM_MAX || memchr(at, ':', name))
		return false;
	attest_text_ascii(entry->algorithm, sizeof(entry->algorithm), at, name);
	entry->file_digest = end + 1;
	return true;
}

static bool has_digest_size(const struct ima_entry *entry)
{
	size_t size = entry->file_digest_size;

	/* Older kernels leave room for SHA-1 where there is no digest. */
	if (entry->violation && size == LEGACY_DIGEST)
		return true;
	for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++)
		if (!strcmp(entry->algorithm, algorithms[i].name))
			return size == algorithms[i].size;
	return size && size <= ATTEST_DIGEST_MAX;
}

/* Return: false where the field cannot be what its name says. */
static bool take_field(struct ima_entry *entry, const char *name, size_t name_length,
		       const uint8_t *at, size_t length)
{
	const uint8_t *field = (const uint8_t *)name;
	bool v2 = is(field, name_length, "d-ngv2");

	if (v2 || is(field, name_length, "d-ng")) {
		if (!take_digest(entry, at, length, v2))
			return false;
		entry->file_digest_size = (size_t)(at + length - entry->file_digest);
		return has_digest_size(entry);
	}
	if (is(field, name_length, "n-ng"))
		return take_path(entry, at, length);
	if (is(field, name_length, "n"))
		return length <= LEGACY_NAME && take_path(entry, at, length);
	if (is(field, name_length, "d")) {
		entry->file_digest = at;
		entry->file_digest_size = length;
		return length == LEGACY_DIGEST || length == 16;
	}
	if (is(field, name_length, "sig")) {
		entry->signature = length ? at : NULL;
		entry->signature_size = length;
	}
	if (is(field, name_length, "buf")) {
		entry->buffer = at;
		entry->buffer_size = length;
	}
	/* What is no file, such as the boot aggregate, has no inode. */
	if (is(field, name_length, "iuid") || is(field, name_length, "igid"))
		return !length || length == 4;
	if (is(field, name_length, "imode"))
		return !length || length == 2;
	return true;
}

static int take_fields(struct ima_log *log, struct ima_entry *entry, const char *fields)
{
	struct cursor_in in = cursor_in(entry->data, entry->size);

	for (const char *name = fields; *name;) {
		size_t name_length = strcspn(name, "|"), length = cursor_get_le32(&in);
		const uint8_t *at = cursor_get_bytes(&in, length);

		if (in.bad)
			return malformed(log, entry,
					 "entry %zu: field %.*s is longer than its data",
					 entry->number, (int)name_length, name);
		if (!take_field(entry, name, name_length, at, length))
			return malformed(log, entry, "entry %zu: field %.*s is malformed",
					 entry->number, (int)name_length, name);
		name += name_length + (name[name_length] == '|');
	}
	if (!cursor_ended(&in))
		return malformed(log, entry, "entry %zu: %zu bytes follow its fields",
				 entry->number, in.left);
	return 0;
}

static const char *fields_of(const struct ima_entry *entry)
{
	/* Fields that a custom template may begin with: any of the kernel's. */
	static const char *const known[] = {
		"d", "d-ng", "d-ngv2", "d-modsig", "n", "n-ng", "sig", "modsig", "evmsig", "buf",
		"iuid", "igid", "imode", "xattrnames", "xattrlengths", "xattrvalues",
	};

	for (size_t i = 0; i < sizeof(templates) / sizeof(templates[0]); i++)
		if (!strcmp(entry->template, templates[i].name))
			return templates[i].fields;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strncmp(entry->template, known[i], strlen(known[i])) &&
		    strchr("|", entry->template[strlen(known[i])]))
			return entry->template;
	return NULL;
}

static int take_legacy(struct ima_log *log, struct ima_entry *entry)
{
	size_t length;

	entry->legacy = true;
	entry->known = true;
	entry->data = cursor_get_bytes(&log->in, LEGACY_DIGEST);
	entry->size = LEGACY_DIGEST;
	entry->file_digest = entry->data;
	entry->file_digest_size = LEGACY_DIGEST;
	length = cursor_get_le32(&log->in);
	if (!log->in.bad && length > LEGACY_NAME)
		return malformed(log, entry, "entry %zu: its name has %zu bytes, %d are the most",
				 entry->number, length, LEGACY_NAME);
	entry->path = cursor_get_bytes(&log->in, length);
	entry->path_size = length;
	return 0;
}

/* The name of a template is under no digest: fields that say nothing could be any entry's. */
static bool is_told(const struct ima_entry *entry)
{
	return entry->path && entry->file_digest;
}

static int take_data(struct ima_log *log, struct ima_entry *entry)
{
	const char *fields = fields_of(entry);
	size_t length = cursor_get_le32(&log->in);
	int r;

	if (!log->in.bad && length > log->in.left)
		return malformed(log, entry,
				 "entry %zu says it has %zu bytes of data, and the log ends after "
				 "%zu", entry->number, length, log->in.left);
	entry->data = cursor_get_bytes(&log->in, length);
	entry->size = length;
	r = log->in.bad || !fields ? 0 : take_fields(log, entry, fields);
	entry->known = fields && is_told(entry);
	return r;
}

static bool take_template(struct cursor_in *in, struct ima_entry *entry)
{
	size_t length = cursor_get_le32(in);
	const uint8_t *name = length < IMA_TEMPLATE_MAX ? cursor_get_bytes(in, length) : NULL;

	if (!name || !length)
		return false;
	attest_text_ascii(entry->template, sizeof(entry->template), name, length);
	return strlen(entry->template) == length && !strchr(entry->template, '?');
}

int ima_next(struct ima_log *log, struct ima_entry *ret)
{
	int r;

	if (!log->in.left)
		return 0;
	*ret = (struct ima_entry){ .offset = log->before + (size_t)(log->in.at - log->bytes),
				   .number = log->entries };
	ret->pcr = cursor_get_le32(&log->in);
	ret->digest = cursor_get_bytes(&log->in, hash_size(log->bank));
	if (!log->in.bad && ret->pcr >= ATTEST_PCRS)
		return malformed(log, ret, "entry %zu is of PCR %u, which no TPM has", ret->number,
				 ret->pcr);
	if (!take_template(&log->in, ret))
		return malformed(log, ret, "entry %zu has no name of a template", ret->number);
	ret->violation = cursor_is_zero(ret->digest, hash_size(log->bank));
	r = !strcmp(ret->template, "ima") ? take_legacy(log, ret) : take_data(log, ret);
	if (r)
		return r;
	if (log->in.bad)
		return malformed(log, ret, "entry %zu is cut off", ret->number);
	log->entries++;
	return 1;
}

static bool begins_with(const uint8_t *bytes, size_t length, enum attest_bank bank)
{
	struct cursor_in in = cursor_in(bytes, length);
	struct ima_entry entry;

	cursor_get_bytes(&in, 4 + hash_size(bank));
	return take_template(&in, &entry) && (!strcmp(entry.template, "ima") || fields_of(&entry) ||
					      !strncmp(entry.template, "ima-", 4));
}

int ima_open(struct ima_log *ret, const uint8_t *bytes, size_t length,
	     struct attest_verdict *verdict)
{
	*ret = (struct ima_log){ .in = cursor_in(bytes, length), .bytes = bytes,
				 .verdict = verdict };
	if (!length) {
		attest_verdict_say(verdict, ATTEST_FAILED, "log.missing",
				   "see whether the kernel has IMA, and a TPM before it",
				   "the log of IMA is empty");
		verdict->malformed = true;
		return -EBADMSG;
	}
	if (length > IMA_BYTES_MAX)
		return attest_verdict_malformed(verdict, INVALID, 0, 0,
						"the log has %zu bytes, %u are the most", length,
						IMA_BYTES_MAX);
	for (; ret->bank < _ATTEST_BANK_MAX; ret->bank++)
		if (begins_with(bytes, length, ret->bank))
			return 0;
	return attest_verdict_malformed(verdict, INVALID, 0, 0,
					"this is no binary log of IMA: its first entry has no "
					"template known here");
}

void ima_resume(struct ima_log *ret, const struct ima_point *point, const uint8_t *bytes,
		size_t length, struct attest_verdict *verdict)
{
	*ret = (struct ima_log){ .in = cursor_in(bytes, length), .bytes = bytes,
				 .before = point->bytes, .entries = point->entries,
				 .bank = point->bank, .verdict = verdict };
}

void ima_template_digest(const struct ima_entry *entry, struct hash *hash, enum attest_bank bank,
			 uint8_t ret[ATTEST_DIGEST_MAX])
{
	static const uint8_t zeros[LEGACY_NAME];
	const struct hash_part parts[] = {
		{ entry->data, entry->size },
		{ entry->path, entry->path_size },
		{ zeros, LEGACY_NAME - (entry->legacy ? entry->path_size : 0) },
	};

	hash_parts(hash, bank, parts, entry->legacy ? 3 : 1, ret);
}
