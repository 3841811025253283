/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where the permanent state of one TPM lives between power-offs.
 *
 * A store holds records {generation, bytes}; a commit replaces the newest one and
 * is durable when it returns. Three states are kept apart on purpose: EMPTY
 * (nothing was ever committed), OK, and CORRUPT (something is there and
 * cannot be read as a record). Nobody may take CORRUPT for EMPTY: that would
 * re-create a TPM and destroy what its owner sealed to it.
 *
 * A commit that fails says which of two things happened. Any error but -EUCLEAN:
 * the record of before is still the newest one, for certain. -EUCLEAN: nobody
 * can tell, and only store_load(), a new commit of the same generation, or a person
 * can help. -EPROTO is the same, of a store whose other side speaks nonsense.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stddef.h>
#include <stdint.h>

/** define STORE_RECORD_MAX - largest record, in bytes; libtpms 0.9 needs 272 KiB and an envelope */
#define STORE_RECORD_MAX (320u << 10)

/**
 * enum store_state - what a store holds
 * @STORE_EMPTY: nothing was ever committed
 * @STORE_OK: a whole record
 * @STORE_CORRUPT: something else
 */
enum store_state {
	STORE_EMPTY,
	STORE_OK,
	STORE_CORRUPT,
};

/**
 * struct store_record - answer of store_load()
 * @state: see there
 * @generation: of the newest record; 0 unless STORE_OK
 * @bytes: its bytes, owned by the store, valid until the next call on it; NULL
 *	unless STORE_OK
 * @length: how many
 * @reason: why it is STORE_CORRUPT, a constant string; NULL otherwise
 */
struct store_record {
	enum store_state state;
	uint64_t generation;
	const uint8_t *bytes;
	size_t length;
	const char *reason;
};

struct store;

/**
 * struct store_ops - what a backend does
 * @load: see store_load()
 * @commit: see store_commit()
 * @free: see store_free()
 */
struct store_ops {
	int (*load)(struct store *store, struct store_record *ret);
	int (*commit)(struct store *store, uint64_t generation, const void *bytes, size_t length);
	void (*free)(struct store *store);
};

/**
 * struct store - base of each backend's own structure
 * @ops: the backend
 */
struct store {
	const struct store_ops *ops;
};

/**
 * store_load() - read the newest record
 *
 * Return: 0, or -errno when the medium could not be read (EIO).
 */
int store_load(struct store *store, struct store_record *ret);

/**
 * store_commit() - make @bytes the newest record, durably
 * @store: store
 * @generation: greater than that of the newest record
 * @bytes: record, not kept
 * @length: 1 to STORE_RECORD_MAX
 *
 * Return: 0; -EUCLEAN, -EPROTO (the outcome is unknown); another -errno (the record of
 * before is still the newest): EINVAL (generation or length out of range), EFBIG (too long,
 * or a file size limit), ENOSPC, EDQUOT, EIO.
 */
int store_commit(struct store *store, uint64_t generation, const void *bytes, size_t length);

/** store_free() - release a store; NULL is fine. Return: NULL */
struct store *store_free(struct store *store);

/**
 * store_mem_new() - a store that ends with its process
 *
 * Return: the store, the caller frees it; NULL without memory.
 */
struct store *store_mem_new(void);

/** store_mem_fail() - let each later commit of a memory store fail; 0 ends that */
void store_mem_fail(struct store *store, int error);

/**
 * store_plain_new() - a store in one file, which adds no protection of its own
 * @fd: regular file open for reading and writing, borrowed for the store's life
 *
 * Return: the store, the caller frees it; NULL without memory.
 */
struct store *store_plain_new(int fd);

#endif /* STORE_STORE_H */
