// SPDX-License-Identifier: BSD-3-Clause
/*
 * Framing (TCG PC Client Platform Firmware Profile, 10.2; all integers little-endian).
 *
 *	TCG_PCR_EVENT	pcr u32 | type u32 | sha1 [20] | size u32 | data
 *	TCG_PCR_EVENT2	pcr u32 | type u32 | count u32 | {alg u16, digest} * count
 *			| size u32 | data
 *	Spec ID		"Spec ID Event03\0" | class u32 | minor u8 | major u8 | errata u8
 *			| uintn u8 | count u32 | {alg u16, size u16} * count
 *			| size u8 | vendor's bytes
 *
 * The Spec ID event lists the algorithms and their sizes, so a digest of one that is
 * not known here can be stepped over. One that it does not list ends the reading: where
 * the next event begins would be a guess.
 */
#include "attest/eventlog.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"

#define WINDOWS_MARK 0xffffffffu
#define PADDING_LEAST 16
#define INVALID	      "log.invalid"

static const char spec_id_3[16] = "Spec ID Event03";

/**
 * struct reader - a log on its way into a struct eventlog
 * @in: what is left
 * @bytes: all of it
 * @log: what was read
 * @room: events that @log has memory for
 * @id: algorithms that the Spec ID event lists
 * @size: bytes of their digests
 * @algorithms: how many
 * @verdict: hears what is wrong
 */
struct reader {
	struct cursor_in in;
	const uint8_t *bytes;
	struct eventlog *log;
	size_t room;
	uint16_t id[EVENTLOG_ALGORITHMS_MAX];
	uint16_t size[EVENTLOG_ALGORITHMS_MAX];
	unsigned int algorithms;
	struct attest_verdict *verdict;
};

static size_t here(const struct reader *reader)
{
	return (size_t)(reader->in.at - reader->bytes);
}

#define malformed(reader, event, ...) \
	attest_verdict_malformed((reader)->verdict, INVALID, (event)->offset, (event)->number, \
				 __VA_ARGS__)

bool event_is_signed(const struct event *event, const char *signature, size_t length)
{
	return event->type == EV_NO_ACTION && event->size >= length &&
	       !strncmp((const char *)event->data, signature, length);
}

struct attest_reason *event_say(const struct event *event, struct attest_verdict *verdict,
				enum attest_status status, const char *code, const char *next,
				const char *format, ...)
{
	struct attest_reason *reason;
	char text[sizeof(reason->text)];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	reason = attest_verdict_say(verdict, status, code, next, "%s", text);
	reason->pcr = event->pcr < ATTEST_PCRS ? (int)event->pcr : ATTEST_NONE;
	reason->event = (long)event->number;
	reason->offset = (long)event->offset;
	return reason;
}

static int take_algorithm(struct reader *reader, const struct event *event, uint16_t id,
			  uint16_t size)
{
	enum attest_bank bank = hash_by_id(id);

	for (unsigned int i = 0; i < reader->algorithms; i++)
		if (reader->id[i] == id)
			return malformed(reader, event,
					 "the Spec ID event lists algorithm 0x%04x twice", id);
	if (bank < _ATTEST_BANK_MAX && size != hash_size(bank))
		return malformed(reader, event,
				 "the Spec ID event says that a %s digest has %u bytes, not %zu",
				 hash_name(bank), size, hash_size(bank));
	if (!size || size > ATTEST_DIGEST_MAX)
		return malformed(reader, event,
				 "the Spec ID event gives algorithm 0x%04x digests of %u bytes", id,
				 size);
	if (bank < _ATTEST_BANK_MAX)
		reader->log->banks |= 1u << bank;
	else
		reader->log->unknown_banks++;
	reader->id[reader->algorithms] = id;
	reader->size[reader->algorithms++] = size;
	return 0;
}

static int take_spec_id(struct reader *reader, const struct event *event)
{
	struct cursor_in in = cursor_in(event->data, event->size);
	uint32_t class, count;
	uint8_t major, uintn;
	int r;

	cursor_get_bytes(&in, sizeof(spec_id_3));
	class = cursor_get_le32(&in);
	cursor_get_u8(&in);
	major = cursor_get_u8(&in);
	cursor_get_u8(&in);
	uintn = cursor_get_u8(&in);
	count = cursor_get_le32(&in);
	if (in.bad || major != 2 || class > 1 || uintn > 2)
		return malformed(reader, event,
				 "the Spec ID event is of no version that is known here");
	if (!count || count > EVENTLOG_ALGORITHMS_MAX)
		return malformed(reader, event, "the Spec ID event lists %u algorithms", count);
	for (uint32_t i = 0; i < count; i++) {
		uint16_t id = cursor_get_le16(&in), size = cursor_get_le16(&in);

		r = in.bad ? malformed(reader, event, "the Spec ID event is cut off")
			   : take_algorithm(reader, event, id, size);
		if (r)
			return r;
	}
	cursor_get_bytes(&in, cursor_get_u8(&in));
	if (!cursor_ended(&in))
		return malformed(reader, event, "the Spec ID event has a wrong length");
	if (!reader->log->banks)
		return malformed(reader, event,
				 "the Spec ID event lists no algorithm that is known here");
	reader->log->uintn = uintn == 1 ? 4 : 8;
	reader->log->agile = true;
	return 0;
}

