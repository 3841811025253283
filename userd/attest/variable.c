// SPDX-License-Identifier: BSD-3-Clause
/*
 * The name's length counts UTF-16 units and is 64 bits wide: it is compared with what is
 * left before it is doubled.
 */
#include "attest/variable.h"

#include <stdio.h>
#include <string.h>

#include "attest/attest.h"
#include "base/cursor.h"
#include "base/secret.h"

/* UEFI 2.10, 3.3: EFI_GLOBAL_VARIABLE, 8be4df61-93ca-11d2-aa0d-00e098032b8c */
static const uint8_t global[VARIABLE_GUID_SIZE] = {
	0x61, 0xdf, 0xe4, 0x8b, 0xca, 0x93, 0xd2, 0x11,
	0xaa, 0x0d, 0x00, 0xe0, 0x98, 0x03, 0x2b, 0x8c
};
/* UEFI 2.10, 32.6.1: EFI_IMAGE_SECURITY_DATABASE_GUID, d719b2cb-3d3a-4596-a3bc-dad00e67656f */
static const uint8_t image[VARIABLE_GUID_SIZE] = {
	0xcb, 0xb2, 0x19, 0xd7, 0x3a, 0x3d, 0x96, 0x45,
	0xa3, 0xbc, 0xda, 0xd0, 0x0e, 0x67, 0x65, 0x6f
};

bool variable_parse(struct variable *ret, const uint8_t *bytes, size_t length)
{
	struct cursor_in in = cursor_in(bytes, length);
	const uint8_t *name;
	uint64_t units, size;

	ret->guid = cursor_get_bytes(&in, VARIABLE_GUID_SIZE);
	units = cursor_get_le64(&in);
	size = cursor_get_le64(&in);
	if (in.bad || units > in.left / 2)
		return false;
	name = cursor_get_bytes(&in, 2 * (size_t)units);
	if (size > in.left)
		return false;
	ret->data = cursor_get_bytes(&in, (size_t)size);
	ret->size = (size_t)size;
	ret->extra = in.left;
	attest_text_utf16(ret->name, sizeof(ret->name), name, 2 * (size_t)units);
	/* A NUL or a cut would make it look like another one. */
	if (strlen(ret->name) != units)
		snprintf(ret->name, sizeof(ret->name), "?");
	return !in.bad;
}

static bool is(const struct variable *variable, const uint8_t *guid, const char *name)
{
	return secret_equal(variable->guid, guid, VARIABLE_GUID_SIZE) &&
	       !strcmp(variable->name, name);
}

bool variable_is_global(const struct variable *variable, const char *name)
{
	return is(variable, global, name);
}

bool variable_is_image(const struct variable *variable, const char *name)
{
	return is(variable, image, name);
}

void variable_guid_text(char to[VARIABLE_GUID_TEXT], const uint8_t guid[VARIABLE_GUID_SIZE])
{
	struct cursor_in in = cursor_in(guid, VARIABLE_GUID_SIZE);
	uint32_t a = cursor_get_le32(&in);
	uint16_t b = cursor_get_le16(&in), c = cursor_get_le16(&in), d = cursor_get_u16(&in);
	uint16_t e = cursor_get_u16(&in);

	snprintf(to, VARIABLE_GUID_TEXT, "%08x-%04x-%04x-%04x-%04x%08x", a, b, c, d, e,
		 cursor_get_u32(&in));
}
