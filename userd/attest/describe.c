// SPDX-License-Identifier: BSD-3-Clause
/*
 * What an event says: its type's name, its class, and a line for people.
 *
 * The class of an event of the operating system's loaders follows from its text, which
 * its digest need not cover. Who decides by it looks at the event's proof first.
 */
#include "attest/eventlog.h"

#include <stdio.h>
#include <string.h>

#include "attest/ipl.h"
#include "attest/variable.h"
#include "base/cursor.h"
#include "base/text.h"

/* UEFI 2.10, 10.3 */
#define DEVICE_PATH_MEDIA     0x04
#define DEVICE_PATH_FILE      0x04
#define DEVICE_PATH_END	      0x7f
#define DEVICE_PATH_NODES_MAX 64

/* Linux, drivers/firmware/efi/libstub/efistub.h */
#define TAG_INITRD  0x8f3b22ecu
#define TAG_OPTIONS 0x8f3b22edu

static const struct {
	uint32_t type;
	const char *name;
	enum event_class class;
} types[] = {
	{ EV_PREBOOT_CERT, "EV_PREBOOT_CERT", EVENT_CLASS_NONE },
	{ EV_POST_CODE, "EV_POST_CODE", EVENT_CLASS_SOFTWARE },
	{ EV_UNUSED, "EV_UNUSED", EVENT_CLASS_NONE },
	{ EV_NO_ACTION, "EV_NO_ACTION", EVENT_CLASS_NONE },
	{ EV_SEPARATOR, "EV_SEPARATOR", EVENT_CLASS_NONE },
	{ EV_ACTION, "EV_ACTION", EVENT_CLASS_NONE },
	{ EV_EVENT_TAG, "EV_EVENT_TAG", EVENT_CLASS_OPTION },
	{ EV_S_CRTM_CONTENTS, "EV_S_CRTM_CONTENTS", EVENT_CLASS_SOFTWARE },
	{ EV_S_CRTM_VERSION, "EV_S_CRTM_VERSION", EVENT_CLASS_VERSION },
	{ EV_CPU_MICROCODE, "EV_CPU_MICROCODE", EVENT_CLASS_SOFTWARE },
	{ EV_PLATFORM_CONFIG_FLAGS, "EV_PLATFORM_CONFIG_FLAGS", EVENT_CLASS_OPTION },
	{ EV_TABLE_OF_DEVICES, "EV_TABLE_OF_DEVICES", EVENT_CLASS_NONE },
	{ EV_COMPACT_HASH, "EV_COMPACT_HASH", EVENT_CLASS_NONE },
	{ EV_IPL, "EV_IPL", EVENT_CLASS_SOFTWARE },
	{ EV_IPL_PARTITION_DATA, "EV_IPL_PARTITION_DATA", EVENT_CLASS_NONE },
	{ EV_NONHOST_CODE, "EV_NONHOST_CODE", EVENT_CLASS_SOFTWARE },
	{ EV_NONHOST_CONFIG, "EV_NONHOST_CONFIG", EVENT_CLASS_OPTION },
	{ EV_NONHOST_INFO, "EV_NONHOST_INFO", EVENT_CLASS_SOFTWARE },
	{ EV_OMIT_BOOT_DEVICE_EVENTS, "EV_OMIT_BOOT_DEVICE_EVENTS", EVENT_CLASS_NONE },
	{ EV_POST_CODE2, "EV_POST_CODE2", EVENT_CLASS_SOFTWARE },
	{ EV_EFI_VARIABLE_DRIVER_CONFIG, "EV_EFI_VARIABLE_DRIVER_CONFIG", EVENT_CLASS_SECURITY },
	{ EV_EFI_VARIABLE_BOOT, "EV_EFI_VARIABLE_BOOT", EVENT_CLASS_OPTION },
	{ EV_EFI_BOOT_SERVICES_APPLICATION, "EV_EFI_BOOT_SERVICES_APPLICATION",
	  EVENT_CLASS_SOFTWARE },
	{ EV_EFI_BOOT_SERVICES_DRIVER, "EV_EFI_BOOT_SERVICES_DRIVER", EVENT_CLASS_SOFTWARE },
	{ EV_EFI_RUNTIME_SERVICES_DRIVER, "EV_EFI_RUNTIME_SERVICES_DRIVER", EVENT_CLASS_SOFTWARE },
	{ EV_EFI_GPT_EVENT, "EV_EFI_GPT_EVENT", EVENT_CLASS_NONE },
	{ EV_EFI_ACTION, "EV_EFI_ACTION", EVENT_CLASS_NONE },
	{ EV_EFI_PLATFORM_FIRMWARE_BLOB, "EV_EFI_PLATFORM_FIRMWARE_BLOB", EVENT_CLASS_SOFTWARE },
	{ EV_EFI_HANDOFF_TABLES, "EV_EFI_HANDOFF_TABLES", EVENT_CLASS_NONE },
	{ EV_EFI_PLATFORM_FIRMWARE_BLOB2, "EV_EFI_PLATFORM_FIRMWARE_BLOB2", EVENT_CLASS_SOFTWARE },
	{ EV_EFI_HANDOFF_TABLES2, "EV_EFI_HANDOFF_TABLES2", EVENT_CLASS_NONE },
	{ EV_EFI_VARIABLE_BOOT2, "EV_EFI_VARIABLE_BOOT2", EVENT_CLASS_OPTION },
	{ EV_EFI_GPT_EVENT2, "EV_EFI_GPT_EVENT2", EVENT_CLASS_NONE },
	{ EV_EFI_HCRTM_EVENT, "EV_EFI_HCRTM_EVENT", EVENT_CLASS_SOFTWARE },
	{ EV_EFI_VARIABLE_AUTHORITY, "EV_EFI_VARIABLE_AUTHORITY", EVENT_CLASS_SIGNER },
	{ EV_EFI_SPDM_FIRMWARE_BLOB, "EV_EFI_SPDM_FIRMWARE_BLOB", EVENT_CLASS_SOFTWARE },
	{ EV_EFI_SPDM_FIRMWARE_CONFIG, "EV_EFI_SPDM_FIRMWARE_CONFIG", EVENT_CLASS_OPTION },
	{ EV_EFI_SPDM_DEVICE_POLICY, "EV_EFI_SPDM_DEVICE_POLICY", EVENT_CLASS_SECURITY },
	{ EV_EFI_SPDM_DEVICE_AUTHORITY, "EV_EFI_SPDM_DEVICE_AUTHORITY", EVENT_CLASS_SIGNER },
};

