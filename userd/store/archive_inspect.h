/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Looking at a store without a key, without a host TPM, and without writing a byte.
 *
 * While vtpmd runs its file is read like any reader of SQLite would. While it does not, a
 * file with no log beside it is read as it lies there; what a dead vtpmd left in the log is
 * read from there, and stays there.
 *
 * What can be seen: whether the file is whole; whether each vTPM has an envelope whose
 * head is that of its row; whether what is stored of it is what its leaf and its digest say. Of a
 * file that is not whole the vTPMs are looked at one by one all the same, as far as their
 * list can be read: the damage is in few of them. Whether the root block is the newest only keyd
 * can tell, and what is in an envelope only its engine.
 */
#ifndef STORE_ARCHIVE_INSPECT_H
#define STORE_ARCHIVE_INSPECT_H

#include "store/archive.h"

/**
 * struct archive_seen - one vTPM of an inspected store
 * @uuid: who
 * @name: its name; empty for a spare
 * @epoch: of its row
 * @generation: of its row
 * @length: bytes of its envelope
 * @quarantine: why it is quarantined; empty: it is not
 * @problem: what is wrong; empty: it is intact
 */
struct archive_seen {
	uint8_t uuid[16];
	char name[VTPM_NAME_SIZE];
	uint64_t epoch;
	uint64_t generation;
	size_t length;
	char quarantine[VTPM_REASON_SIZE];
	char problem[VTPM_REASON_SIZE];
};

/**
 * archive_inspect() - look at a store
 * @path: of the database file
 * @look: is given each vTPM of it, and each that is missing; also where the file is damaged
 * @context: for @look
 * @ret_block: there is a root block
 * @reason: why it could not be looked at, or what is wrong with the file as a whole
 * @room: bytes of @reason
 *
 * Return: 0; -EUCLEAN (the file is damaged, or no archive of this version); -ENOENT;
 * -EACCES; -ENOMEM; -EIO; another -errno.
 */
int archive_inspect(const char *path, void (*look)(void *context, const struct archive_seen *seen),
		    void *context, bool *ret_block, char *reason, size_t room);

#endif /* STORE_ARCHIVE_INSPECT_H */
