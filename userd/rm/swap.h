/* SPDX-License-Identifier: BSD-3-Clause */
/* In and out: inside the room. */
#ifndef RM_SWAP_H
#define RM_SWAP_H

#include "rm/rm.h"

/*
 * All return 0 or -errno of the TPM. What the current command names is never put
 * out: it is what was used last, at rm->now.
 */

/* More than the slots of any TPM: an end for what should have ended by itself. */
#define RM_TRIES 16

/* Commands after which a TPM that was full is asked whether it still is. */
#define RM_ASK_AGAIN 64

/**
 * rm_relieve() - the TPM gave a warning: make room, or close the gap of session contexts
 * @rc: response code
 * @ret_helped: it is worth trying again
 */
int rm_relieve(struct rm *rm, uint32_t rc, bool *ret_helped);

/**
 * rm_object_in() - have an object loaded
 * @ret_rc: TPM_RC_SUCCESS; a warning (no room); otherwise the TPM does not take it
 *	back, and it has been forgotten
 */
int rm_object_in(struct rm *rm, struct rm_object *object, uint32_t *ret_rc);

/** rm_session_in() - have a session loaded; @ret_rc as for rm_object_in() */
int rm_session_in(struct rm *rm, struct rm_session *session, uint32_t *ret_rc);

/** rm_flush() - TPM2_FlushContext; an unknown handle is fine */
int rm_flush(struct rm *rm, uint32_t handle);

/** rm_resync() - forget the objects that the TPM has flushed by itself */
int rm_resync(struct rm *rm);

/** rm_context_sequence() - the number in a saved session's context (Part 2, 14.5) */
uint64_t rm_context_sequence(const uint8_t *context, size_t length);

#endif /* RM_SWAP_H */