const char *event_type_name(uint32_t type)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i].type == type)
			return types[i].name;
	return "unknown";
}

/* Most texts are ASCII with or without a NUL; loaders of UEFI write UTF-16. */
static void text_of(const struct event *event, char *to, size_t room)
{
	struct cursor_in in = cursor_in(event->data, event->size);
	size_t even = 0;

	while (in.left > 1 && cursor_get_le16(&in) < 0x80)
		even++;
	if (event->size > 3 && event->size % 2 == 0 && 2 * even == event->size)
		attest_text_utf16(to, room, event->data, event->size);
	else
		attest_text_ascii(to, room, event->data, event->size);
}

static bool begins(const struct event *event, const char *word)
{
	return event->size >= strlen(word) &&
	       !strncmp((const char *)event->data, word, strlen(word));
}

static enum event_class class_of_action(const struct event *event)
{
	if (begins(event, "Exit Boot Services Returned with Success"))
		return EVENT_CLASS_COMPLETE;
	if (event->pcr == 7)
		return EVENT_CLASS_SECURITY;
	return EVENT_CLASS_NONE;
}

static enum event_class class_of_variable(const struct event *event)
{
	struct variable variable;

	if (event->type != EV_EFI_VARIABLE_AUTHORITY)
		return event->pcr == 7 ? EVENT_CLASS_SECURITY : EVENT_CLASS_OPTION;
	if (!variable_parse(&variable, event->data, event->size))
		return EVENT_CLASS_NONE;
	if (!strncmp(variable.name, "Sbat", 4))
		return EVENT_CLASS_VERSION;
	return strcmp(variable.name, "MokSBState") != 0 ? EVENT_CLASS_SIGNER : EVENT_CLASS_SECURITY;
}

