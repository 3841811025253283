// SPDX-License-Identifier: BSD-3-Clause
/*
 * Open the boxes; see the header.
 */
#include "keyd/typed.h"

#include <errno.h>

#include "base/secret.h"

static int open_box(const struct keyd *keyd, const char *label, struct seal_bytes box,
		    uint8_t ret[BOX_TEXT_MAX], size_t *ret_length, struct reason *reason)
{
	if (!box_open(keyd->scalar, label, (struct seal_bytes){ 0 }, box, ret, BOX_TEXT_MAX,
		      ret_length))
		return 0;
	return refuse(reason, -EKEYREJECTED,
		      "what was typed was not encrypted to this vtpm-keyd's session key: it was "
		      "restarted meanwhile, try again");
}

int typed_password(const struct keyd *keyd, struct seal_bytes box, uint8_t ret[BOX_TEXT_MAX],
		   size_t *ret_length, struct reason *reason)
{
	*ret_length = 0;
	return box.length ? open_box(keyd, BOX_OWNER, box, ret, ret_length, reason) : 0;
}

static int typed_key(const struct keyd *keyd, const char *label, const char *what,
		     struct seal_bytes box, uint8_t *ret, size_t size, struct reason *reason)
{
	uint8_t text[BOX_TEXT_MAX];
	size_t length;
	int r;

	r = open_box(keyd, label, box, text, &length, reason);
	if (!r && length != size)
		r = refuse(reason, -EKEYREJECTED, "a %s has %zu bytes, this had %zu", what, size,
			   length);
	if (!r)
		cursor_copy(ret, size, text, length);
	secret_wipe(text, sizeof(text));
	return r;
}

int typed_root_key(const struct keyd *keyd, struct seal_bytes box, uint8_t ret[SEAL_KEY_SIZE],
		   struct reason *reason)
{
	return typed_key(keyd, BOX_ROOT, "host root key", box, ret, SEAL_KEY_SIZE, reason);
}

int typed_migration_key(const struct keyd *keyd, struct seal_bytes box,
			uint8_t ret[KEYD_DATA_KEY_SIZE], struct reason *reason)
{
	return typed_key(keyd, BOX_MIGRATION, "migration key", box, ret, KEYD_DATA_KEY_SIZE,
			 reason);
}
