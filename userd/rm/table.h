/* SPDX-License-Identifier: BSD-3-Clause */
/* Who has what: inside the room. */
#ifndef RM_TABLE_H
#define RM_TABLE_H

#include "rm/rm.h"

/* The TPM core's: the first virtual handle is the highest. */
#define RM_HANDLE_FIRST 0x80ffffffu
/* Part 2, 7.3: the number of a session */
#define RM_HANDLE_NUMBER 0x00ffffffu

/** rm_is_session() - is this the handle of a session? */
bool rm_is_session(uint32_t handle);

/** rm_is_empty() - has no client anything? */
bool rm_is_empty(const struct rm *rm);

/** rm_object_find() - a client's object by its virtual handle, or NULL */
struct rm_object *rm_object_find(struct rm *rm, uint64_t client, uint32_t handle);

/** rm_object_at() - the object that is loaded at one of the TPM's handles, or NULL */
struct rm_object *rm_object_at(struct rm *rm, uint32_t loaded);

/** rm_object_may_add() - may the client have one more? */
bool rm_object_may_add(const struct rm *rm, uint64_t client);

/**
 * rm_object_add() - the client has a new object, at the TPM's handle @loaded
 *
 * Return: the entry; never NULL after rm_object_may_add().
 */
struct rm_object *rm_object_add(struct rm *rm, uint64_t client, uint32_t loaded);

/** rm_object_forget() - it is gone */
void rm_object_forget(struct rm *rm, struct rm_object *object);

/** rm_session_find() - any client's session with the number of @handle, or NULL */
struct rm_session *rm_session_find(struct rm *rm, uint32_t handle);

/** rm_session_is_given() - has the client saved it, and not loaded it again? */
bool rm_session_is_given(const struct rm_session *session);

/** rm_session_may_add() - may the client have one more? */
bool rm_session_may_add(const struct rm *rm, uint64_t client);

/** rm_session_add() - the client has a new session; NULL where its number is out of range */
struct rm_session *rm_session_add(struct rm *rm, uint64_t client, uint32_t handle);

/** rm_session_forget() - it is gone */
void rm_session_forget(struct rm *rm, struct rm_session *session);

#endif /* RM_TABLE_H */