/* TCG PC Client Platform Firmware Profile 1.06, 10.4.5.3 */
static bool is_nv_tag(const struct event *event)
{
	static const char instance[16] = "NvIndexInstance", dynamic[16] = "NvIndexDynamic";

	return event_is_signed(event, instance, sizeof(instance)) ||
	       event_is_signed(event, dynamic, sizeof(dynamic));
}

enum event_class event_class(const struct event *event)
{
	switch (event->type) {
	case EV_NO_ACTION:
		return is_nv_tag(event) ? EVENT_CLASS_NV_TAG : EVENT_CLASS_NONE;
	case EV_EFI_ACTION:
	case EV_ACTION:
		return class_of_action(event);
	case EV_EFI_VARIABLE_DRIVER_CONFIG:
	case EV_EFI_VARIABLE_AUTHORITY:
		return class_of_variable(event);
	case EV_IPL:
		return ipl_class(event);
	}
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i].type == event->type)
			return types[i].class;
	return EVENT_CLASS_NONE;
}

const char *event_class_name(enum event_class class)
{
	static const char *const names[_EVENT_CLASS_MAX] = {
		[EVENT_CLASS_SOFTWARE] = "SoftwareComponent",
		[EVENT_CLASS_OPTION] = "Option",
		[EVENT_CLASS_COMMAND] = "Command",
		[EVENT_CLASS_SECURITY] = "BootSecurityOption",
		[EVENT_CLASS_SIGNER] = "Signer",
		[EVENT_CLASS_VERSION] = "Version",
		[EVENT_CLASS_NV_TAG] = "NvTag",
		[EVENT_CLASS_COMPLETE] = "BootComplete",
	};

	return names[class];
}

static void describe_variable(const struct event *event, char *to, size_t room)
{
	char guid[VARIABLE_GUID_TEXT];
	struct variable variable;

	if (!variable_parse(&variable, event->data, event->size)) {
		text_cut(to, room, "a variable with wrong lengths");
		return;
	}
	variable_guid_text(guid, variable.guid);
	if (variable.size == 1)
		snprintf(to, room, "%s (%s) = %u", variable.name, guid, variable.data[0]);
	else
		snprintf(to, room, "%s (%s): %zu bytes", variable.name, guid, variable.size);
}

/* The names of files on a device path; the firmware vouches for none of it. */
static void describe_path(struct cursor_in path, char *to, size_t room)
{
	for (int node = 0; node < DEVICE_PATH_NODES_MAX && path.left; node++) {
		uint8_t type = cursor_get_u8(&path), kind = cursor_get_u8(&path);
		size_t length = cursor_get_le16(&path);
		const uint8_t *data = cursor_get_bytes(&path, length < 4 ? SIZE_MAX : length - 4);

		if (path.bad || type == DEVICE_PATH_END)
			return;
		if (type == DEVICE_PATH_MEDIA && kind == DEVICE_PATH_FILE)
			attest_text_utf16(to, room, data, length - 4);
	}
}

/* UEFI_IMAGE_LOAD_EVENT; its integers are of the firmware's own width. */
static void describe_image(const struct eventlog *log, const struct event *event, char *to,
			   size_t room)
{
	struct cursor_in in = cursor_in(event->data, event->size);
	uint64_t length;

	cursor_get_le64(&in);
	cursor_get_bytes(&in, 2 * log->uintn);
	length = log->uintn == 8 ? cursor_get_le64(&in) : cursor_get_le32(&in);
	if (!in.bad && length <= in.left)
		describe_path(cursor_sub(&in, (size_t)length), to, room);
}

