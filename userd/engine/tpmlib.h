/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The TPM itself: libtpms, called from this file's .c alone.
 *
 * libtpms keeps one TPM in static variables and hands its permanent state to a
 * callback in the middle of a command. Here that callback only collects:
 * tpmlib_run() returns first, and the caller decides when the collected state
 * is published and committed. Power-on and resume are given their states as bytes.
 *
 * Once libtpms is in failure mode (Part 1, 12.2) nothing it holds is worth
 * keeping; the functions then return -ENOTRECOVERABLE, and the process ends
 * without publishing.
 */
#ifndef ENGINE_TPMLIB_H
#define ENGINE_TPMLIB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct tpmlib_blob - bytes that libtpms allocated
 * @bytes: the bytes
 * @length: how many
 */
struct tpmlib_blob {
	uint8_t *bytes;
	uint32_t length;
};

/** tpmlib_blob_done() - wipe and free; for _cleanup_, an empty one is fine */
void tpmlib_blob_done(struct tpmlib_blob *blob);

/**
 * tpmlib_prepare() - choose the TPM's version, set the callbacks, warm up OpenSSL
 *
 * To be called once, before the sandbox: later nothing needs a file.
 *
 * Return: 0 or -ENOTRECOVERABLE.
 */
int tpmlib_prepare(void);

/**
 * tpmlib_power_on() - _TPM_Init, with a permanent state or a new one
 * @permanent: state, not kept; NULL manufactures a new TPM
 * @length: bytes of it
 *
 * Return: 0; -EBADMSG (libtpms refuses the state); -ENOTRECOVERABLE.
 */
int tpmlib_power_on(const uint8_t *permanent, size_t length);

/**
 * tpmlib_resume() - go on where a TPM was
 * @permanent: permanent state, not kept
 * @permanent_length: bytes of it
 * @volatile_state: volatile state that belongs to it, not kept
 * @volatile_length: bytes of it
 *
 * A TPM that runs is powered off first. The random generator goes on from the
 * state too: stir it before anybody can ask.
 *
 * Return: 0; -EBADMSG (libtpms refuses the states); -ENOTRECOVERABLE.
 */
int tpmlib_resume(const uint8_t *permanent, size_t permanent_length, const uint8_t *volatile_state,
		  size_t volatile_length);

/**
 * tpmlib_power_cycle() - _TPM_Init with the permanent state that libtpms stored last
 *
 * That state stays one to be published. Where nothing was stored since
 * tpmlib_permanent_taken(), there is nothing to go on with.
 *
 * Return: 0 or -ENOTRECOVERABLE.
 */
int tpmlib_power_cycle(void);

/** tpmlib_power_off() - end it; what was not read out is lost */
void tpmlib_power_off(void);

/**
 * tpmlib_run() - execute one command
 * @locality: 0 to 4
 * @command: whole command
 * @length: bytes of it
 * @response: buffer for the response
 * @room: bytes of it
 * @ret_length: bytes of the response
 *
 * Return: 0, whatever the response says; -ENOTRECOVERABLE (failure mode).
 */
int tpmlib_run(uint8_t locality, const uint8_t *command, size_t length, uint8_t *response,
	       size_t room, size_t *ret_length);

/**
 * tpmlib_cancel() - tell the command that runs to stop; safe in a signal handler
 *
 * Heeded where libtpms searches for an RSA key; forgotten when the next command begins.
 */
void tpmlib_cancel(void);

/**
 * tpmlib_volatile() - the volatile state
 * @ret: the caller ends it with tpmlib_blob_done()
 *
 * Return: 0 or -ENOTRECOVERABLE.
 */
int tpmlib_volatile(struct tpmlib_blob *ret);

/**
 * tpmlib_permanent() - the permanent state, if libtpms stored it since
 * tpmlib_permanent_taken()
 *
 * Return: the bytes, valid until the next call of tpmlib_run(); NULL when it did
 * not change.
 */
const uint8_t *tpmlib_permanent(size_t *ret_length);

/** tpmlib_permanent_taken() - the permanent state has been published */
void tpmlib_permanent_taken(void);

/**
 * tpmlib_permanent_read() - have the permanent state as if libtpms had just stored it
 *
 * Return: 0 or -ENOTRECOVERABLE.
 */
int tpmlib_permanent_read(void);

/* What a platform does with a TPM beside commands; a result is that of TPM 1.2, 0: done. */

/** tpmlib_established() - has there been a measurement at locality 4? */
bool tpmlib_established(void);

/** tpmlib_reset_established() - forget that. Return: result */
uint32_t tpmlib_reset_established(uint8_t locality);

/** tpmlib_hash_start(), _data(), _end() - a measurement (Part 1, 34.3). Return: result */
uint32_t tpmlib_hash_start(void);
uint32_t tpmlib_hash_data(const uint8_t *bytes, size_t length);
uint32_t tpmlib_hash_end(void);

/** tpmlib_buffer() - ask for a size of commands, 0: none. Return: the size in use */
uint32_t tpmlib_buffer(uint32_t wanted, uint32_t *ret_min, uint32_t *ret_max);

/** tpmlib_info() - JSON about the library. Return: to be freed; NULL: none, or no memory */
char *tpmlib_info(uint64_t flags);

#endif /* ENGINE_TPMLIB_H */
