/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * When the recovery code last opened this host: who plans a change wants to know whether there
 * is a way back.
 *
 *	file	STATE_DIR/keys/proven: "vtpmprov" | version u16 | seconds of the wall clock u64
 *
 * It is for people: nothing is decided by it, so nothing but its form is checked.
 */
#ifndef SEAL_PROVEN_H
#define SEAL_PROVEN_H

#include <stdint.h>

/** proven_load() - when it was; 0 where nobody knows of such a time */
uint64_t proven_load(int directory);

/** proven_save() - it was at @when. Return: 0; as keyfile_save() */
int proven_save(int directory, uint64_t when);

#endif /* SEAL_PROVEN_H */