/* UEFI_GPT_DATA: header (UEFI 2.10, 5.3.2), u64 count, entries */
static void describe_gpt(const struct event *event, char *to, size_t room)
{
	struct cursor_in in = cursor_in(event->data, event->size);
	char text[VARIABLE_GUID_TEXT];
	const uint8_t *guid;
	uint32_t entry_size;
	uint64_t count;

	cursor_get_bytes(&in, 56);
	guid = cursor_get_bytes(&in, VARIABLE_GUID_SIZE);
	cursor_get_bytes(&in, 12);
	entry_size = cursor_get_le32(&in);
	cursor_get_bytes(&in, 4);
	count = cursor_get_le64(&in);
	if (in.bad || !entry_size || count != in.left / entry_size || in.left % entry_size) {
		text_cut(to, room, "a partition table with wrong lengths");
		return;
	}
	variable_guid_text(text, guid);
	snprintf(to, room, "disk %s, %zu partitions", text, (size_t)count);
}

static void describe_tag(const struct event *event, char *to, size_t room)
{
	struct cursor_in in = cursor_in(event->data, event->size);
	uint32_t id = cursor_get_le32(&in), size = cursor_get_le32(&in);

	if (!in.bad && size == in.left && (id == TAG_INITRD || id == TAG_OPTIONS))
		attest_text_ascii(to, room, in.at, in.left);
	else
		snprintf(to, room, "tag 0x%08x, %zu bytes", id, in.left);
}

/* Firmware blobs with a name: u8 length, name, address, length. */
static void describe_blob2(const struct event *event, char *to, size_t room)
{
	struct cursor_in in = cursor_in(event->data, event->size);
	size_t length = cursor_get_u8(&in);
	const uint8_t *name = cursor_get_bytes(&in, length);

	if (name)
		attest_text_ascii(to, room, name, length);
}

static bool is_text(const struct event *event)
{
	switch (event->type) {
	case EV_POST_CODE:
	case EV_POST_CODE2:
	case EV_NO_ACTION:
	case EV_ACTION:
	case EV_S_CRTM_CONTENTS:
	case EV_S_CRTM_VERSION:
	case EV_COMPACT_HASH:
	case EV_IPL:
	case EV_NONHOST_CODE:
	case EV_NONHOST_CONFIG:
	case EV_NONHOST_INFO:
	case EV_OMIT_BOOT_DEVICE_EVENTS:
	case EV_EFI_ACTION:
		return true;
	}
	return false;
}

void event_describe(const struct eventlog *log, const struct event *event, char *to, size_t room)
{
	*to = '\0';
	switch (event->type) {
	case EV_EFI_VARIABLE_DRIVER_CONFIG:
	case EV_EFI_VARIABLE_BOOT:
	case EV_EFI_VARIABLE_BOOT2:
	case EV_EFI_VARIABLE_AUTHORITY:
		describe_variable(event, to, room);
		break;
	case EV_EFI_BOOT_SERVICES_APPLICATION:
	case EV_EFI_BOOT_SERVICES_DRIVER:
	case EV_EFI_RUNTIME_SERVICES_DRIVER:
		describe_image(log, event, to, room);
		break;
	case EV_EFI_GPT_EVENT:
	case EV_EFI_GPT_EVENT2:
		describe_gpt(event, to, room);
		break;
	case EV_EFI_PLATFORM_FIRMWARE_BLOB2:
	case EV_EFI_HANDOFF_TABLES2:
		describe_blob2(event, to, room);
		break;
	case EV_EVENT_TAG:
		describe_tag(event, to, room);
		break;
	case EV_SEPARATOR:
		attest_text_hex(to, event->data, event->size < 16 ? event->size : 16);
		break;
	default:
		if (is_text(event))
			text_of(event, to, room);
	}
}

const char *event_secure_boot_name(enum event_secure_boot state)
{
	static const char *const names[_EVENT_SECURE_BOOT_MAX] = {
		[EVENT_SECURE_BOOT_UNKNOWN] = "unknown",
		[EVENT_SECURE_BOOT_UNSET] = "unset",
		[EVENT_SECURE_BOOT_OFF] = "off",
		[EVENT_SECURE_BOOT_ON] = "on",
	};

	return names[state];
}
