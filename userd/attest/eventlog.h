/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Event logs of the firmware (TCG PC Client Platform Firmware Profile, 10).
 *
 * Two formats, told apart by the first event: a Spec ID event of version 3 starts a
 * crypto-agile log with digests of several algorithms in an event; in all other logs
 * an event has one SHA-1 digest.
 *
 * eventlog_parse() looks at the framing alone, eventlog_replay() computes the PCR values,
 * and eventlog_appraise() says what it all means. The log's bytes stay the caller's and
 * have to outlive it.
 */
#ifndef ATTEST_EVENTLOG_H
#define ATTEST_EVENTLOG_H

#include "attest/attest.h"
#include "attest/hash.h"

#define EVENTLOG_BYTES_MAX	(8u << 20)
#define EVENTLOG_EVENTS_MAX	16384
#define EVENTLOG_ALGORITHMS_MAX 16

/**
 * enum event_proof - is what an event says what was measured?
 * @EVENT_UNPROVEN: its digest is of something that is not in the log
 * @EVENT_PROVEN: its digest is the one of its data
 * @EVENT_LIES: it should be, and is not
 */
enum event_proof {
	EVENT_UNPROVEN,
	EVENT_PROVEN,
	EVENT_LIES,
};

/** enum event_class - what an event tells about, in words of vSphere */
enum event_class {
	EVENT_CLASS_NONE,
	EVENT_CLASS_SOFTWARE,
	EVENT_CLASS_OPTION,
	EVENT_CLASS_COMMAND,
	EVENT_CLASS_SECURITY,
	EVENT_CLASS_SIGNER,
	EVENT_CLASS_VERSION,
	EVENT_CLASS_NV_TAG,
	EVENT_CLASS_COMPLETE,
	_EVENT_CLASS_MAX,
};

/** enum event_secure_boot - was Secure Boot on when this log was written? */
enum event_secure_boot {
	EVENT_SECURE_BOOT_UNKNOWN,
	EVENT_SECURE_BOOT_UNSET,
	EVENT_SECURE_BOOT_OFF,
	EVENT_SECURE_BOOT_ON,
	_EVENT_SECURE_BOOT_MAX,
};

/**
 * struct event - one event
 * @offset: in the log
 * @number: from 0
 * @pcr: as written; 0xffffffff in marks of Windows
 * @type: as written
 * @digest: by bank; NULL where there is none
 * @data: what the event says
 * @data_offset: of that in the log
 * @size: bytes of it
 * @proof: filled in by eventlog_appraise()
 */
struct event {
	size_t offset;
	size_t number;
	uint32_t pcr;
	uint32_t type;
	const uint8_t *digest[_ATTEST_BANK_MAX];
	const uint8_t *data;
	size_t data_offset;
	size_t size;
	enum event_proof proof;
};

/**
 * struct eventlog - a log that was read
 * @agile: crypto-agile format
 * @banks: that it has digests of, bit n for bank n
 * @unknown_banks: algorithms of it that are not known here
 * @uintn: bytes of the firmware's UINTN
 * @events: in the order they happened
 * @count: of @events
 */
struct eventlog {
	bool agile;
	uint32_t banks;
	unsigned int unknown_banks;
	unsigned int uintn;
	struct event *events;
	size_t count;
};

/**
 * eventlog_parse() - read a log
 * @ret: the caller ends it with eventlog_done(), whatever is returned
 * @bytes: whole log
 * @length: bytes of it
 * @verdict: hears what is wrong and where, as "log.invalid"
 *
 * Return: 0; -EBADMSG (malformed, or of no TPM at all); -ENOMEM.
 */
int eventlog_parse(struct eventlog *ret, const uint8_t *bytes, size_t length,
		   struct attest_verdict *verdict);

/** eventlog_done() - release what eventlog_parse() made; an empty one is fine */
void eventlog_done(struct eventlog *log);

/**
 * eventlog_replay() - compute the PCR values that a log accounts for
 * @log: parsed
 * @hash: does it
 * @ret: has a value for each PCR of which all events have a digest of the bank
 */
void eventlog_replay(const struct eventlog *log, struct hash *hash, struct attest_pcrs *ret);

/**
 * eventlog_compare() - do PCR values of a TPM follow from a log?
 * @log: parsed
 * @hash: computes
 * @replayed: by eventlog_replay()
 * @actual: the TPM's; what it does not have is not compared
 * @verdict: hears "replay.pcrN" and "pcr.unlogged"
 */
void eventlog_compare(const struct eventlog *log, struct hash *hash,
		      const struct attest_pcrs *replayed, const struct attest_pcrs *actual,
		      struct attest_verdict *verdict);

