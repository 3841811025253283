/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What this host's CA has certified: one record for each certificate, durable before the
 * certificate leaves, so that whatever is out there can be revoked by its serial number.
 *
 *	file	STATE_DIR/keys/issued: records of ISSUED_SIZE bytes, never changed
 *	record	time u64 (seconds since 1970) | uuid (16) | epoch u64 | serial (16) | kind u8
 *		| zeros (7)
 *
 * A record that a power cut left half is written over by the next one: its certificate has not
 * left. Who may write the file may forget records; a verifier that revokes a uuid or an epoch
 * needs none of them.
 */
#ifndef KEYD_ISSUED_H
#define KEYD_ISSUED_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "wire/ipc.h"
#include "wire/ipc_keyd.h"

/** define ISSUED_SIZE - bytes of a record */
#define ISSUED_SIZE KEYD_ISSUED_RECORD

/**
 * struct issued - a record
 * @time: seconds since 1970
 * @uuid: of the vTPM
 * @epoch: of it
 * @serial: number of the certificate
 * @kind: of the key
 */
struct issued {
	uint64_t time;
	uint8_t uuid[IPC_UUID_SIZE];
	uint64_t epoch;
	uint8_t serial[KEYD_SERIAL_SIZE];
	enum keyd_cert_kind kind;
};

/**
 * issued_add() - one more, durable
 * @directory: STATE_DIR/keys
 *
 * Return: 0; -errno of openat(), pwritev(), fsync().
 */
int issued_add(int directory, const struct issued *issued);

/**
 * issued_read() - read records as they are in the file
 * @from: the first one to read
 * @ret: room for @most of them
 * @ret_count: how many there are in all; set on success
 *
 * Return: how many were read; -errno of openat() and pread().
 */
ssize_t issued_read(int directory, uint64_t from, uint8_t *ret, size_t most, uint64_t *ret_count);

#endif /* KEYD_ISSUED_H */
