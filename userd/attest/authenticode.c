// SPDX-License-Identifier: BSD-3-Clause
/*
 * PE images, as far as their digest needs it (Microsoft PE/COFF Specification, 2 to 4).
 *
 *	"MZ" ... at 0x3c: offset of "PE\0\0" | COFF header (20) | optional header | sections
 *	optional header: checksum at 64; in PE32+ directory 4, the signatures, at 144
 *
 * Hashed are: the headers but checksum and directory 4, the sections in the order they lie in
 * the file, and what lies behind the last one, but not the signatures at the end.
 */
#include "attest/authenticode.h"

#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/secret.h"

#define MZ	       0x5a4d
#define PE	       0x00004550
#define PE_OFFSET      0x3c
#define COFF_SIZE      20
#define PE32	       0x10b
#define PE32_PLUS      0x20b
#define SECTION_SIZE   40
#define NAME_SIZE      8
#define CHECKSUM_AT    64
#define HEADERS_AT     60
#define DIRECTORIES_32 92
#define DIRECTORIES_64 108
#define SIGNATURES     4
#define PARTS_MAX      (AUTHENTICODE_SECTIONS_MAX + 4)

struct image {
	const uint8_t *bytes;
	size_t length;
	size_t optional;
	size_t optional_size;
	size_t headers;
	size_t directory;
	size_t signatures;
	unsigned int sections;
};

struct section {
	uint32_t at;
	uint32_t size;
};

static struct cursor_in at(const struct image *image, size_t offset)
{
	struct cursor_in in = cursor_in(image->bytes, image->length);

	cursor_get_bytes(&in, offset);
	return in;
}

static bool read_directory(struct image *image)
{
	struct cursor_in in = at(image, image->optional);
	uint16_t magic = cursor_get_le16(&in);
	size_t count_at = magic == PE32_PLUS ? DIRECTORIES_64 : DIRECTORIES_32;
	uint32_t count, where, size;

	if (in.bad || (magic != PE32_PLUS && magic != PE32))
		return false;
	in = at(image, image->optional + HEADERS_AT);
	image->headers = cursor_get_le32(&in);
	in = at(image, image->optional + count_at);
	count = cursor_get_le32(&in);
	image->directory = image->optional + count_at + 4 + 8 * SIGNATURES;
	if (in.bad || count <= SIGNATURES ||
	    count_at + 4 + 8 * (SIGNATURES + 1) > image->optional_size)
		return false;
	in = at(image, image->directory);
	where = cursor_get_le32(&in);
	size = cursor_get_le32(&in);
	/* signatures are the end of the file, or there are none */
	if (in.bad || (size && (uint64_t)where + size != image->length))
		return false;
	image->signatures = size;
	return image->directory + 8 <= image->headers && image->headers <= image->length - size;
}

static bool read_headers(struct image *image)
{
	struct cursor_in in = at(image, 0);
	uint32_t offset;

	if (cursor_get_le16(&in) != MZ)
		return false;
	in = at(image, PE_OFFSET);
	offset = cursor_get_le32(&in);
	in = at(image, offset);
	if (cursor_get_le32(&in) != PE)
		return false;
	cursor_get_le16(&in);
	image->sections = cursor_get_le16(&in);
	cursor_get_bytes(&in, 12);
	image->optional_size = cursor_get_le16(&in);
	image->optional = (size_t)offset + 4 + COFF_SIZE;
	return !in.bad && image->sections <= AUTHENTICODE_SECTIONS_MAX && read_directory(image);
}

static int by_place(const void *a, const void *b)
{
	const struct section *one = a, *other = b;

	return one->at < other->at ? -1 : one->at > other->at;
}

/* Those that have bytes in the file, in the order they lie there. Return: false: they cannot be */
static bool read_sections(const struct image *image, struct section *sections, size_t *ret_count)
{
	struct cursor_in in = at(image, image->optional + image->optional_size);
	size_t end = image->headers, count = 0;

	for (unsigned int i = 0; i < image->sections; i++) {
		struct cursor_in section = cursor_sub(&in, SECTION_SIZE);

		cursor_get_bytes(&section, 16);
		sections[count].size = cursor_get_le32(&section);
		sections[count].at = cursor_get_le32(&section);
		count += sections[count].size != 0;
	}
	if (in.bad)
		return false;
	qsort(sections, count, sizeof(sections[0]), by_place);
	for (size_t i = 0; i < count; i++) {
		if (sections[i].at < end ||
		    (uint64_t)sections[i].at + sections[i].size > image->length - image->signatures)
			return false;
		end = (size_t)sections[i].at + sections[i].size;
	}
	*ret_count = count;
	return true;
}

static void add(struct hash_part *parts, size_t *count, const struct image *image, size_t from,
		size_t to)
{
	parts[(*count)++] = (struct hash_part){ image->bytes + from, to - from };
}

bool authenticode(struct hash *hash, enum attest_bank bank, const uint8_t *bytes, size_t length,
		  uint8_t ret[ATTEST_DIGEST_MAX])
{
	struct image image = { .bytes = bytes, .length = length };
	struct section sections[AUTHENTICODE_SECTIONS_MAX];
	struct hash_part parts[PARTS_MAX];
	size_t count = 0, used, behind;

	if (!read_headers(&image) || !read_sections(&image, sections, &used))
		return false;
	add(parts, &count, &image, 0, image.optional + CHECKSUM_AT);
	add(parts, &count, &image, image.optional + CHECKSUM_AT + 4, image.directory);
	add(parts, &count, &image, image.directory + 8, image.headers);
	behind = image.headers;
	for (size_t i = 0; i < used; i++) {
		add(parts, &count, &image, sections[i].at,
		    (size_t)sections[i].at + sections[i].size);
		behind = (size_t)sections[i].at + sections[i].size;
	}
	add(parts, &count, &image, behind, length - image.signatures);
	hash_parts(hash, bank, parts, count, ret);
	return true;
}

bool authenticode_section(struct hash_part file, const char *name, struct hash_part *ret)
{
	struct image image = { .bytes = file.at, .length = file.length };
	struct cursor_in in;
	size_t length = strlen(name);

	if (!read_headers(&image) || length > NAME_SIZE)
		return false;
	in = at(&image, image.optional + image.optional_size);
	for (unsigned int i = 0; i < image.sections; i++) {
		struct cursor_in section = cursor_sub(&in, SECTION_SIZE);
		const uint8_t *called = cursor_get_bytes(&section, NAME_SIZE);
		uint32_t size = cursor_get_le32(&section), stored, where;

		cursor_get_le32(&section);
		stored = cursor_get_le32(&section);
		where = cursor_get_le32(&section);
		if (section.bad)
			return false;
		if (strnlen((const char *)called, NAME_SIZE) != length ||
		    !secret_equal(called, name, length))
			continue;
		if (!size || size > stored || (uint64_t)where + size > image.length)
			return false;
		*ret = (struct hash_part){ image.bytes + where, size };
		return true;
	}
	return false;
}
