// SPDX-License-Identifier: BSD-3-Clause
/*
 * Write and read; see the header.
 */
#include "wire/package.h"

#include <string.h>

#include "base/cursor.h"

static const char magic[] = "vtpm-move-v1";
#define MAGIC (sizeof(magic) - 1)

static void put_facts(struct cursor_out *out, const struct package *package)
{
	size_t name = strnlen(package->name, sizeof(package->name));

	cursor_put_raw(out, magic, MAGIC);
	cursor_put_raw(out, package->uuid, sizeof(package->uuid));
	cursor_put_u64(out, package->epoch);
	cursor_put_u64(out, package->generation);
	cursor_put_raw(out, package->envelope, sizeof(package->envelope));
	cursor_put_raw(out, package->target, sizeof(package->target));
	cursor_put_u64(out, package->time);
	cursor_put_u16(out, (uint16_t)name);
	cursor_put_raw(out, package->name, name);
	cursor_put_u8(out, package->front);
	cursor_put_u32(out, package->banks);
	cursor_put_u8(out, package->plain);
	cursor_put_u64(out, package->created);
}

static void put_bytes(struct cursor_out *out, struct package_bytes bytes, size_t max)
{
	if (bytes.length > max)
		out->bad = true;
	cursor_put_u16(out, (uint16_t)bytes.length);
	cursor_put_raw(out, bytes.at, bytes.length);
}

static size_t end(const struct cursor_out *out)
{
	return out->bad ? 0 : out->used;
}

size_t package_put_facts(const struct package *package, uint8_t ret[PACKAGE_FACTS_MAX])
{
	struct cursor_out out = cursor_out(ret, PACKAGE_FACTS_MAX);

	put_facts(&out, package);
	return end(&out);
}

size_t package_put_signed(const struct package *package, uint8_t ret[PACKAGE_HEAD_MAX])
{
	struct cursor_out out = cursor_out(ret, PACKAGE_HEAD_MAX - PACKAGE_SIGNATURE);

	put_facts(&out, package);
	put_bytes(&out, package->box, PACKAGE_BOX_MAX);
	put_bytes(&out, package->chain, PACKAGE_CHAIN_MAX);
	return end(&out);
}

size_t package_put_head(const struct package *package, uint8_t ret[PACKAGE_HEAD_MAX])
{
	size_t length = package_put_signed(package, ret);
	struct cursor_out out = cursor_out(ret + length, PACKAGE_SIGNATURE);

	if (!length)
		return 0;
	cursor_put_raw(&out, package->signature, sizeof(package->signature));
	return length + out.used;
}

static bool is_printable(const char *text)
{
	for (; *text; text++) {
		if (*text < '!' || *text > '~')
			return false;
	}
	return true;
}

static bool get_name(struct cursor_in *in, char ret[PACKAGE_NAME])
{
	size_t length = cursor_get_u16(in);

	if (!length || length >= PACKAGE_NAME)
		return false;
	cursor_get_raw(in, ret, length);
	ret[length] = '\0';
	return strlen(ret) == length && is_printable(ret);
}

static struct package_bytes get_bytes(struct cursor_in *in, size_t max)
{
	size_t length = cursor_get_u16(in);
	const uint8_t *at = cursor_get_bytes(in, length);

	if (length > max)
		in->bad = true;
	return (struct package_bytes){ at, length };
}

bool package_get_head(const void *bytes, size_t length, struct package *ret)
{
	struct cursor_in in = cursor_in(bytes, length);
	struct package package = { 0 };
	char text[MAGIC];
	uint8_t plain;
	bool named;

	cursor_get_raw(&in, text, sizeof(text));
	cursor_get_raw(&in, package.uuid, sizeof(package.uuid));
	package.epoch = cursor_get_u64(&in);
	package.generation = cursor_get_u64(&in);
	cursor_get_raw(&in, package.envelope, sizeof(package.envelope));
	cursor_get_raw(&in, package.target, sizeof(package.target));
	package.time = cursor_get_u64(&in);
	named = get_name(&in, package.name);
	package.front = cursor_get_u8(&in);
	package.banks = cursor_get_u32(&in);
	plain = cursor_get_u8(&in);
	package.plain = plain;
	package.created = cursor_get_u64(&in);
	package.box = get_bytes(&in, PACKAGE_BOX_MAX);
	package.chain = get_bytes(&in, PACKAGE_CHAIN_MAX);
	cursor_get_raw(&in, package.signature, sizeof(package.signature));
	/* numbers that a store can hold */
	if (!cursor_ended(&in) || strncmp(text, magic, MAGIC) != 0 || !named || plain > 1 ||
	    package.epoch < 2 || package.epoch > INT64_MAX || package.generation > INT64_MAX ||
	    package.created > INT64_MAX || package.time > INT64_MAX)
		return false;
	*ret = package;
	return true;
}

bool package_split(const void *bytes, size_t length, struct package_bytes *ret_head,
		   struct package_bytes *ret_envelope)
{
	struct cursor_in in = cursor_in(bytes, length);
	size_t size = cursor_get_u32(&in);
	const uint8_t *head = cursor_get_bytes(&in, size);

	if (in.bad || !size || size > PACKAGE_HEAD_MAX || !in.left)
		return false;
	*ret_head = (struct package_bytes){ head, size };
	*ret_envelope = (struct package_bytes){ in.at, in.left };
	return true;
}