static int take_digests(struct reader *reader, struct event *event)
{
	uint32_t count = cursor_get_le32(&reader->in), seen = 0;

	if (!reader->in.bad && (count > reader->algorithms ||
				(!count && event->type != EV_NO_ACTION)))
		return malformed(reader, event, "event %zu has %u digests, of %u algorithms",
				 event->number, count, reader->algorithms);
	for (uint32_t i = 0; !reader->in.bad && i < count; i++) {
		uint16_t id = cursor_get_le16(&reader->in);
		enum attest_bank bank = hash_by_id(id);
		const uint8_t *digest;
		unsigned int a = 0;

		while (a < reader->algorithms && reader->id[a] != id)
			a++;
		if (reader->in.bad)
			break;
		if (a == reader->algorithms)
			return malformed(reader, event,
					 "event %zu has a digest of algorithm 0x%04x, which the "
					 "Spec ID event does not list",
					 event->number, id);
		if (seen & 1u << a)
			return malformed(reader, event,
					 "event %zu has two digests of algorithm 0x%04x",
					 event->number, id);
		seen |= 1u << a;
		digest = cursor_get_bytes(&reader->in, reader->size[a]);
		if (bank < _ATTEST_BANK_MAX)
			event->digest[bank] = digest;
	}
	return 0;
}

static int take_event(struct reader *reader, struct event *event)
{
	uint32_t size;
	int r;

	*event = (struct event){ .offset = here(reader), .number = reader->log->count };
	event->pcr = cursor_get_le32(&reader->in);
	event->type = cursor_get_le32(&reader->in);
	if (reader->log->agile) {
		r = take_digests(reader, event);
		if (r)
			return r;
	} else {
		event->digest[ATTEST_SHA1] = cursor_get_bytes(&reader->in, hash_size(ATTEST_SHA1));
	}
	size = cursor_get_le32(&reader->in);
	if (!reader->in.bad && size > reader->in.left)
		return malformed(reader, event,
				 "event %zu says it has %u bytes of data, and the log ends after %zu",
				 event->number, size, reader->in.left);
	event->data_offset = here(reader);
	event->data = cursor_get_bytes(&reader->in, size);
	event->size = size;
	if (reader->in.bad)
		return malformed(reader, event, "event %zu is cut off", event->number);
	if (event->pcr >= ATTEST_PCRS &&
	    !(event->pcr == WINDOWS_MARK && event->type == EV_NO_ACTION))
		return malformed(reader, event, "event %zu is of PCR %u, which no TPM has",
				 event->number, event->pcr);
	return 0;
}

/* Tables of ACPI are larger than their logs. */
static bool take_padding(struct reader *reader)
{
	const uint8_t *at = reader->in.at;
	size_t left = reader->in.left, same = 1;

	if (left < PADDING_LEAST || (*at != 0 && *at != 0xff))
		return false;
	while (same < left && at[same] == *at)
		same++;
	if (same != left)
		return false;
	attest_verdict_say(reader->verdict, ATTEST_WARNING, "log.padding",
			   "read the log from binary_bios_measurements",
			   "%zu bytes 0x%02x follow the last event", left, *at)
		->offset = (long)here(reader);
	cursor_get_bytes(&reader->in, left);
	return true;
}

static int make_room(struct reader *reader)
{
	struct eventlog *log = reader->log;
	struct event *events;

	if (log->count < reader->room)
		return 0;
	reader->room = reader->room ? 2 * reader->room : 256;
	events = reallocarray(log->events, reader->room, sizeof(*events));
	if (!events)
		return -ENOMEM;
	log->events = events;
	return 0;
}

static int take_first(struct reader *reader, const struct event *event)
{
	/* Confidential guests log runtime registers, which are no PCRs. */
	if (event->pcr == 1 && event_is_signed(event, spec_id_3, sizeof(spec_id_3))) {
		attest_verdict_say(reader->verdict, ATTEST_NA, "log.not-a-tpm",
				   "appraise the TPM's own log",
				   "this is the log of a confidential guest, not of a TPM");
		return -EBADMSG;
	}
	if (event->pcr == 0 && event_is_signed(event, spec_id_3, sizeof(spec_id_3)))
		return take_spec_id(reader, event);
	reader->log->banks = 1u << ATTEST_SHA1;
	return 0;
}

int eventlog_parse(struct eventlog *ret, const uint8_t *bytes, size_t length,
		   struct attest_verdict *verdict)
{
	struct reader reader = { .in = cursor_in(bytes, length), .bytes = bytes, .log = ret,
				 .verdict = verdict };
	int r = 0;

	*ret = (struct eventlog){ .uintn = 8 };
	if (!length || length > EVENTLOG_BYTES_MAX) {
		attest_verdict_say(verdict, ATTEST_FAILED, length ? INVALID "@0" : "log.missing",
				   "see why the host has none: without Secure Boot GRUB may start "
				   "the kernel past the EFI stub",
				   length ? "the log has %zu bytes, %u are the most"
					  : "the log is empty: %zu bytes, of at most %u",
				   length, EVENTLOG_BYTES_MAX);
		verdict->malformed = true;
		return -EBADMSG;
	}
	while (!r && reader.in.left && !take_padding(&reader)) {
		r = make_room(&reader);
		if (!r)
			r = take_event(&reader, &ret->events[ret->count]);
		if (!r && !ret->count++)
			r = take_first(&reader, &ret->events[0]);
		if (!r && ret->count == EVENTLOG_EVENTS_MAX && reader.in.left)
			r = attest_verdict_malformed(verdict, INVALID, here(&reader), ret->count,
						     "the log has more than %d events",
						     EVENTLOG_EVENTS_MAX);
	}
	if (!r && !ret->count)
		r = attest_verdict_malformed(verdict, INVALID, 0, 0, "the log has no events");
	return r;
}

void eventlog_done(struct eventlog *log)
{
	free(log->events);
	*log = (struct eventlog){ 0 };
}
