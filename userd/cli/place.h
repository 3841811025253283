/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where a new recovery code goes: a new file, a descriptor, or a terminal. It is
 * chosen before anything is done, and a code is in its file or behind its descriptor before
 * vtpmd hears of it; so there is never a host whose code nobody has.
 */
#ifndef CLI_PLACE_H
#define CLI_PLACE_H

#include <stdbool.h>

#include <jansson.h>

#include "cli/cli.h"

/**
 * enum place_kind - kinds of places
 * @PLACE_FILE: a file that is made for it
 * @PLACE_FD: a descriptor that was passed
 * @PLACE_TERMINAL: standard error, where that is a terminal
 */
enum place_kind {
	PLACE_FILE,
	PLACE_FD,
	PLACE_TERMINAL,
};

/**
 * struct place - where it goes
 * @kind: which kind
 * @path: of the file
 * @fd: of the file, or the one passed
 */
struct place {
	enum place_kind kind;
	const char *path;
	int fd;
};

/** place_choose() - by the command line. Return: NULL, or the problem; nothing is made yet */
json_t *place_choose(const struct cli *cli, struct place *ret);

/** place_store() - write the code where it lasts; for a terminal nothing. Return: as above */
json_t *place_store(struct place *place, const char *code);

/**
 * place_settle() - the host has this code, or has it not, or (@unknown) nobody knows
 *
 * A terminal is shown it unless the host has it not; a file of a code that no host has is
 * removed.
 *
 * Return: false: it could not be shown.
 */
bool place_settle(struct place *place, const char *code, bool good, bool unknown);

#endif /* CLI_PLACE_H */