/**
 * eventlog_explains() - does the SHA-256 value of a PCR follow from a log?
 * @log: parsed
 * @hash: computes
 * @actual: the TPM's; has the PCR
 * @pcr: number of it
 *
 * PCR 11 may have been extended by the phases of systemd's boot as well, in their order.
 */
bool eventlog_explains(const struct eventlog *log, struct hash *hash,
		       const struct attest_pcrs *actual, unsigned int pcr);

/**
 * eventlog_appraise() - does a log tell the truth, and of a boot that is in order?
 * @log: parsed; gets the proofs of its events
 * @hash: computes
 * @verdict: hears "log.data", "log.structure", "log.invalid", "sb.*"
 *
 * Return: whether Secure Boot was on.
 */
enum event_secure_boot eventlog_appraise(struct eventlog *log, struct hash *hash,
					 struct attest_verdict *verdict);

/** event_type_name() - such as "EV_SEPARATOR"; "unknown" where nothing is defined */
const char *event_type_name(uint32_t type);

/** event_class() - what it tells about; the text alone decides where it is unproven */
enum event_class event_class(const struct event *event);

/** event_class_name() - such as "SoftwareComponent"; NULL for EVENT_CLASS_NONE */
const char *event_class_name(enum event_class class);

/** event_secure_boot_name() - "on", "off", "unset" or "unknown" */
const char *event_secure_boot_name(enum event_secure_boot state);

/**
 * event_describe() - what an event says, as text for people
 * @log: it is of
 * @event: to describe
 * @to: harmless text, ends with a NUL; empty where there is nothing to say
 * @room: bytes of it
 */
void event_describe(const struct eventlog *log, const struct event *event, char *to, size_t room);

/**
 * event_is_signed() - is an EV_NO_ACTION event of a kind?
 * @event: any
 * @signature: the bytes that its data begins with
 * @length: how many
 */
bool event_is_signed(const struct event *event, const char *signature, size_t length);

/**
 * event_say() - add a reason that is about an event; as attest_verdict_say()
 */
struct attest_reason *event_say(const struct event *event, struct attest_verdict *verdict,
				enum attest_status status, const char *code, const char *next,
				const char *format, ...) __attribute__((format(printf, 6, 7)));

/* TCG PC Client Platform Firmware Profile, 10.4.1 */
#define EV_PREBOOT_CERT			 0x00
#define EV_POST_CODE			 0x01
#define EV_UNUSED			 0x02
#define EV_NO_ACTION			 0x03
#define EV_SEPARATOR			 0x04
#define EV_ACTION			 0x05
#define EV_EVENT_TAG			 0x06
#define EV_S_CRTM_CONTENTS		 0x07
#define EV_S_CRTM_VERSION		 0x08
#define EV_CPU_MICROCODE		 0x09
#define EV_PLATFORM_CONFIG_FLAGS	 0x0a
#define EV_TABLE_OF_DEVICES		 0x0b
#define EV_COMPACT_HASH			 0x0c
#define EV_IPL				 0x0d
#define EV_IPL_PARTITION_DATA		 0x0e
#define EV_NONHOST_CODE			 0x0f
#define EV_NONHOST_CONFIG		 0x10
#define EV_NONHOST_INFO			 0x11
#define EV_OMIT_BOOT_DEVICE_EVENTS	 0x12
#define EV_POST_CODE2			 0x13
#define EV_EFI_VARIABLE_DRIVER_CONFIG	 0x80000001
#define EV_EFI_VARIABLE_BOOT		 0x80000002
#define EV_EFI_BOOT_SERVICES_APPLICATION 0x80000003
#define EV_EFI_BOOT_SERVICES_DRIVER	 0x80000004
#define EV_EFI_RUNTIME_SERVICES_DRIVER	 0x80000005
#define EV_EFI_GPT_EVENT		 0x80000006
#define EV_EFI_ACTION			 0x80000007
#define EV_EFI_PLATFORM_FIRMWARE_BLOB	 0x80000008
#define EV_EFI_HANDOFF_TABLES		 0x80000009
#define EV_EFI_PLATFORM_FIRMWARE_BLOB2	 0x8000000a
#define EV_EFI_HANDOFF_TABLES2		 0x8000000b
#define EV_EFI_VARIABLE_BOOT2		 0x8000000c
#define EV_EFI_GPT_EVENT2		 0x8000000d
#define EV_EFI_HCRTM_EVENT		 0x80000010
#define EV_EFI_VARIABLE_AUTHORITY	 0x800000e0
#define EV_EFI_SPDM_FIRMWARE_BLOB	 0x800000e1
#define EV_EFI_SPDM_FIRMWARE_CONFIG	 0x800000e2
#define EV_EFI_SPDM_DEVICE_POLICY	 0x800000e3
#define EV_EFI_SPDM_DEVICE_AUTHORITY	 0x800000e4

#endif /* ATTEST_EVENTLOG_H */
