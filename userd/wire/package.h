/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A vTPM on its way from one host to another.
 *
 *	package	head length u32 | head | envelope
 *	head	facts | box | chain | signature
 *
 *	facts	"vtpm-move-v1", no NUL
 *		uuid (16), epoch u64 it has where it arrives, generation u64 of the envelope
 *		SHA-256 of the envelope (32), SHA-256 of the key it is sealed to (32)
 *		seconds since 1970 u64
 *		name u16 | bytes, front end u8, PCR banks u32, plain state u8, made u64
 *	box	u16 | bytes: the data key, sealed to the other host's key; bound to the facts
 *	chain	u16 | bytes: certificates of this host's CA, DER one behind the other
 *	signature r (32) | s (32), by the first of these, over facts, box and chain
 *
 * The facts are no secret. vtpm-keyd writes a head and vtpm-keyd believes one; those between
 * carry it, and can look at the facts.
 */
#ifndef WIRE_PACKAGE_H
#define WIRE_PACKAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PACKAGE_HASH	  32
#define PACKAGE_UUID	  16
#define PACKAGE_NAME	  64
#define PACKAGE_SIGNATURE 64

/** define PACKAGE_FACTS_MAX - largest facts, in bytes */
#define PACKAGE_FACTS_MAX 256

/** define PACKAGE_BOX_MAX - largest box, in bytes */
#define PACKAGE_BOX_MAX 256

/** define PACKAGE_CHAIN_MAX - largest chain, in bytes */
#define PACKAGE_CHAIN_MAX 6144

/** define PACKAGE_HEAD_MAX - largest head, in bytes */
#define PACKAGE_HEAD_MAX \
	(PACKAGE_FACTS_MAX + PACKAGE_BOX_MAX + PACKAGE_CHAIN_MAX + PACKAGE_SIGNATURE + 4)

/**
 * struct package_bytes - bytes of somebody else
 * @at: first one
 * @length: how many
 */
struct package_bytes {
	const uint8_t *at;
	size_t length;
};

/**
 * struct package - a head
 * @uuid: of the vTPM
 * @epoch: that it has where it arrives
 * @generation: of the envelope
 * @envelope: SHA-256 of it
 * @target: SHA-256 of the key it is sealed to, an uncompressed point
 * @time: when, seconds since 1970
 * @name: of the vTPM
 * @front: its front end
 * @banks: its PCR banks
 * @plain: its state may leave in clear
 * @created: when it was made
 * @box: data key
 * @chain: of the CA of the host it comes from
 * @signature: by that one
 */
struct package {
	uint8_t uuid[PACKAGE_UUID];
	uint64_t epoch;
	uint64_t generation;
	uint8_t envelope[PACKAGE_HASH];
	uint8_t target[PACKAGE_HASH];
	uint64_t time;
	char name[PACKAGE_NAME];
	uint8_t front;
	uint32_t banks;
	bool plain;
	uint64_t created;
	struct package_bytes box;
	struct package_bytes chain;
	uint8_t signature[PACKAGE_SIGNATURE];
};

/** package_put_facts() - write the facts: what a box is bound to. Return: bytes; 0: no room */
size_t package_put_facts(const struct package *package, uint8_t ret[PACKAGE_FACTS_MAX]);

/** package_put_signed() - write all but the signature. Return: bytes; 0: a part is too large */
size_t package_put_signed(const struct package *package, uint8_t ret[PACKAGE_HEAD_MAX]);

/** package_put_head() - write a head. Return: bytes; 0: a part is too large */
size_t package_put_head(const struct package *package, uint8_t ret[PACKAGE_HEAD_MAX]);

/**
 * package_get_head() - read a head, strictly
 * @bytes: it
 * @length: of @bytes
 * @ret: set on success; its box and chain are in @bytes
 *
 * Return: is it one? false: another version, or not what package_put_head() writes.
 */
bool package_get_head(const void *bytes, size_t length, struct package *ret);

/**
 * package_split() - find the parts of a package
 * @ret_head: set on success, in @bytes
 * @ret_envelope: the same
 *
 * Return: is there a head, and something behind it? Whether it is one is not looked at.
 */
bool package_split(const void *bytes, size_t length, struct package_bytes *ret_head,
		   struct package_bytes *ret_envelope);

#endif /* WIRE_PACKAGE_H */
