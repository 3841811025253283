/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * EFI variables as the firmware measures them: UEFI_VARIABLE_DATA (TCG PC Client
 * Platform Firmware Profile, 10.4.2.2).
 *
 *	guid [16] | name u64 | data u64 | UTF-16 name, without a NUL | data
 */
#ifndef ATTEST_VARIABLE_H
#define ATTEST_VARIABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VARIABLE_NAME_MAX  64
#define VARIABLE_GUID_SIZE 16
#define VARIABLE_GUID_TEXT 37

/**
 * struct variable - a variable
 * @guid: its name space
 * @name: harmless text; what is longer than there is room for is no name known here
 * @data: its value
 * @size: bytes of it
 * @extra: bytes behind it
 */
struct variable {
	const uint8_t *guid;
	char name[VARIABLE_NAME_MAX];
	const uint8_t *data;
	size_t size;
	size_t extra;
};

/**
 * variable_parse() - read a variable
 * @ret: points into @bytes
 * @bytes: of the event
 * @length: how many
 *
 * Return: false where its lengths do not fit. Bytes may follow: see @ret->extra.
 */
bool variable_parse(struct variable *ret, const uint8_t *bytes, size_t length);

/** variable_is_global() - is it of the UEFI specification's own name space, called @name? */
bool variable_is_global(const struct variable *variable, const char *name);

/** variable_is_image() - is it db, dbx, ... of the image security name space? */
bool variable_is_image(const struct variable *variable, const char *name);

/** variable_guid_text() - a GUID as people write it */
void variable_guid_text(char to[VARIABLE_GUID_TEXT], const uint8_t guid[VARIABLE_GUID_SIZE]);

#endif /* ATTEST_VARIABLE_H */
